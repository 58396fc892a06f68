# Replicates Choi, Som, Turaga: AMC-Loss (2020), from raw data to Table 1 and every figure.
import shutil
import time

from snakemake.utils import min_version

min_version("9.14.0")


include: "workflow/rules/common.smk"


pathvars:
    results=f"results/{study.name}",
    logs=f"results/{study.name}/logs",
    benchmarks=f"results/{study.name}/benchmarks",


report: "workflow/report/workflow.rst"


# On one machine `gpu` limits the trainings that run at once; on a cluster it is each job's request.
resource_scopes:
    gpu="local",


wildcard_constraints:
    dataset="|".join(study.config["datasets"]),
    run="[^/]+",


include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/explainability.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        "<results>/metrics.csv",
        rules.report.output,
        rules.report.input,
    localrule: True


told = Warnings([], time.time(), logger.warning)


onstart:
    if study.full_width_epochs > 100 and shutil.which("nvidia-smi") is None:
        logger.warning(
            "This machine shows no GPU. Unless the trainings go to a cluster they take days or weeks: "
            "`snakemake estimate --cores all` measures how long."
        )
    jobs = list(workflow.dag.needrun_jobs())
    trained = [job for job in jobs if job.rule.name == "train"]
    for job in trained:
        if workflow.dag.reason(job).forced:
            # Else a model that is as its settings, data and code say would be taken over.
            Path(job.output.model).with_name(KEPT_MODEL).unlink(missing_ok=True)
    if not workflow.output_settings.quiet:
        told.logs += [Path(log) for job in jobs for log in job.log]
        watch(
            {
                job.wildcards.run: study.work(study.runs[job.wildcards.run])
                for job in trained
            },
            Path("results", study.name, "logs/train"),
            told,
            logger.info,
        )


onerror:
    told.look()


onsuccess:
    told.look()
    if not workflow.output_settings.quiet:
        folder = Path("results", study.name)
        made = {job.rule.name for job in workflow.dag.jobs}
        for name in ("summary", "table1"):
            if name in made:
                print(f"\n{(folder / f'tables/{name}.md').read_text()}", end="")
        print()
        for title, makers, path in (
            ("Table 1", {"table1"}, "tables/table1.md"),
            ("Figures", {f"figure{n}" for n in range(1, 8)}, "figures"),
            ("Report", {"report"}, "report.html"),
        ):
            if made & makers:
                print(f"{title:<8} {folder / path}")

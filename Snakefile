# Replicates Choi, Som, Turaga: AMC-Loss (2020), from raw data to Table 1 and every figure.
import shutil

from snakemake.utils import min_version

min_version("9.14.0")


configfile: "config.yaml"


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


include: "workflow/rules/download.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/archive.smk"


rule all:
    default_target: True
    input:
        "<results>/metrics.csv",
        "<results>/report.zip",
        rules.table1.output,
        rules.table1_differences.output,
        rules.table2.output,
        rules.clustering.output,
        rules.protocol.output,
        rules.figures.input,
    localrule: True


onstart:
    if study.full_width_epochs > 100 and shutil.which("nvidia-smi") is None:
        logger.warning(
            "This machine shows no GPU. Unless the trainings go to a cluster they take days or weeks: "
            "`snakemake estimate --cores all` measures how long."
        )


onsuccess:
    if not workflow.output_settings.quiet:
        if (table := Path("results", study.name, "tables/table1.md")).exists():
            print(f"\n{table.read_text()}")
        for name, path in (
            ("Table 1", "tables/table1.md"),
            ("Figures", "figures"),
            ("Report", "report.zip"),
        ):
            if (made := Path("results", study.name, path)).exists():
                print(f"{name:<8} {made}")

rule report:
    input:
        rules.figures.input,
        rules.explainability.input,
        rules.claims.input,
        rules.table1.output,
        rules.table1_differences.output,
        rules.table2.output,
        rules.clustering.output,
        rules.protocol.output,
        rules.run_times.output,
        rules.summary.output,
        rules.configuration.output[1],
        configuration=rules.configuration.output[0],
    output:
        # The same twice: a folder that loads fast, and a single file to pass on.
        "<results>/report.zip",
        "<results>/report.html",
    log:
        "<logs>/report.log",
    localrule: True
    conda:
        "../../envs/report.yaml"
    params:
        code=digest("report/report.py"),
        captions=code_digest(Path(captions.__file__)),
        texts=lambda wildcards: hashlib.sha256(
            "".join(TEXTS.values()).encode()
        ).hexdigest(),
        # Of a workflow that uses this one as a module it is that one's.
        snakefile=os.path.relpath(workflow.main_snakefile),
    message:
        "Report of the study"
    script:
        "../scripts/report/report.py"


# What took long to make, for publication: from it all else follows without a training. It is an RO-Crate.
rule archive:
    input:
        configuration="<results>/tables/configuration.yaml",
        # In the order in which they are made, which is that of their time stamps.
        results=[
            *study.loss_files,
            *filter(None, map(checked_loss, study.runs.values())),
            *all_run_files("model.pt"),
            *all_run_files("history.csv"),
            *all_run_files("provenance.json"),
            *all_run_files("features.npz"),
            *rules.explanations.input,
            *all_run_files("metrics.json"),
            "<results>/metrics.csv",
        ],
    output:
        "<results>/archive.tar",
    log:
        "<logs>/archive.log",
    localrule: True
    conda:
        "../../envs/report.yaml"
    params:
        code=digest("report/archive.py"),
        # As functions: in text Snakemake would take braces for wildcards.
        snakefile=lambda wildcards: SNAKEFILE,
        citation=lambda wildcards: CITATION,
        datasets=lambda wildcards: {
            run.dataset: study.data(run.dataset) for run in study.runs.values()
        },
    message:
        "Archive of the study"
    script:
        "../scripts/report/archive.py"

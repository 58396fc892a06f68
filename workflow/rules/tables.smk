rule table1:
    input:
        metrics=run_files("table1", "metrics.json"),
    output:
        *table("table1", "1: accuracy", "csv", "md", "tex"),
    log:
        "<logs>/table1.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("tables/table1.py"),
        paper=PAPER,
        equal_variances=study.config["evaluation"]["equal_variances"],
        titles=study.titles,
        compared=asdict(study.losses),
    message:
        "Table 1: accuracy of each loss on each dataset, and Welch's test"
    script:
        "../scripts/tables/table1.py"


rule table1_differences:
    input:
        metrics=run_files("table1", "metrics.json"),
    output:
        *table("table1_differences", "1: differences", "csv", "md", "tex"),
    log:
        "<logs>/table1_differences.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("tables/table1_differences.py"),
        smallest=study.config["evaluation"]["smallest_difference"],
        paper=PAPER,
        equal_variances=study.config["evaluation"]["equal_variances"],
        titles=study.titles,
        compared=asdict(study.losses),
    message:
        "Table 1: differences to the paper and between the losses"
    script:
        "../scripts/tables/table1_differences.py"


rule table2:
    input:
        [figure_file("figure3"), figure_file("figure4")],
    output:
        *table("table2", "2: networks", "csv", "md", "tex"),
    log:
        "<logs>/table2.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("tables/table2.py"),
        architectures={
            name: study.architecture(name)
            for name in (figure_network("figure3"), "bottom3d")
        },
    message:
        "Table 2: layers and parameters of the networks"
    script:
        "../scripts/tables/table2.py"


# Trials of the losses that are tuned, and a configuration of the losses as chosen, for a study on the test split.
rule tuning:
    input:
        metrics=run_files("tuning", "metrics.json"),
    output:
        *table("tuning", "Tuning", "csv", "md", "tex"),
        configuration="<results>/tables/tuned.yaml",
    log:
        "<logs>/tuning.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("tables/tuning.py"),
        trials=[
            {"loss": loss, "settings": trial}
            for loss, runs in study.tuning().items()
            for trial, _ in runs
        ],
        losses=study.config["losses"],
        titles=study.titles,
        compared=asdict(study.losses),
    message:
        "Accuracy of each trial on the validation images, and the best of each loss"
    script:
        "../scripts/tables/tuning.py"


rule clustering:
    input:
        metrics=run_files("clustering", "metrics.json"),
    output:
        *table("clustering", "Clustering metrics", "csv", "md", "tex"),
    log:
        "<logs>/clustering.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("tables/clustering.py"),
        titles=study.titles,
        compared=asdict(study.losses),
    message:
        "Homogeneity, completeness and V-measure of each loss on each dataset"
    script:
        "../scripts/tables/clustering.py"


rule protocol:
    output:
        *table("protocol", "Protocol", "csv", "md"),
    log:
        "<logs>/protocol.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("tables/protocol.py"),
        rows=compare(schema, {**study.protocols, "this study": study.config}),
    message:
        "The settings of this study beside those of the protocols"
    script:
        "../scripts/tables/protocol.py"


rule configuration:
    output:
        *table("configuration", "Configuration", "yaml"),
    log:
        "<logs>/configuration.log",
    conda:
        "../../envs/report.yaml"
    params:
        code=digest("tables/configuration.py"),
        study={**study.config, "protocols": study.protocols},
    message:
        "The configuration of this study, every setting filled in"
    script:
        "../scripts/tables/configuration.py"


rule run_times:
    input:
        provenances=all_run_files("provenance.json"),
        histories=all_run_files("history.csv"),
    output:
        *table("run_times", "Run times", "csv", "md", "tex"),
    log:
        "<logs>/run_times.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("tables/run_times.py"),
        titles=study.titles,
        compared=asdict(study.losses),
    message:
        "What each kind of training took"
    script:
        "../scripts/tables/run_times.py"


# The front page of the report.
rule summary:
    input:
        data=[dataset_file(name, "json") for name in study.config["study"]["datasets"]],
        claims="<results>/tables/claims.csv",
        metrics=run_files("table1", "metrics.json"),
        provenances=all_run_files("provenance.json"),
        histories=all_run_files("history.csv"),
    output:
        report(
            "<results>/tables/summary.md",
            category="Tables",
            labels={"table": "Summary"},
            caption=caption("summary"),
        ),
    log:
        "<logs>/summary.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("tables/summary.py"),
        paper=PAPER,
        study=study.name,
        protocol=study.config["protocol"],
        changed=study.changed,
        full_scale=study.full_scale,
        equal_variances=study.config["evaluation"]["equal_variances"],
        titles=study.titles,
        compared=asdict(study.losses),
    message:
        "What was run, on what, and what held"
    script:
        "../scripts/tables/summary.py"

rule table1:
    input:
        metrics=of_runs("table1", "metrics.json"),
        paper=PAPER / "table1.csv",
    output:
        "<results>/tables/table1.csv",
        "<results>/tables/table1.md",
        "<results>/tables/table1.tex",
        report(
            "<results>/tables/table1.html",
            category="Tables",
            labels={"table": "1: accuracy"},
            caption="../report/table1.rst",
        ),
    log:
        "<logs>/table1.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=code_of("table1.py"),
        equal_variances=study.config["evaluation"]["equal_variances"],
        titles=study.titles,
    message:
        "Table 1: accuracy of each loss on each dataset, and Welch's test"
    script:
        "../scripts/table1.py"


rule table1_differences:
    input:
        metrics=of_runs("table1", "metrics.json"),
        paper=PAPER / "table1.csv",
    output:
        "<results>/tables/table1_differences.csv",
        "<results>/tables/table1_differences.md",
        "<results>/tables/table1_differences.tex",
        report(
            "<results>/tables/table1_differences.html",
            category="Tables",
            labels={"table": "1: differences"},
            caption="../report/table1_differences.rst",
        ),
    log:
        "<logs>/table1_differences.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=code_of("table1_differences.py"),
        equal_variances=study.config["evaluation"]["equal_variances"],
        titles=study.titles,
    message:
        "Table 1: differences to the paper and between the losses"
    script:
        "../scripts/table1_differences.py"


rule table2:
    input:
        [dataset_of("figure3"), dataset_of("figure4")],
    output:
        "<results>/tables/table2.csv",
        "<results>/tables/table2.md",
        "<results>/tables/table2.tex",
        report(
            "<results>/tables/table2.html",
            category="Tables",
            labels={"table": "2: networks"},
            caption="../report/table2.rst",
        ),
    log:
        "<logs>/table2.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=code_of("table2.py"),
        architectures={
            name: study.architecture(name)
            for name in (network_of("figure3"), "bottom3d")
        },
    message:
        "Table 2: layers and parameters of the networks"
    script:
        "../scripts/table2.py"


rule clustering:
    input:
        metrics=of_runs("clustering", "metrics.json"),
    output:
        "<results>/tables/clustering.csv",
        "<results>/tables/clustering.md",
        "<results>/tables/clustering.tex",
        report(
            "<results>/tables/clustering.html",
            category="Tables",
            labels={"table": "Clustering metrics"},
            caption="../report/clustering.rst",
        ),
    log:
        "<logs>/clustering.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=code_of("clustering.py"),
        titles=study.titles,
    message:
        "Homogeneity, completeness and V-measure of each loss on each dataset"
    script:
        "../scripts/clustering.py"


rule protocol:
    output:
        "<results>/tables/protocol.csv",
        "<results>/tables/protocol.md",
        report(
            "<results>/tables/protocol.html",
            category="Tables",
            labels={"table": "Protocol"},
            caption="../report/protocol.rst",
        ),
    log:
        "<logs>/protocol.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=code_of("protocol.py"),
        rows=compare(schema, {**study.protocols, "this study": study.config}),
    message:
        "The settings of this study beside those of the protocols"
    script:
        "../scripts/protocol.py"


rule configuration:
    output:
        "<results>/tables/configuration.yaml",
        report(
            "<results>/tables/configuration.html",
            category="Tables",
            labels={"table": "Configuration"},
            caption="../report/configuration.rst",
        ),
    log:
        "<logs>/configuration.log",
    conda:
        "../../envs/report.yaml"
    params:
        code=code_of("configuration.py"),
        study={**study.config, "protocols": study.protocols},
    message:
        "The configuration of this study, every setting filled in"
    script:
        "../scripts/configuration.py"


rule run_times:
    input:
        provenances=of_all_runs("provenance.json"),
        histories=of_all_runs("history.csv"),
    output:
        "<results>/tables/run_times.csv",
        "<results>/tables/run_times.md",
        "<results>/tables/run_times.tex",
        report(
            "<results>/tables/run_times.html",
            category="Tables",
            labels={"table": "Run times"},
            caption="../report/run_times.rst",
        ),
    log:
        "<logs>/run_times.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=code_of("run_times.py"),
        titles=study.titles,
    message:
        "What each kind of training took"
    script:
        "../scripts/run_times.py"


# The front page of the report.
rule summary:
    input:
        metrics=of_runs("table1", "metrics.json"),
        provenances=of_all_runs("provenance.json"),
        histories=of_all_runs("history.csv"),
        paper=PAPER / "table1.csv",
    output:
        report(
            "<results>/tables/summary.md",
            category="Tables",
            labels={"table": "Summary"},
            caption="../report/summary.rst",
        ),
    log:
        "<logs>/summary.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=code_of("summary.py"),
        study=study.name,
        protocol=study.config["protocol"],
        changed=study.changed,
        equal_variances=study.config["evaluation"]["equal_variances"],
        titles=study.titles,
    message:
        "What was run, on what, and what held"
    script:
        "../scripts/summary.py"

rule table1:
    input:
        metrics=of_runs("table1", "metrics.json"),
        paper=PAPER / "table1.csv",
    output:
        "<results>/tables/table1.csv",
        report(
            "<results>/tables/table1.md",
            category="Tables",
            labels={"table": "1: accuracy"},
            caption="../report/table1.rst",
        ),
        "<results>/tables/table1.tex",
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
        report(
            "<results>/tables/table1_differences.md",
            category="Tables",
            labels={"table": "1: differences"},
            caption="../report/table1_differences.rst",
        ),
        "<results>/tables/table1_differences.tex",
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
        report(
            "<results>/tables/table2.md",
            category="Tables",
            labels={"table": "2: networks"},
            caption="../report/table2.rst",
        ),
        "<results>/tables/table2.tex",
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
        report(
            "<results>/tables/clustering.md",
            category="Tables",
            labels={"table": "Clustering metrics"},
            caption="../report/clustering.rst",
        ),
        "<results>/tables/clustering.tex",
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
        report(
            "<results>/tables/protocol.md",
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

rule report:
    input:
        rules.figures.input,
        rules.table1.output,
        rules.table1_differences.output,
        rules.table2.output,
        rules.clustering.output,
        rules.protocol.output,
        rules.configuration.output,
        rules.run_times.output,
        rules.summary.output,
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
        code=code_of("report.py"),
        study={**study.config, "protocols": study.protocols},
    message:
        "Report of the study"
    script:
        "../scripts/report.py"

rule report:
    input:
        rules.figures.input,
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
        code=code_of("report.py"),
    message:
        "Report of the study"
    script:
        "../scripts/report.py"

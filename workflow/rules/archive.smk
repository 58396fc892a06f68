# What took long to make, for publication: from it all else follows without a training.
rule archive:
    input:
        configuration="<results>/tables/configuration.yaml",
        # In the order in which they are made, which is that of their time stamps.
        results=[
            *of_all_runs("model.pt"),
            *of_all_runs("history.csv"),
            *of_all_runs("provenance.json"),
            *of_all_runs("features.npz"),
            *of_all_runs("metrics.json"),
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
        code=code_of("archive.py"),
    message:
        "Archive of the study"
    script:
        "../scripts/archive.py"

# What took long to make, for publication: from it all else follows without a training.
rule archive:
    input:
        # In the order in which they are made, which is that of their time stamps.
        [
            f"<results>/runs/{run}/{file}"
            for file in (
                "model.pt",
                "history.csv",
                "provenance.json",
                "features.npz",
                "metrics.json",
            )
            for run in study.runs
        ],
        "<results>/metrics.csv",
    output:
        "<results>/archive.tar",
    log:
        "<logs>/archive.log",
    localrule: True
    conda:
        "../../envs/report.yaml"
    params:
        code=code_of("archive.py"),
        study={**study.config, "protocols": study.protocols},
    message:
        "Archive of the study"
    script:
        "../scripts/archive.py"

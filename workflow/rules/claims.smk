# What runs say of their features and of the auxiliary loss, for claims that no other table has numbers of.
rule measure_features:
    input:
        data=lambda wildcards: dataset_file(
            study.targets[f"values-{wildcards.target}"][0].dataset
        ),
        metrics=lambda wildcards: run_files(
            f"values-{wildcards.target}", "metrics.json"
        ),
        features=lambda wildcards: run_files(
            f"values-{wildcards.target}", "features.npz"
        ),
        histories=lambda wildcards: run_files(
            f"values-{wildcards.target}", "history.csv"
        ),
    output:
        "<results>/values/{target}.csv",
    log:
        "<logs>/measure_features/{target}.log",
    benchmark:
        "<benchmarks>/measure_features/{target}.tsv"
    wildcard_constraints:
        target="|".join(VALUES),
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("claims/measure_features.py"),
        # Whose choice of classes is ranked among all choices.
        figure=lambda wildcards: (
            study.config["figures"]["figure1"] if wildcards.target == "figure1" else {}
        ),
    message:
        "Measuring the features of {wildcards.target}"
    script:
        "../scripts/claims/measure_features.py"


rule claims_table:
    input:
        values=expand("<results>/values/{target}.csv", target=VALUES),
        explanations=expand(
            "<results>/explanations/{dataset}.csv", dataset=study.explained
        ),
        sweep=run_files("figure7", "metrics.json"),
        histories=run_files("figure7", "history.csv"),
    output:
        *table("claims", "Claims", "csv", "md", "tex", category="Claims"),
    log:
        "<logs>/claims_table.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("claims/claims_table.py"),
        values=VALUES,
        explained=study.explained,
        claims=lambda wildcards: CLAIMS,
        paper=PAPER,
        own=study.own_settings(study.varied_loss),
        vary=study.vary,
        varied_loss=study.varied_loss,
        full_scale=study.full_scale,
        titles=study.titles,
        compared=asdict(study.losses),
    message:
        "Claims: the number, its interval and the verdict of each"
    script:
        "../scripts/claims/claims_table.py"


rule claims_figure:
    input:
        "<results>/tables/claims.csv",
    output:
        **drawing("claims", "Claims", figure="claims"),
    log:
        "<logs>/claims_figure.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("claims/claims_figure.py"),
        claims=lambda wildcards: CLAIMS,
        titles=study.titles,
        compared=asdict(study.losses),
    message:
        "Claims: every effect with its interval"
    script:
        "../scripts/claims/claims_figure.py"


rule claims:
    input:
        rules.claims_table.output,
        rules.claims_figure.output,
    localrule: True

# Maps of all test images are kept for each run, so that a measure of them needs no model.
rule explain:
    input:
        data=lambda wildcards: dataset_file(named_run(wildcards).dataset),
        model="<results>/runs/{run}/model.pt",
        features=lambda wildcards: [
            f"<results>/runs/{run.name}/features.npz"
            for run in study.same_seed(named_run(wildcards))
        ],
    output:
        "<results>/runs/{run}/explanations.npz",
    log:
        "<logs>/explain/{run}.log",
    benchmark:
        "<benchmarks>/explain/{run}.tsv"
    conda:
        "../../envs/analyse.yaml"
    threads: 2
    resources:
        gpu=1,
        mem_mb=memory,
        runtime=20,
    params:
        code=digest("explainability/explain.py"),
        settings={
            key: study.config["explainability"][key]
            for key in ("mosaics", "confidence", "borders", "deleted")
        },
    message:
        "Explaining {wildcards.run}"
    script:
        "../scripts/explainability/explain.py"


rule measure_explanations:
    input:
        data=lambda wildcards: dataset_file(wildcards.dataset),
        features=lambda wildcards: run_files(
            f"explained-{wildcards.dataset}", "features.npz"
        ),
        activations=lambda wildcards: run_files(
            f"explained-{wildcards.dataset}", "explanations.npz"
        ),
    output:
        values="<results>/explanations/{dataset}.csv",
        pairs="<results>/explanations/{dataset}-pairs.csv",
        agreement="<results>/explanations/{dataset}-agreement.json",
    log:
        "<logs>/measure_explanations/{dataset}.log",
    benchmark:
        "<benchmarks>/measure_explanations/{dataset}.tsv"
    wildcard_constraints:
        dataset="|".join(study.explained),
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("explainability/measure_explanations.py"),
        runs=lambda wildcards: [
            (run.loss, run.seed)
            for run in study.targets[f"explained-{wildcards.dataset}"]
        ],
        strokes=lambda wildcards: wildcards.dataset
        in study.config["explainability"]["strokes"],
        baseline=study.losses.baseline,
        shown=lambda wildcards: shown_images(wildcards.dataset),
    message:
        "Measuring the explanations of {wildcards.dataset}"
    script:
        "../scripts/explainability/measure_explanations.py"


rule explainability_table:
    input:
        values=expand("<results>/explanations/{dataset}.csv", dataset=study.explained),
    output:
        *table("explainability", "Explainability", "csv", "md", "tex"),
    log:
        "<logs>/explainability_table.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("explainability/explainability_table.py"),
        datasets=study.explained,
        claims=lambda wildcards: CLAIMS,
        equal_variances=study.config["evaluation"]["equal_variances"],
        titles=study.titles,
        compared=asdict(study.losses),
    message:
        "Explainability: each measure under each loss, and the differences"
    script:
        "../scripts/explainability/explainability_table.py"


rule explainability_figure:
    input:
        values=expand("<results>/explanations/{dataset}.csv", dataset=study.explained),
    output:
        **drawing("explainability", "Grad-CAM", figure="explainability"),
    log:
        "<logs>/explainability_figure.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("explainability/explainability_figure.py"),
        datasets=study.explained,
        claims=lambda wildcards: CLAIMS,
        titles=study.titles,
        compared=asdict(study.losses),
    message:
        "Explainability: a dot a run, a line a seed"
    script:
        "../scripts/explainability/explainability_figure.py"


rule explainability:
    input:
        rules.explainability_table.output,
        rules.explainability_figure.output,
    localrule: True


rule explanations:
    input:
        [
            path
            for dataset in study.explained
            for path in run_files(f"explained-{dataset}", "explanations.npz")
        ],
    localrule: True

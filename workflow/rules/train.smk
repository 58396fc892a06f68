rule train:
    input:
        data=lambda wildcards: f"<resources>/datasets/{run_of(wildcards).dataset}.npz",
    output:
        model="<results>/runs/{run}/model.pt",
        history="<results>/runs/{run}/history.csv",
        provenance="<results>/runs/{run}/provenance.json",
    log:
        "<logs>/train/{run}.log",
    benchmark:
        "<benchmarks>/train/{run}.tsv"
    # The processes that Snakemake starts for a job would each try as often again.
    retries: 2 if workflow.is_main_process else 0
    conda:
        "../../envs/train.yaml"
    threads: 2
    resources:
        gpu=1,
        mem_mb=memory,
        # A training that runs out of time goes on from its checkpoint.
        runtime=lambda wildcards, input, attempt: attempt
        * study.minutes(run_of(wildcards), input.size_mb),
    params:
        code=code_of("train.py"),
        settings=lambda wildcards: study.settings(run_of(wildcards)),
    message:
        "Training {wildcards.run}"
    script:
        "../scripts/train.py"


rule evaluate:
    input:
        data=lambda wildcards: f"<resources>/datasets/{run_of(wildcards).dataset}.npz",
        model="<results>/runs/{run}/model.pt",
        history="<results>/runs/{run}/history.csv",
    output:
        metrics="<results>/runs/{run}/metrics.json",
        features="<results>/runs/{run}/features.npz",
    log:
        "<logs>/evaluate/{run}.log",
    benchmark:
        "<benchmarks>/evaluate/{run}.tsv"
    conda:
        "../../envs/train.yaml"
    threads: 2
    resources:
        gpu=1,
        mem_mb=memory,
        runtime=10,
    params:
        code=code_of("evaluate.py"),
        run=lambda wildcards: asdict(run_of(wildcards)),
        clusters=study.config["evaluation"]["clusters"],
        # Figure 1 shows the training images as well.
        splits=lambda wildcards: (
            ["train", "test"]
            if run_of(wildcards) in study.targets["figure1"]
            else ["test"]
        ),
    message:
        "Evaluating {wildcards.run}"
    script:
        "../scripts/evaluate.py"


rule collect:
    input:
        of_all_runs("metrics.json"),
    output:
        "<results>/metrics.csv",
    log:
        "<logs>/collect.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=code_of("collect.py"),
    message:
        "Collecting the metrics of all runs"
    script:
        "../scripts/collect.py"


rule estimate:
    input:
        [f"<resources>/datasets/{name}.npz" for name in study.own_datasets],
    log:
        "<logs>/estimate.log",
    conda:
        "../../envs/train.yaml"
    threads: 2
    resources:
        gpu=1,
    params:
        kinds=study.kinds(),
    message:
        "Measuring a few steps of each kind of training"
    script:
        "../scripts/estimate.py"

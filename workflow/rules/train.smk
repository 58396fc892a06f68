# One step of a loss that is not this workflow's own, with each of its settings, before all the steps of its trainings.
rule check_loss:
    output:
        touch("<resources>/losses/{loss}-{digest}.checked"),
    log:
        "<logs>/check_loss/{loss}-{digest}.log",
    wildcard_constraints:
        digest="[0-9a-f]{8}",
    priority: 100
    conda:
        "../../envs/train.yaml"
    params:
        code=digest("train/check_loss.py"),
        settings=loss_to_try,
    message:
        "Trying the loss {wildcards.loss}"
    script:
        "../scripts/train/check_loss.py"


rule train:
    input:
        lambda wildcards: checked_loss(named_run(wildcards)),
        data=lambda wildcards: dataset_file(named_run(wildcards).dataset),
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
        * study.minutes(named_run(wildcards), input.size_mb),
    params:
        code=digest("train/train.py"),
        settings=lambda wildcards: study.settings(named_run(wildcards)),
    message:
        "Training {wildcards.run}"
    script:
        "../scripts/train/train.py"


rule evaluate:
    input:
        data=lambda wildcards: dataset_file(named_run(wildcards).dataset),
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
        code=digest("train/evaluate.py"),
        run=lambda wildcards: named_run(wildcards).record,
        clusters=study.config["evaluation"]["clusters"],
        splits=lambda wildcards: study.splits(named_run(wildcards)),
    message:
        "Evaluating {wildcards.run}"
    script:
        "../scripts/train/evaluate.py"


rule collect:
    input:
        all_run_files("metrics.json"),
    output:
        "<results>/metrics.csv",
    log:
        "<logs>/collect.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("train/collect.py"),
    message:
        "Collecting the metrics of all runs"
    script:
        "../scripts/train/collect.py"


rule estimate:
    input:
        [dataset_file(name) for name in study.own_datasets],
    log:
        "<logs>/estimate.log",
    conda:
        "../../envs/train.yaml"
    threads: 2
    resources:
        gpu=1,
    params:
        own=study.own_datasets,
        kinds=study.kinds(),
        titles=study.losses.titles,
    message:
        "Measuring a few steps of each kind of training"
    script:
        "../scripts/train/estimate.py"

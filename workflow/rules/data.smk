rule download_dataset:
    input:
        own_files,
    output:
        "<resources>/datasets/{dataset}.npz",
    log:
        "<resources>/logs/download-{dataset}.log",
    localrule: True
    conda:
        "../../envs/download.yaml"
    params:
        code=digest("data/download_dataset.py"),
        data=lambda wildcards: study.data(wildcards.dataset),
    message:
        "Getting {wildcards.dataset} from {params.data[source]}"
    script:
        "../scripts/data/download_dataset.py"


rule download:
    input:
        [dataset_file(name) for name in study.config["study"]["datasets"]],
    localrule: True

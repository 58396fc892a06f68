rule download_dataset:
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
        # Not an input: what takes the place of a file may be older than the dataset.
        listing=own_listing,
    message:
        "Getting {wildcards.dataset} from {params.data[source]}"
    script:
        "../scripts/data/download_dataset.py"


rule download:
    input:
        [dataset_file(name) for name in study.config["study"]["datasets"]],
    localrule: True

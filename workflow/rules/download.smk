rule download_dataset:
    input:
        files_of,
    output:
        "<resources>/datasets/{dataset}.npz",
    log:
        "<resources>/logs/download-{dataset}.log",
    localrule: True
    conda:
        "../../envs/download.yaml"
    params:
        code=code_of("download_dataset.py"),
        data=lambda wildcards: study.data(wildcards.dataset),
    message:
        "Getting {wildcards.dataset} from {params.data[source]}"
    script:
        "../scripts/download_dataset.py"


rule download:
    input:
        [
            f"<resources>/datasets/{name}.npz"
            for name in study.config["study"]["datasets"]
        ],
    localrule: True

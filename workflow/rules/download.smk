rule download_dataset:
    output:
        "<resources>/datasets/{dataset}.npz",
    log:
        "<resources>/logs/download-{dataset}.log",
    retries: 3
    conda:
        "../../envs/download.yaml"
    params:
        code=code_of("download_dataset.py"),
        source=lambda wildcards: study.config["datasets"][wildcards.dataset]["source"],
    message:
        "Getting {wildcards.dataset} from {params.source}"
    script:
        "../scripts/download_dataset.py"


rule download:
    input:
        [
            f"<resources>/datasets/{name}.npz"
            for name in study.config["study"]["datasets"]
        ],

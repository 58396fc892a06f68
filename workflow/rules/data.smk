rule download_dataset:
    output:
        "<resources>/datasets/{data}.npz",
        "<resources>/datasets/{data}.json",
    log:
        "<resources>/logs/download-{data}.log",
    wildcard_constraints:
        data="|".join(DATASETS),
    localrule: True
    conda:
        "../../envs/download.yaml"
    params:
        code=digest("data/download_dataset.py"),
        dataset=lambda wildcards: DATASETS[wildcards.data],
        data=lambda wildcards: study.data(DATASETS[wildcards.data]),
        # Not an input: what takes the place of a file may be older than the dataset.
        listing=lambda wildcards: own_listing(DATASETS[wildcards.data]),
    message:
        "Getting {params.dataset} from {params.data[source]}"
    script:
        "../scripts/data/download_dataset.py"


rule download:
    input:
        [dataset_file(name) for name in study.config["study"]["datasets"]],
    localrule: True

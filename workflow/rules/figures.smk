# Grad-CAM and t-SNE are kept, so that a figure can be redrawn without a model.
rule gradcam:
    input:
        data=lambda wildcards: dataset_of(wildcards.figure),
        models=lambda wildcards: of_runs(wildcards.figure, "model.pt"),
        features=lambda wildcards: of_runs(wildcards.figure, "features.npz"),
    output:
        "<results>/explanations/{figure}.npz",
    log:
        "<logs>/gradcam-{figure}.log",
    benchmark:
        "<benchmarks>/gradcam-{figure}.tsv"
    wildcard_constraints:
        figure="figure2|figure6",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=code_of("gradcam.py"),
        grad_cam=study.config["grad_cam"],
        figure=lambda wildcards: study.config["figures"][wildcards.figure],
    message:
        "Grad-CAM maps of {wildcards.figure}"
    script:
        "../scripts/gradcam.py"


rule tsne:
    input:
        of_runs("figure5", "features.npz"),
    output:
        "<results>/explanations/figure5.npz",
    log:
        "<logs>/tsne.log",
    benchmark:
        "<benchmarks>/tsne.tsv"
    conda:
        "../../envs/analyse.yaml"
    threads: 4
    params:
        code=code_of("tsne.py"),
        figure=study.config["figures"]["figure5"],
    message:
        "t-SNE of the test features under each loss"
    script:
        "../scripts/tsne.py"


rule figure1:
    input:
        data=dataset_of("figure1"),
        features=of_runs("figure1", "features.npz"),
    output:
        pdf="<results>/figures/figure1.pdf",
        png=report(
            "<results>/figures/figure1.png",
            category="Deep features",
            labels={"figure": "1: angular distribution"},
            caption="../report/figure1.rst",
        ),
    log:
        "<logs>/figure1.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=code_of("figure1.py"),
        title=title_of("figure1"),
        figure=study.config["figures"]["figure1"],
    message:
        "Figure 1: deep features in two dimensions"
    script:
        "../scripts/figure1.py"


rule figure2:
    input:
        "<results>/explanations/figure2.npz",
    output:
        pdf="<results>/figures/figure2.pdf",
        png=report(
            "<results>/figures/figure2.png",
            category="Grad-CAM",
            labels={"figure": "2: one image"},
            caption="../report/figure2.rst",
        ),
    log:
        "<logs>/figure2.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=code_of("figure2.py"),
    message:
        "Figure 2: Grad-CAM of one test image"
    script:
        "../scripts/figure2.py"


rule figure3:
    input:
        data=dataset_of("figure3"),
    output:
        pdf="<results>/figures/figure3.pdf",
        png=report(
            "<results>/figures/figure3.png",
            category="Framework",
            labels={"figure": "3: framework"},
            caption="../report/figure3.rst",
        ),
    log:
        "<logs>/figure3.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=code_of("figure3.py"),
        network=network_of("figure3"),
        architecture=study.architecture(network_of("figure3")),
    message:
        "Figure 3: diagram of the framework"
    script:
        "../scripts/figure3.py"


rule figure4:
    input:
        data=dataset_of("figure4"),
        features=of_runs("figure4", "features.npz"),
    output:
        pdf="<results>/figures/figure4.pdf",
        png=report(
            "<results>/figures/figure4.png",
            category="Deep features",
            labels={"figure": "4: unit sphere"},
            caption="../report/figure4.rst",
        ),
        single_loss=single_loss("figure4", "4: unit sphere"),
    log:
        "<logs>/figure4.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=code_of("figure4.py"),
        figure=study.config["figures"]["figure4"],
    message:
        "Figure 4: deep features on the unit sphere"
    script:
        "../scripts/figure4.py"


rule figure5:
    input:
        data=dataset_of("figure5"),
        embedding="<results>/explanations/figure5.npz",
        metrics=of_runs("figure5", "metrics.json"),
    output:
        pdf="<results>/figures/figure5.pdf",
        png=report(
            "<results>/figures/figure5.png",
            category="Deep features",
            labels={"figure": "5: t-SNE"},
            caption="../report/figure5.rst",
        ),
        single_loss=single_loss("figure5", "5: t-SNE"),
    log:
        "<logs>/figure5.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=code_of("figure5.py"),
    message:
        "Figure 5: t-SNE of the test features"
    script:
        "../scripts/figure5.py"


rule figure6:
    input:
        "<results>/explanations/figure6.npz",
    output:
        pdf="<results>/figures/figure6.pdf",
        png=report(
            "<results>/figures/figure6.png",
            category="Grad-CAM",
            labels={"figure": "6: every class"},
            caption="../report/figure6.rst",
        ),
        single_loss=single_loss("figure6", "6: every class"),
    log:
        "<logs>/figure6.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=code_of("figure6.py"),
    message:
        "Figure 6: Grad-CAM of test images of every class"
    script:
        "../scripts/figure6.py"


rule figure7:
    input:
        of_runs("figure7", "metrics.json"),
    output:
        pdf="<results>/figures/figure7.pdf",
        png=report(
            "<results>/figures/figure7.png",
            category="Parameters",
            labels={"figure": "7: λ and margin"},
            caption="../report/figure7.rst",
        ),
    log:
        "<logs>/figure7.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=code_of("figure7.py"),
        title=title_of("figure7"),
        amc=study.config["losses"]["amc"],
        equal_variances=study.config["evaluation"]["equal_variances"],
    message:
        "Figure 7: accuracy over λ and over the margin"
    script:
        "../scripts/figure7.py"


rule training_curves:
    input:
        lambda wildcards: of_runs(f"curves-{wildcards.dataset}", "history.csv"),
    output:
        pdf="<results>/figures/curves-{dataset}.pdf",
        png=report(
            "<results>/figures/curves-{dataset}.png",
            category="Runs",
            labels={"figure": "training curves", "dataset": "{dataset}"},
            caption="../report/curves.rst",
        ),
    log:
        "<logs>/curves-{dataset}.log",
    wildcard_constraints:
        dataset="|".join(study.config["study"]["datasets"]),
    conda:
        "../../envs/analyse.yaml"
    params:
        code=code_of("curves.py"),
        losses=lambda wildcards: losses_of(f"curves-{wildcards.dataset}"),
    message:
        "Training curves on {wildcards.dataset}"
    script:
        "../scripts/curves.py"


rule confusion_matrices:
    input:
        data="<resources>/datasets/{dataset}.npz",
        features=lambda wildcards: of_runs(
            f"confusion-{wildcards.dataset}", "features.npz"
        ),
    output:
        pdf="<results>/figures/confusion-{dataset}.pdf",
        png=report(
            "<results>/figures/confusion-{dataset}.png",
            category="Runs",
            labels={"figure": "confusion matrices", "dataset": "{dataset}"},
            caption="../report/confusion.rst",
        ),
        single_loss=single_loss(
            "confusion-{dataset}",
            "confusion matrices, {dataset}",
        ),
    log:
        "<logs>/confusion-{dataset}.log",
    wildcard_constraints:
        dataset="|".join(study.config["study"]["datasets"]),
    conda:
        "../../envs/analyse.yaml"
    params:
        code=code_of("confusion.py"),
        losses=lambda wildcards: losses_of(f"confusion-{wildcards.dataset}"),
    message:
        "Confusion matrices on {wildcards.dataset}"
    script:
        "../scripts/confusion.py"


rule curves:
    input:
        expand(rules.training_curves.output, dataset=study.config["study"]["datasets"]),
    localrule: True


rule confusion:
    input:
        expand(
            rules.confusion_matrices.output, dataset=study.config["study"]["datasets"]
        ),
    localrule: True


rule figures:
    input:
        rules.curves.input,
        rules.confusion.input,
        rules.figure1.output,
        rules.figure2.output,
        rules.figure3.output,
        rules.figure4.output,
        rules.figure5.output,
        rules.figure6.output,
        rules.figure7.output,
    localrule: True

# Grad-CAM and t-SNE are kept, so that a figure can be redrawn without a model.
rule gradcam:
    input:
        data=lambda wildcards: figure_file(wildcards.figure),
        models=lambda wildcards: run_files(wildcards.figure, "model.pt"),
        features=lambda wildcards: run_files(wildcards.figure, "features.npz"),
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
        code=digest("figures/gradcam.py"),
        losses=lambda wildcards: study.shown(wildcards.figure),
        grad_cam=study.config["grad_cam"],
        figure=lambda wildcards: study.config["figures"][wildcards.figure],
    message:
        "Grad-CAM maps of {wildcards.figure}"
    script:
        "../scripts/figures/gradcam.py"


rule tsne:
    input:
        run_files("figure5", "features.npz"),
    output:
        "<results>/embeddings/figure5.npz",
    log:
        "<logs>/tsne.log",
    benchmark:
        "<benchmarks>/tsne.tsv"
    conda:
        "../../envs/analyse.yaml"
    threads: 4
    params:
        code=digest("figures/tsne.py"),
        losses=study.shown("figure5"),
        figure=study.config["figures"]["figure5"],
    message:
        "t-SNE of the test features under each loss"
    script:
        "../scripts/figures/tsne.py"


rule figure1:
    input:
        data=figure_file("figure1"),
        features=run_files("figure1", "features.npz"),
    output:
        **drawing("figure1", "Deep features", figure="1: angular distribution"),
    log:
        "<logs>/figure1.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("figures/figure1.py"),
        title=figure_title("figure1"),
        figure=study.config["figures"]["figure1"],
    message:
        "Figure 1: deep features in two dimensions"
    script:
        "../scripts/figures/figure1.py"


rule figure2:
    input:
        "<results>/explanations/figure2.npz",
    output:
        **drawing("figure2", "Grad-CAM", figure="2: one image"),
    log:
        "<logs>/figure2.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("figures/figure2.py"),
        compared=asdict(study.losses),
    message:
        "Figure 2: Grad-CAM of one test image"
    script:
        "../scripts/figures/figure2.py"


rule figure3:
    input:
        data=figure_file("figure3"),
    output:
        **drawing("figure3", "Framework", figure="3: framework"),
    log:
        "<logs>/figure3.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("figures/figure3.py"),
        network=figure_network("figure3"),
        architecture=study.architecture(figure_network("figure3")),
    message:
        "Figure 3: diagram of the framework"
    script:
        "../scripts/figures/figure3.py"


rule figure4:
    input:
        data=figure_file("figure4"),
        features=run_files("figure4", "features.npz"),
    output:
        **drawing("figure4", "Deep features", figure="4: unit sphere"),
        single_loss=single_loss("figure4", "4: unit sphere", study.shown("figure4")),
    log:
        "<logs>/figure4.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("figures/figure4.py"),
        compared=asdict(study.losses),
        shown=study.shown("figure4"),
        figure=study.config["figures"]["figure4"],
    message:
        "Figure 4: deep features on the unit sphere"
    script:
        "../scripts/figures/figure4.py"


rule figure5:
    input:
        data=figure_file("figure5"),
        embedding="<results>/embeddings/figure5.npz",
        metrics=run_files("figure5", "metrics.json"),
    output:
        **drawing("figure5", "Deep features", figure="5: t-SNE"),
        single_loss=single_loss("figure5", "5: t-SNE", study.shown("figure5")),
    log:
        "<logs>/figure5.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("figures/figure5.py"),
        compared=asdict(study.losses),
        clusters=study.config["evaluation"]["clusters"],
    message:
        "Figure 5: t-SNE of the test features"
    script:
        "../scripts/figures/figure5.py"


rule figure6:
    input:
        "<results>/explanations/figure6.npz",
    output:
        **drawing("figure6", "Grad-CAM", figure="6: every class"),
        single_loss=single_loss("figure6", "6: every class", study.shown("figure6")),
    log:
        "<logs>/figure6.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("figures/figure6.py"),
        compared=asdict(study.losses),
    message:
        "Figure 6: Grad-CAM of test images of every class"
    script:
        "../scripts/figures/figure6.py"


rule figure7:
    input:
        run_files("figure7", "metrics.json"),
    output:
        **drawing("figure7", "Parameters", figure="7: λ and margin"),
    log:
        "<logs>/figure7.log",
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("figures/figure7.py"),
        title=figure_title("figure7"),
        compared=asdict(study.losses),
        loss=study.varied_loss,
        own=study.own_settings(study.varied_loss),
        vary=study.vary,
        angular=study.config["losses"][study.varied_loss].get("class")
        == "AngularMarginContrastiveLoss",
        equal_variances=study.config["evaluation"]["equal_variances"],
    message:
        "Figure 7: accuracy over λ and over the margin"
    script:
        "../scripts/figures/figure7.py"


rule training_curves:
    input:
        lambda wildcards: run_files(f"curves-{wildcards.dataset}", "history.csv"),
    output:
        **drawing(
            "curves-{dataset}",
            "Runs",
            figure="training curves",
            dataset="{dataset}",
        ),
    log:
        "<logs>/curves-{dataset}.log",
    wildcard_constraints:
        dataset="|".join(study.config["study"]["datasets"]),
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("figures/training_curves.py"),
        compared=asdict(study.losses),
        losses=lambda wildcards: run_losses(f"curves-{wildcards.dataset}"),
        settings=lambda wildcards: auxiliary_settings(wildcards.dataset),
    message:
        "Training curves on {wildcards.dataset}"
    script:
        "../scripts/figures/training_curves.py"


rule confusion_matrices:
    input:
        data=lambda wildcards: dataset_file(wildcards.dataset),
        features=lambda wildcards: run_files(
            f"confusion-{wildcards.dataset}", "features.npz"
        ),
    output:
        **drawing(
            "confusion-{dataset}",
            "Runs",
            figure="confusion matrices",
            dataset="{dataset}",
        ),
        single_loss=single_loss(
            "confusion-{dataset}",
            "confusion matrices, {dataset}",
            list(study.losses.titles),
        ),
    log:
        "<logs>/confusion-{dataset}.log",
    wildcard_constraints:
        dataset="|".join(study.config["study"]["datasets"]),
    conda:
        "../../envs/analyse.yaml"
    params:
        code=digest("figures/confusion_matrices.py"),
        compared=asdict(study.losses),
        losses=lambda wildcards: run_losses(f"confusion-{wildcards.dataset}"),
    message:
        "Confusion matrices on {wildcards.dataset}"
    script:
        "../scripts/figures/confusion_matrices.py"


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

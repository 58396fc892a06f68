"""Where the tests of losses, networks, trainings and explanations compute: AMC_TEST_DEVICE, by default the CPU."""

import os

import torch

DEVICE = torch.device(os.environ.get("AMC_TEST_DEVICE", "cpu"))

if DEVICE.type == "cuda":
    # cuBLAS looks once, at the first product; a training of its own process sets it before that.
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"

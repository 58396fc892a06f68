"""Where the tests of losses, networks, trainings and explanations compute: AMC_TEST_DEVICE, by default the CPU."""

import os

import torch

DEVICE = torch.device(os.environ.get("AMC_TEST_DEVICE", "cpu"))

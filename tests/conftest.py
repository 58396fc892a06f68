import numpy as np
import pytest
import torch
from checkout import Checkout
from device import DEVICE
from settings import of_loss

from amc_loss.data.dataset import Dataset


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


@pytest.fixture
def _on_the_device():
    """Tensors and networks are made on `DEVICE` unless a test says otherwise."""
    torch.set_default_device(DEVICE)
    yield
    torch.set_default_device(None)


@pytest.fixture
def dataset():
    """Two classes of 16×16 images that differ in brightness: 64 to train, 20 to test."""
    generator = np.random.default_rng(0)

    def split(n):
        labels = np.arange(n, dtype=np.int64) % 2
        images = generator.integers(0, 120, (n, 16, 16, 1)) + 120 * labels[:, None, None, None]
        return images.astype(np.uint8), labels

    return Dataset(*split(64), *split(20), ["dark", "bright"])


@pytest.fixture
def settings():
    """Settings of a tiny run."""
    return {
        "dataset": "tiny",
        "network": "top",
        "seed": 0,
        "architecture": {"width_multiplier": 0.03, "batch_norm_decay": 0.9},
        "epochs": 3,
        "ramp_up": 1,
        "ramp_down": 1,
        "batch_size": 16,
        "learning_rate": 0.01,
        "beta1": 0.9,
        "beta1_end": 0.5,
        "beta2": 0.999,
        "adam_epsilon": 1e-8,
        "ramp_down_steepness": 12.5,
        "schedules_change": "epoch",
        "drop_last": True,
        "translation": 0,
        "ema_decay": 0,
        "kept_epoch": "last",
        "learning_rate_factor": 1,
        "classification_loss": None,
        **of_loss("amc"),
        "precision": "float32",
        "tf32": False,
        # Tests look into single steps, and compare trainings bit for bit.
        "engine": "eager",
        "deterministic": DEVICE.type == "cuda",
    }

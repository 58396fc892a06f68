"""The arithmetic of a device, and images on it."""

import ctypes
import os
import platform
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Precision = Literal["auto", "bfloat16", "float32"]
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # of malloc.h


def autocast_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """Type of the arithmetic: with ``auto`` bfloat16 where the hardware computes in it, else float32.

    Raises:
        ValueError: If ``precision`` is unknown.
    """
    if precision not in ("auto", "bfloat16", "float32"):
        raise ValueError(f"precision must be 'auto', 'bfloat16' or 'float32', not {precision!r}")
    if precision == "auto":
        if device.type == "cuda":
            supported = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            supported = torch.cpu._is_avx512_bf16_supported()
        precision = "bfloat16" if supported else "float32"
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def to_device(images: NDArray[np.uint8], device: torch.device) -> Tensor:
    """uint8 images (n, height, width, channels) as a channels-last tensor (n, channels, height, width)."""
    return torch.from_numpy(images).to(device).permute(0, 3, 1, 2)


def allow_tf32(allowed: bool) -> None:
    """Whether a GPU may round the input of float32 convolutions and products to TF32.

    By itself torch does so for convolutions.
    """
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = allowed


def make_deterministic(deterministic: bool) -> None:
    """Choose between algorithms on the GPU that repeat bit for bit and the fastest ones."""
    torch.use_deterministic_algorithms(deterministic)
    # No value that was never written is read here.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = not deterministic
    if deterministic:
        # cuBLAS repeats itself only with a workspace of fixed size.
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"


def keep_freed_memory() -> bool:
    """Have the C library keep the memory that tensors on the CPU free, for the next ones.

    By default glibc gives large blocks back to the system, which hands them out again page by page, zeroed:
    a tenth to a third of a training step. Holds for the whole process.

    Returns:
        Whether the C library is one that can be told so.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return all((libc.mallopt(_M_MMAP_MAX, 0), libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)))

"""The double of CUDA from within a process that has it: its counters, and what cuDNN would do.

To be imported before a network is used on the double.
"""

import ctypes
import os
from collections import Counter

import torch

_double = ctypes.CDLL(os.environ["CUDA_DOUBLE"])
_double.double_name.restype = ctypes.c_char_p
_double.double_calls.restype = ctypes.c_long
WAITS = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize", "cudaMemcpy ")


def calls() -> Counter[str]:
    """How often each function and kernel was called since the process began."""
    return Counter(
        {_double.double_name(i).decode(): _double.double_calls(i) for i in range(_double.double_names())}
    )


def waits() -> int:
    """How often the host has waited for the device."""
    return sum(count for name, count in calls().items() if name.startswith(WAITS))


def asked(since: Counter[str]) -> Counter[str]:
    """Kernels, copies and graphs that the device was given since then."""
    return Counter(
        {
            name: count
            for name, count in (calls() - since).items()
            if name.startswith(("kernel", "cudaMemcpy", "cudaMemset", "cudaGraphLaunch"))
        }
    )


def set_memory(gib: float) -> None:
    """How much memory the device has from now on."""
    _double.double_memory(ctypes.c_long(int(gib * 2**30)))


def _kernel(name: str) -> None:
    _double.double_count(f"kernel {name}".encode())


def _like(x, *shape):
    """An uninitialised tensor of another shape in the layout of ``x``."""
    channels_last = len(shape) == 4 and x.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=layout)


def _describe(*tensors) -> str:
    """Type and layout of what a convolution takes, which have to be the same."""
    (dtype,) = {x.dtype for x in tensors}
    channels_last = all(x.is_contiguous(memory_format=torch.channels_last) for x in tensors)
    return f"{dtype} {'channels-last' if channels_last else 'contiguous'}"


def convolution(x, weight, bias, stride, padding, dilation, transposed, output_padding, groups):
    """Counted; its result is never written."""
    _kernel(f"convolution {_describe(x, weight)}")
    # One number may stand for both directions.
    strides, paddings, dilations = (tuple(both) * (2 // len(both)) for both in (stride, padding, dilation))
    size = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(x.shape[2:], weight.shape[2:], strides, paddings, dilations, strict=True)
    ]
    return _like(x, len(x), len(weight), *size)


def convolution_backward(
    gradient, x, weight, bias_sizes, stride, padding, dilation, transposed, output_padding, groups, mask
):
    """Counted, as one kernel for each gradient that is wanted."""
    results = (x, weight, weight[:, 0, 0, 0])
    for name, wanted in zip(("input", "weight", "bias"), mask, strict=True):
        if wanted:
            _kernel(f"convolution's gradient of its {name} {_describe(gradient, x, weight)}")
    return tuple(torch.empty_like(one) if wanted else None for one, wanted in zip(results, mask, strict=True))


def batch_norm(x, weight, bias, mean, variance, training, momentum, epsilon):
    """Counted."""
    _kernel(f"batch norm {x.dtype}")
    statistics = (torch.empty(x.shape[1], device=x.device) for _ in range(2))
    return torch.empty_like(x), *statistics, torch.empty(1024, dtype=torch.uint8, device=x.device)


def batch_norm_backward(x, gradient, weight, mean, variance, saved_mean, saved_variance, epsilon, reserve):
    """Counted."""
    _kernel(f"batch norm's gradient {gradient.dtype}")
    return torch.empty_like(x), torch.empty_like(weight), torch.empty_like(weight)


_library = torch.library.Library("aten", "IMPL")
_library.impl("convolution", convolution, "CUDA")
_library.impl("convolution_backward", convolution_backward, "CUDA")
_library.impl("cudnn_batch_norm", batch_norm, "CUDA")
_library.impl("cudnn_batch_norm_backward", batch_norm_backward, "CUDA")

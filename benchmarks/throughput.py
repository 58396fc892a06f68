"""Images a second of the training step, beside a plain loop and the device's largest matrix product.

    python benchmarks/throughput.py [--rounds N] [--widths W ...] [--engine E] [--precision P] [--threads N]

All are measured in alternation, so that a machine that speeds up or slows down does so for all of them; (b)
in a process of its own, because the engine changes how the C library keeps memory (`keep_freed_memory`):

(a) the training step of this workflow, for each loss;
(b) the loop that most people write: torchvision dataset, DataLoader, float32, `.item()` after each step;
(c) the largest matrix product of the device in the precision of (a), in TFLOP/s.
"""

import argparse
import gc
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
import yaml
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import VisionDataset

from amc_loss.data.dataset import Dataset
from amc_loss.study.study import Study
from amc_loss.training import schedules
from amc_loss.training.arithmetic import keep_freed_memory
from amc_loss.training.loop import Training
from amc_loss.training.networks import ConvNet, build

ROOT = Path(__file__).parents[1]
BATCH = 128
LOSSES = {"cross_entropy": "Cross-entropy", "euclidean": "+ Euclid", "amc": "+ AMC-Loss"}


class Images(VisionDataset):
    """A torchvision dataset in memory, as its CIFAR10 is: an image is a PIL image, then transformed."""

    def __init__(self, data: Dataset) -> None:
        super().__init__("", transform=transforms.ToTensor())
        self.data, self.targets = data.x_train, data.y_train

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        """Image and label."""
        return self.transform(transforms.functional.to_pil_image(self.data[index])), int(self.targets[index])

    def __len__(self) -> int:
        """Number of images."""
        return len(self.data)


def images_of_cifar_10(n: int) -> Dataset:
    """Random images of CIFAR-10's shape."""
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
    y = np.arange(n, dtype=np.int64) % 10
    return Dataset(x, y, x[:10], y[:10], [str(label) for label in range(10)])


def settings_of(loss: str, width: float) -> dict[str, Any]:
    """Settings of a run of the paper on CIFAR-10, of another width and without ramps or end."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["network"] = {"width_multiplier": {"top": width}}
    config["training"] = {"schedule": {"top": {"epochs": 10**6, "ramp_up": 0, "ramp_down": 0}}}
    study = Study(config, yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text()))
    return next(
        study.settings(run) for run in study.targets["table1"] if (run.dataset, run.loss) == ("cifar10", loss)
    )


def multiply_adds(network: ConvNet) -> int:
    """Multiply-adds of one image's forward pass through convolutions and classifier."""
    counts = []

    def count(module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        weights = sum(parameter.numel() for name, parameter in module.named_parameters() if name == "weight")
        counts.append(weights * (output[0, 0].numel() if output.ndim == 4 else 1))

    hooks = [
        m.register_forward_hook(count) for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)
    ]
    with torch.no_grad():
        network(torch.zeros(2, 3, 32, 32))
    for hook in hooks:
        hook.remove()
    return sum(counts)


def synchronise(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize()


class Ours:
    """(a): some steps of a training of the workflow."""

    def __init__(
        self, data: Dataset, loss: str, width: float, how: dict[str, str], device: torch.device
    ) -> None:
        self.device = device
        self.training = Training(data, settings_of(loss, width) | how, device)

    def run(self) -> float:
        """Images a second over one pass of the data."""
        synchronise(self.device)
        start = time.perf_counter()
        self.training.run_epoch()
        return self.training.steps * BATCH / (time.perf_counter() - start)


class Plain:
    """(b): the usual loop."""

    def __init__(self, data: Dataset, width: float, device: torch.device) -> None:
        self.device = device
        workers = 2 if device.type == "cuda" else 0
        self.loader = DataLoader(
            Images(data),
            BATCH,
            shuffle=True,
            drop_last=True,
            num_workers=workers,
            persistent_workers=workers > 0,
        )
        self.network = build("top", 3, 10, width_multiplier=width).to(device)
        for block in (self.network.convolutions.pool1, self.network.convolutions.pool2):
            block[1] = nn.Dropout(block[1].p)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=0.003)

    def run(self) -> float:
        """Images a second over one pass of the data."""
        total = correct = images = 0.0
        start = time.perf_counter()
        for x, y in self.loader:
            x, y = x.to(self.device), y.to(self.device)
            self.optimizer.zero_grad()
            logits = self.network(x)
            loss = cross_entropy(logits, y)
            loss.backward()
            self.optimizer.step()
            total += loss.item()
            correct += (logits.argmax(1) == y).sum().item()
            images += len(y)
        return images / (time.perf_counter() - start)


class InOtherProcess:
    """(b) where the C library's settings are as they come."""

    def __init__(self, *arguments: object) -> None:
        self.pool = ProcessPoolExecutor(
            1, get_context("spawn"), _start_plain, (torch.get_num_threads(), *arguments)
        )

    def run(self) -> float:
        """Images a second over one pass of the data."""
        return self.pool.submit(_run_plain).result()


def _start_plain(threads: int, count: int, width: float, device: torch.device) -> None:
    global _plain
    torch.set_num_threads(threads)
    _plain = Plain(images_of_cifar_10(count), width, device)


def _run_plain() -> float:
    return _plain.run()


class MatrixProduct:
    """(c): a large product, in FLOP/s."""

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self.size = 8192 if device.type == "cuda" else 2048
        self.device = device
        self.a, self.b = (torch.randn(self.size, self.size, device=device, dtype=dtype) for _ in range(2))

    def run(self) -> float:
        """FLOP a second."""
        repeats = 10
        self.a @ self.b
        synchronise(self.device)
        start = time.perf_counter()
        for _ in range(repeats):
            self.a @ self.b
        synchronise(self.device)
        return repeats * 2 * self.size**3 / (time.perf_counter() - start)


def extra_cost(cross_entropy: Ours, amc: Ours, pairs: int = 20) -> float:
    """Time of AMC's steps over that of cross-entropy's, minus 1: the median of pairs of a few steps."""
    steps = 50 if amc.device.type == "cuda" else 1
    rates = schedules.rates(0, amc.training.settings)
    ratios = []
    for number in range(pairs):
        times = {}
        for one in (cross_entropy, amc) if number % 2 else (amc, cross_entropy):
            index = torch.arange(BATCH, device=one.device)
            synchronise(one.device)
            start = time.perf_counter()
            for _ in range(steps):
                one.training.run_step(index, rates)
            synchronise(one.device)
            times[one] = time.perf_counter() - start
        ratios.append(times[amc] / times[cross_entropy] - 1)
    return median(ratios)


def progress(what: str, since: float) -> None:
    """Say on standard error what was done, so that a benchmark that is cut off has told something."""
    print(f"{time.perf_counter() - since:5.0f} s  {what}", file=sys.stderr, flush=True)


def with_peak_memory(
    data: Dataset, loss: str, width: float, how: dict[str, str], device: torch.device
) -> tuple[Ours, float]:
    """(a), and the GiB of a GPU that it takes beside what is there; 0 on a CPU."""
    if device.type != "cuda":
        return Ours(data, loss, width, how, device), 0.0
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_reserved()
    ours = Ours(data, loss, width, how, device)
    ours.run()
    return ours, (torch.cuda.max_memory_reserved() - before) / 2**30


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each, in alternation")
    parser.add_argument("--widths", type=float, nargs="+", default=[0.125, 0.25, 1])
    parser.add_argument("--images", type=int, nargs="+", help="images a measurement, for each width")
    parser.add_argument("--engine", default="auto", help="training.engine")
    parser.add_argument("--precision", default="auto", help="training.precision")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    name = torch.cuda.get_device_name() if device.type == "cuda" else torch.backends.cpu.get_cpu_capability()
    print(
        f"{name}, {arguments.threads} threads, torch {torch.__version__}, batch {BATCH}, medians of {arguments.rounds}\n"
    )
    print("| width | loss | (a) images/s | (b) images/s | a/b | (c) TFLOP/s | share of (c) | AMC over CE |")
    print("|---|---|---|---|---|---|---|---|")
    memory = []
    start = time.perf_counter()
    images = arguments.images or [
        20_000 if device.type == "cuda" else max(256, int(1024 / w)) for w in arguments.widths
    ]
    for width, count in zip(arguments.widths, images, strict=True):
        data = images_of_cifar_10(count)
        how = {"engine": arguments.engine, "precision": arguments.precision}
        alone = {}
        for loss in LOSSES:
            alone[loss] = with_peak_memory(data, loss, width, how, device)
            progress(f"width {width:g}: first pass of {LOSSES[loss]}", start)
        ours = {loss: one for loss, (one, _) in alone.items()}
        dtype = ours["amc"].training.dtype
        measured = {
            **ours,
            "plain": InOtherProcess(count, width, device),
            "product": MatrixProduct(device, dtype),
        }
        for one in measured.values():
            one.run()
        rounds = []
        for _ in range(arguments.rounds):
            rounds.append({key: one.run() for key, one in measured.items()})
            progress(", ".join(f"{key} {speed:,.0f}" for key, speed in rounds[-1].items()), start)
        of = {key: median(r[key] for r in rounds) for key in measured}
        extra = extra_cost(ours["cross_entropy"], ours["amc"])
        # Forward, and backward to the input and to the weights; two operations a multiply-add.
        operations = 6 * multiply_adds(build("top", 3, 10, width_multiplier=width))
        for loss in LOSSES:
            ratio = median(r[loss] / r["plain"] for r in rounds)
            share = median(r[loss] * operations / r["product"] for r in rounds)
            print(
                f"| {width:g} | {LOSSES[loss]} | {of[loss]:,.0f} | {of['plain']:,.0f} | {ratio:.2f} "
                f"| {of['product'] / 1e12:.2f} | {share:.2f} | {f'{extra:+.1%}' if loss == 'amc' else ''} |",
                flush=True,
            )
        peaks = ", ".join(f"{LOSSES[loss]} {peak:.2f}" for loss, (_, peak) in alone.items())
        memory.append(f"width {width:g}: {peaks}")
    if device.type == "cuda":
        print("\nMost memory of one training alone, GiB:", *memory, sep="\n")


if __name__ == "__main__":
    main()

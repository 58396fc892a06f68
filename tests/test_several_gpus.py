"""Trainings on a machine that says it has several GPUs: a stub nvidia-smi stands for them."""

import os
import re
import threading
import time
from collections import Counter
from contextlib import suppress

import psutil
import pytest
import yaml
from checkout import ONE_TABLE, Checkout

RUNS = [
    "digits-top-cross_entropy-seed0",
    "digits-top-cross_entropy-seed1",
    "digits-top-euclidean-lambda0.1-margin1-seed0",
    "digits-top-euclidean-lambda0.1-margin1-seed1",
]


class Watch(threading.Thread):
    """Looks again and again which GPUs the trainings of a checkout hold.

    Attributes:
        seen: For each look the GPU of each training that has one.
    """

    def __init__(self, checkout):
        super().__init__(daemon=True)
        self.checkout, self.seen, self.over = checkout, [], threading.Event()

    def run(self):
        while not self.over.is_set():
            held = {}
            for process in psutil.process_iter():
                with suppress(psutil.Error):
                    if any(f"{self.checkout.path}/.snakemake/scripts/" in part for part in process.cmdline()):
                        files = [file.path for file in process.open_files()]
                        locks = [m[1] for file in files if (m := re.search(r"/(GPU-\d)-\d+\.lock$", file))]
                        held[process.pid] = process.ppid(), locks
            # A process that a training is about to start, git say, is for a moment a copy of it.
            gpus = [
                gpu for parent, locks in held.values() for gpu in locks if not held.get(parent, (0, []))[1]
            ]
            self.seen.append(gpus)
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("gpus", "arguments", "at_once", "on_one_gpu"),
    [
        # A rule's gpu=1 limits nothing in a local run; the default profile does.
        (4, [], 1, 1),
        (4, ["--workflow-profile", "profiles/gpu"], 4, 1),
        (2, ["--workflow-profile", "profiles/gpu"], 4, 2),
    ],
)
def test_each_training_has_a_gpu_and_no_gpu_too_many(tmp_path, gpus, arguments, at_once, on_one_gpu):
    checkout = Checkout(tmp_path / "checkout")
    stub = tmp_path / "bin" / "nvidia-smi"
    stub.parent.mkdir()
    lines = [f"echo 'GPU {number}: Stub (UUID: GPU-{number})'" for number in range(gpus)]
    # Lists GPUs and knows no driver, without which they cannot be meant for torch.
    stub.write_text("\n".join(["#!/bin/sh", "[ $1 = -L ] || exit 9", *lines, ""]))
    stub.chmod(0o755)
    # The claims of other jobs of this user lie in the usual folder of temporary files.
    (tmp_path / "claims").mkdir()
    checkout.environment = {
        "PATH": f"{stub.parent}{os.pathsep}{os.environ['PATH']}",
        "TMPDIR": str(tmp_path / "claims"),
    }
    (checkout.path / "tiny.yaml").write_text(
        yaml.safe_dump({**ONE_TABLE, "study": {"name": "tiny", "seeds": [0, 1]}})
    )
    models = [f"results/tiny/runs/{run}/model.pt" for run in RUNS[: max(2, at_once)]]
    configuration = ["--configfile", "profiles/demo/study.yaml", "tiny.yaml", "--set-threads", "train=1"]
    watch = Watch(checkout)
    watch.start()
    checkout.snakemake(*arguments, *configuration, "--cores", "8", "--", *models)
    watch.over.set()
    watch.join()
    assert max(map(len, watch.seen)) == at_once
    assert max(max(Counter(seen).values()) for seen in watch.seen if seen) == on_one_gpu
    logs = [(checkout.path / f"results/tiny/logs/train/{run}.log") for run in RUNS[: max(2, at_once)]]
    assert all(re.search(r"training on cpu, of the GPUs GPU-\d\n", log.read_text()) for log in logs)

"""Which GPU each of the jobs on one machine takes."""

import os
import subprocess
import sys
from collections import Counter

import pytest
import torch

from amc_loss.jobs import gpus

HOLD = """
import sys
from pathlib import Path
from amc_loss.jobs.gpus import claim
print(claim(sys.argv[2:], Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


# As that of driver 570 answers.
NVIDIA_SMI = """#!/bin/sh
case "$*" in
-L) cat << END
GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-1)
GPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-2)
  MIG 3g.40gb     Device  0: (UUID: MIG-21)
  MIG 3g.40gb     Device  1: (UUID: MIG-22)
END
;;
"--query-gpu=driver_version --format=csv,noheader") echo 570.86.15; echo 570.86.15;;
esac
"""


@pytest.fixture
def jobs(tmp_path):
    """Starts jobs that take a GPU each and hold it; returns the processes with their GPUs."""
    processes = []

    def start(count, gpu_names):
        command = [sys.executable, "-c", HOLD, str(tmp_path / "claims"), *gpu_names]
        started = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(count)
        ]
        processes.extend(started)
        return [(process, process.stdout.readline().strip()) for process in started]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_jobs_that_start_together_spread_over_the_gpus(jobs):
    names = ["GPU-a", "GPU-b", "GPU-c", "GPU-d"]
    first = jobs(4, names)
    assert sorted(gpu for _, gpu in first) == names
    second = jobs(2, names)
    assert max(Counter(gpu for _, gpu in first + second).values()) == 2
    # The claim of a job that was killed is free at once.
    process, gpu = first[2]
    process.kill()
    process.wait()
    assert jobs(1, names)[0][1] == gpu


def test_gpus_are_those_of_the_environment_else_all_of_the_machine(monkeypatch, tmp_path):
    stub = tmp_path / "nvidia-smi"
    stub.write_text(NVIDIA_SMI)
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpus, "DEVICES", tmp_path)
    # A GPU that is divided is its instances.
    assert gpus.visible() == ["GPU-1", "MIG-21", "MIG-22"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    assert gpus.visible() == ["2", "3"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert gpus.visible() == []
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    stub.write_text("#!/bin/sh\nexit 9\n")  # no driver
    assert gpus.visible() == []
    monkeypatch.setenv("PATH", "")
    assert gpus.visible() == []
    # A container that was given two.
    for name in ("nvidia0", "nvidia3", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert gpus.visible() == ["0", "1"]


@pytest.mark.parametrize(
    ("gpu", "gres", "kind", "claims"),
    [
        (1, "", "cuda", "7"),
        (0, "", "cpu", "6,7"),
        (0, "gpu:a100:1", "cuda", "7"),
        (0, "shard:1", "cpu", "6,7"),
    ],
)
def test_device_of_a_job(monkeypatch, gpu, gres, kind, claims):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(gpus, "claim", lambda names, folder: names[-1])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "6,7")
    assert gpus.pick_device(gpu, gres).type == kind
    assert os.environ["CUDA_VISIBLE_DEVICES"] == claims


def test_a_job_without_a_gpu_on_the_machine_computes_on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(gpus, "visible", lambda: [])
    assert gpus.pick_device(1).type == "cpu"


@pytest.mark.parametrize(("cuda", "built"), [("13.2", "for CUDA 13.2"), (None, "for CPUs alone")])
def test_a_gpu_that_torch_cannot_use_is_no_reason_to_train_for_weeks(monkeypatch, tmp_path, cuda, built):
    (tmp_path / "nvidia-smi").write_text(NVIDIA_SMI)
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(gpus, "claim", lambda names, folder: names[0])
    with pytest.raises(
        RuntimeError, match=f"driver 570.86.15, that torch .*, built {built}, cannot use: update"
    ):
        gpus.pick_device(1)
    assert gpus.pick_device(0).type == "cpu"

"""Torch's own CUDA code, on the double of CUDA in tests/cuda_double."""

import os
import subprocess
import sys

import pytest
from checkout import ROOT
from cuda_double.build import UnavailableError, build


def test_trainings_on_the_double_of_a_gpu(tmp_path):
    try:
        double = build(tmp_path)
    except UnavailableError as reason:
        pytest.skip(f"no double of CUDA: {reason}")
    caches = {name: str(tmp_path / name) for name in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:xdist",
            "-p",
            "no:cacheprovider",
            "--tb=short",
            "-o",
            "pythonpath=src tests tests/cuda_double",
            "tests/cuda_double/on_the_double.py",
        ],
        cwd=ROOT,
        env={**os.environ, **double, **caches, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
    )
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]

"""What a training came from."""

import platform
import subprocess
from importlib.metadata import version

import pytest
import torch

from amc_loss.jobs import provenance

CPU = torch.device("cpu")


def test_provenance_names_the_commit_and_whether_it_was_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    assert provenance.provenance({"seed": 0}, "abc", CPU)["commit"] == "unknown"
    git = ["git", "-c", "user.name=n", "-c", "user.email=e"]
    (tmp_path / "file").write_text("1")
    # A tag does not take the commit's place.
    for command in (["init", "-q"], ["add", "file"], ["commit", "-qm", "m"], ["tag", "-am", "m", "v1"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout.strip()
    record = provenance.provenance({"seed": 0}, "abc", CPU)
    assert record["commit"] == commit
    assert record["settings"] == {"seed": 0}
    assert record["data_sha256"] == "abc"
    assert record["versions"]["torch"] == torch.__version__.split("+")[0]
    (tmp_path / "file").write_text("2")
    assert provenance.provenance({"seed": 0}, "abc", CPU)["commit"] == f"{commit}-dirty"
    # Unpacked in a folder of another repository, which is not its own.
    (tmp_path / "inside").mkdir()
    monkeypatch.setattr(provenance, "ROOT", tmp_path / "inside")
    assert provenance.provenance({"seed": 0}, "abc", CPU)["commit"] == "unknown"


@pytest.mark.parametrize(
    ("supported", "instructions"),
    [((), "AVX2"), (("bf16",), "AVX2 BF16"), (("bf16", "amx"), "AVX2 BF16 AMX")],
)
def test_a_cpu_is_named_by_its_model_and_the_instructions_on_which_rounding_depends(
    supported, instructions, tmp_path, monkeypatch
):
    cpuinfo = tmp_path / "cpuinfo"
    monkeypatch.setattr(provenance, "CPUINFO", cpuinfo)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: "bf16" in supported)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: "amx" in supported)
    assert provenance.provenance({}, "", CPU)["device"] == f"{platform.machine()}, {instructions}"
    cpuinfo.write_text("processor\t: 0\nmodel\t\t: 17\nmodel name\t: AMD EPYC 9R14: 96 cores\n" * 2)
    assert provenance.provenance({}, "", CPU)["device"] == f"AMD EPYC 9R14: 96 cores, {instructions}"


def test_what_else_is_recorded(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 17)
    record = provenance.provenance({}, "", CPU)
    assert (record["threads"], record["device_type"], record["cuda"]) == (17, "cpu", None)
    assert record["python"] == platform.python_version()
    assert record["versions"] == {name: version(name) for name in ("torch", "numpy")}

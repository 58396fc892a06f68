"""What a training came from."""

import subprocess

import torch

from amc_loss.jobs import provenance

CPU = torch.device("cpu")


def test_provenance_names_the_commit_and_whether_it_was_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    assert provenance.provenance({"seed": 0}, "abc", CPU)["commit"] == "unknown"
    git = ["git", "-c", "user.name=n", "-c", "user.email=e"]
    (tmp_path / "file").write_text("1")
    for command in (["init", "-q"], ["add", "file"], ["commit", "-qm", "m"]):
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

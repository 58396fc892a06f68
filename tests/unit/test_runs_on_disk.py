"""Models, provenance and logs of a run."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from amc_loss import checkpoints, provenance, training

CPU = torch.device("cpu")


def test_a_model_comes_back_as_it_was(dataset, settings, tmp_path):
    network = training.build_network(dataset, settings)
    network(torch.rand(8, 1, 16, 16))  # moves the running averages
    checkpoints.save_model(network, settings, dataset, tmp_path / "model.pt")
    loaded = checkpoints.load_model(tmp_path / "model.pt", CPU)
    for name, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    x = torch.rand(3, 1, 16, 16)
    torch.testing.assert_close(loaded(x), network.eval()(x))
    assert not loaded.training


def test_a_damaged_model_is_named(dataset, settings, tmp_path):
    path = tmp_path / "model.pt"
    checkpoints.save_model(training.build_network(dataset, settings), settings, dataset, path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"model.pt is not a usable model .*delete it to train it again"):
        checkpoints.load_model(path, CPU)


def test_a_pickle_in_a_model_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").touch, ())

    torch.save({"network": Evil()}, tmp_path / "model.pt")
    with pytest.raises(ValueError, match="is not a usable model"):
        checkpoints.load_model(tmp_path / "model.pt", CPU)
    assert not (tmp_path / "ran").exists()


def test_provenance_names_the_commit_and_whether_it_was_changed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert provenance.provenance({"seed": 0}, "abc", CPU)["commit"] is None
    git = ["git", "-c", "user.name=n", "-c", "user.email=e"]
    (tmp_path / "file").write_text("1")
    for command in (["init", "-q"], ["add", "file"], ["commit", "-qm", "m"]):
        subprocess.run([*git, *command], check=True)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    record = provenance.provenance({"seed": 0}, "abc", CPU)
    assert record["commit"] == commit
    assert record["settings"] == {"seed": 0}
    assert record["data_sha256"] == "abc"
    assert record["versions"]["torch"] == torch.__version__.split("+")[0]
    (tmp_path / "file").write_text("2")
    assert provenance.provenance({"seed": 0}, "abc", CPU)["commit"] == f"{commit}-dirty"


def test_a_log_gets_output_of_every_kind(tmp_path):
    log = tmp_path / "rule.log"
    code = (
        "import os, sys; from amc_loss.logs import redirect; redirect(sys.argv[1]);"
        "print('printed'); os.write(2, b'from a library\\n'); raise RuntimeError('at last')"
    )
    done = subprocess.run([sys.executable, "-c", code, log], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", "")
    text = log.read_text()
    for part in ("--- started ", "printed\n", "from a library\n", "Traceback", "RuntimeError: at last"):
        assert text.count(part) == 1
    assert text.index("printed") < text.index("from a library") < text.index("Traceback")


def test_every_reader_refuses_pickles():
    """`torch.load` and `numpy.load` are called so that they do, wherever they are called."""
    scripts = Path(checkpoints.__file__).parents[1]
    needed = {"torch": "weights_only=True", "np": "allow_pickle=False"}
    found = 0
    for path in scripts.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "load"
            ):
                module = ast.unparse(node.func.value)
                if module in needed:
                    found += 1
                    assert needed[module] in ast.unparse(node), path
    assert found >= 5

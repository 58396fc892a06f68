"""Models of runs, and how files are read."""

import ast

import pytest
import torch
from checkout import ROOT

from amc_loss.runs.model import read_model, write_model
from amc_loss.training import loop

CPU = torch.device("cpu")


def test_a_model_comes_back_as_it_was(dataset, settings, tmp_path):
    network = loop.build_network(dataset, settings)
    network(torch.rand(8, 1, 16, 16))  # moves the running averages
    write_model(network, settings, dataset, tmp_path / "model.pt")
    loaded = read_model(tmp_path / "model.pt", CPU)
    for name, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    x = torch.rand(3, 1, 16, 16)
    torch.testing.assert_close(loaded(x), network.eval()(x))
    assert not loaded.training


def test_a_damaged_model_is_named(dataset, settings, tmp_path):
    path = tmp_path / "model.pt"
    write_model(loop.build_network(dataset, settings), settings, dataset, path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"model.pt is not a usable model .*delete it to train it again"):
        read_model(path, CPU)


def test_a_pickle_in_a_model_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").touch, ())

    torch.save({"network": Evil()}, tmp_path / "model.pt")
    with pytest.raises(ValueError, match="is not a usable model"):
        read_model(tmp_path / "model.pt", CPU)
    assert not (tmp_path / "ran").exists()


def test_every_reader_refuses_pickles():
    """`torch.load` and `numpy.load` are called so that they do, wherever they are called."""
    needed = {"torch": "weights_only=True", "np": "allow_pickle=False"}
    found = 0
    for path in (ROOT / "src").rglob("*.py"):
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

"""What torch does on the host of a GPU during trainings and evaluations; tests/test_cuda_double.py runs it.

Nothing is computed: no test looks at a number that a kernel would have written.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from threading import Event

import double
import numpy as np
import pytest
import torch
import yaml
from settings import CHANGES, LOSSES, of_loss
from torch.nn.functional import cross_entropy

from amc_loss.data.dataset import Dataset, save_dataset
from amc_loss.measures.evaluation import evaluate_run
from amc_loss.measures.gradcam import grad_cam
from amc_loss.runs.model import read_model
from amc_loss.runs.training import train_run
from amc_loss.training import cost, engines, loop, networks
from amc_loss.training.arithmetic import autocast_dtype
from amc_loss.training.loop import Training

GPU = torch.device("cuda")
STEPS = 8


@pytest.fixture
def dataset():
    """Images of CIFAR-10's shape for eight minibatches of 16."""
    x = np.zeros((STEPS * 16, 32, 32, 3), dtype=np.uint8)
    y = np.arange(len(x), dtype=np.int64) % 10
    return Dataset(x, y, x[:20], y[:20], [str(label) for label in range(10)])


@pytest.fixture
def settings(settings):
    return {
        **settings,
        "epochs": 20,
        "ramp_down": 5,
        "engine": "eager",
        "architecture": {"width_multiplier": 0.1},
    }


@pytest.fixture(autouse=True)
def _finite(monkeypatch):
    """The weights are never written, so that what is read of them says nothing; it is read all the same."""
    monkeypatch.setattr(Training, "_check_finite", lambda self, first_bad, weights_are_finite: None)


def host_waits(training):
    """How often the host waits in each step of an epoch, and after its last."""
    seen = []
    original = training.run_step

    def run_step(*arguments):
        before = double.waits()
        original(*arguments)
        seen.append(double.waits() - before)

    training.run_step = run_step
    before = double.waits()
    training.run_epoch()
    training.run_step = original
    return seen, double.waits() - before - sum(seen)


# ---- The double ----


@pytest.mark.parametrize(
    "planted",
    [
        lambda x: x.sum().item(),
        lambda x: bool(x.sum() > 0),
        lambda x: x[x > 0],
        lambda x: x.nonzero(),
        lambda x: x[torch.tensor([0, 1])],
        lambda x: x.cpu(),
        lambda x: torch.zeros(9).to(GPU),
        lambda x: torch.cuda.synchronize(),
    ],
    ids=["item", "bool", "mask", "nonzero", "cpu index", "read", "write", "synchronise"],
)
def test_it_counts_a_planted_wait(planted):
    x = torch.zeros(4, device=GPU)
    before = double.waits()
    planted(x)
    assert double.waits() > before


@pytest.mark.parametrize(
    "planted",
    [
        lambda x: x + torch.zeros(4),
        lambda x: torch.randperm(4, device=GPU, generator=torch.Generator()),
        lambda x: cross_entropy(torch.zeros(4, 3, device=GPU), torch.zeros(4, dtype=torch.int64)),
    ],
    ids=["addition", "generator", "labels"],
)
def test_torch_refuses_another_device_on_it(planted):
    with pytest.raises((RuntimeError, ValueError), match="device"):
        planted(torch.zeros(4, device=GPU))


def test_it_refuses_a_wait_in_a_capture():
    x = torch.zeros(4, device=GPU)
    with pytest.raises(RuntimeError, match="refused by the double"):  # noqa: SIM117
        with torch.cuda.graph(torch.cuda.CUDAGraph()):
            x.sum().item()


def test_it_counts_kernels_by_name():
    x, weight = torch.zeros(2, 3, 8, 8, device=GPU), torch.zeros(4, 3, 3, 3, device=GPU)
    before = double.calls()
    y = torch.nn.functional.conv2d(x, weight)
    assert y.shape == (2, 4, 6, 6)
    assert double.asked(before) == {"kernel convolution torch.float32 contiguous": 1}
    before = double.calls()
    y + 1
    assert sum(double.asked(before).values()) == 1


def test_it_has_no_more_memory_than_it_is_given():
    double.set_memory(0.5)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        torch.empty(2**30, device=GPU)
    double.set_memory(80)


# ---- Steps ----


@pytest.mark.parametrize("engine", ["eager", "graph"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("changes", CHANGES, ids=lambda changes: ", ".join(changes) or "paper")
def test_no_step_waits_and_an_epochs_end_as_often_as_it_must(dataset, settings, engine, loss, changes):
    settings |= {**changes, **of_loss(loss, **changes.get("arguments", {})), "engine": engine}
    training = Training(dataset, settings, GPU)
    first, _ = host_waits(training)
    # A capture waits for what was asked before it.
    assert [bool(waits) for waits in first].count(True) == (engine == "graph")
    steps, end = host_waits(training)
    assert steps == [0] * training.steps
    # For whether the weights are finite, for the sums and the share, for new sums, and for an accuracy.
    assert end == 3 + (changes.get("kept_epoch") == "best")


@pytest.mark.parametrize(("precision", "dtype"), [("bfloat16", torch.bfloat16), ("float32", torch.float32)])
@pytest.mark.parametrize("engine", ["eager", "graph"])
def test_convolutions_are_channels_last_in_the_precision_asked_for(
    dataset, settings, engine, precision, dtype
):
    before = double.calls()
    Training(dataset, {**settings, "precision": precision, "engine": engine}, GPU).run_epoch()
    names = {name for name in double.asked(before) if "convolution" in name}
    assert names == {
        f"kernel {what} {dtype} channels-last"
        for what in (
            "convolution",
            "convolution's gradient of its input",
            "convolution's gradient of its weight",
        )
    } | {"kernel convolution torch.float32 channels-last"}  # of the measurement at the epoch's end


def asked_a_step(dataset, settings):
    """Kernels, copies and graphs a step, as Python asks for them in an epoch without a capture."""
    training = Training(dataset, settings, GPU)
    training.run_epoch()
    seen = []
    original = training.run_step

    def run_step(*arguments):
        before = double.calls()
        original(*arguments)
        seen.append(double.asked(before))

    training.run_step = run_step
    training.run_epoch()
    assert seen[0] == seen[-1]
    return seen[0]


# As counted with torch 2.15; other versions may take a twentieth more.
OPERATIONS = {"cross_entropy": 191, "euclidean": 237, "amc": 269}
OPERATIONS_BESIDE_A_GRAPH = 6


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_has_few_operations(dataset, settings, loss, deterministic):
    settings |= {**of_loss(loss), "deterministic": deterministic, "precision": "bfloat16"}
    assert asked_a_step(dataset, settings).total() <= 1.05 * OPERATIONS[loss]


@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_as_a_graph_is_asked_for_at_once(dataset, settings, loss):
    asked = asked_a_step(dataset, {**settings, **of_loss(loss), "engine": "graph"})
    assert asked["cudaGraphLaunch"] == 1
    assert asked.total() <= OPERATIONS_BESIDE_A_GRAPH


def in_a_graph(dataset, settings, monkeypatch):
    """What a captured step consists of."""
    captured = []
    original = engines.Graph._capture

    def capture(self):
        before = double.calls()
        graph = original(self)
        captured.append(double.asked(before))
        return graph

    monkeypatch.setattr(engines.Graph, "_capture", capture)
    Training(dataset, settings, GPU).run_epoch()
    assert not [name for name in double.calls() if name.startswith("illegal: another")]
    (one,) = captured
    return one


def test_compiled_losses_leave_a_contrastive_loss_nearly_no_operations(dataset, settings, monkeypatch):
    assert engines.resolve_engine("auto", GPU) == "compiled"
    settings |= {"engine": "auto", "precision": "bfloat16", "ema_decay": 0.9, "translation": 2}
    counts = {
        loss: in_a_graph(dataset, {**settings, **of_loss(loss)}, monkeypatch).total()
        for loss in ("cross_entropy", "amc")
    }
    print(counts)
    plain = in_a_graph(dataset, {**settings, **of_loss("amc"), "engine": "graph"}, monkeypatch).total()
    assert counts["amc"] - counts["cross_entropy"] <= 4
    assert counts["amc"] < 0.75 * plain


def captures_in(training, epochs):
    before = double.calls()
    for _ in range(epochs):
        training.run_epoch()
    return (double.calls() - before)["cudaStreamBeginCapture"]


def test_a_graph_is_captured_anew_where_beta1_changes(dataset, settings):
    settings |= {"engine": "graph", "epochs": 6, "ramp_down": 3}
    training = Training(dataset, settings, GPU)
    assert captures_in(training, 4) == 1
    assert captures_in(training, 1) == 1
    assert captures_in(training, 1) == 1
    by_step = Training(dataset, {**settings, "schedules_change": "step"}, GPU)
    assert captures_in(by_step, 3) == 1
    # β1 is another in each step.
    assert captures_in(by_step, 3) == 0


# ---- Generators and checkpoints ----


def generators(training):
    """Seeds and how far each has got."""
    return {
        name: (generator.initial_seed(), generator.get_offset())
        for name, generator in (("order", training.order), ("noise", torch.cuda.default_generators[0]))
    }


def state_after(dataset, settings, epochs):
    training = Training(dataset, settings, GPU)
    for _ in range(epochs):
        training.run_epoch()
    return generators(training)


@pytest.mark.parametrize("changes", [{}, {"translation": 2, "drop_last": False, "batch_size": 24}], ids=str)
def test_a_graph_draws_what_single_calls_draw(dataset, settings, changes):
    settings |= changes
    eager, graph = (state_after(dataset, {**settings, "engine": engine}, 3) for engine in ("eager", "graph"))
    assert eager == graph != state_after(dataset, {**settings, "engine": "graph"}, 2)


@pytest.mark.parametrize("engine", ["eager", "graph"])
def test_a_training_stopped_in_mid_epoch_continues_with_the_same_generators(
    dataset, settings, engine, tmp_path
):
    settings |= {"engine": engine, "translation": 2}
    expected = state_after(dataset, settings, 3)
    stopped = Training(dataset, settings, GPU)
    stopped.run_epoch()
    stop = Event()
    original = stopped.run_step

    def run_step(*arguments):
        original(*arguments)
        if stopped.step == 4:
            stop.set()

    stopped.run_step = run_step
    assert not stopped.run_epoch(stop)
    assert stopped.step == 5
    torch.save(stopped.state_dict(), tmp_path / "checkpoint.pt")
    torch.cuda.manual_seed(1)
    continued = Training(dataset, settings, GPU)
    # In the middle of another training, whose graph is of no use.
    continued.run_epoch()
    continued.load_state_dict(torch.load(tmp_path / "checkpoint.pt", map_location="cpu", weights_only=True))
    assert captures_in(continued, 2) == (engine == "graph")
    assert generators(continued) == expected


# ---- Memory and capability ----


def test_too_little_memory_is_one_sentence(dataset, settings):
    torch.cuda.empty_cache()
    double.set_memory(0.02)
    try:
        with pytest.raises(MemoryError, match="the GPU has too little memory for a minibatch of 64: lower"):
            loop.train(dataset, {**settings, "batch_size": 64, "architecture": {}}, GPU)
    finally:
        double.set_memory(80)


@pytest.mark.parametrize(("capability", "dtype"), [(7, torch.float32), (8, torch.bfloat16)])
def test_what_a_gpu_computes_in_bfloat16_is_known(capability, dtype):
    code = (
        "import torch; from amc_loss.training.arithmetic import autocast_dtype; "
        "print(autocast_dtype('auto', torch.device('cuda')))"
    )
    environment = {**os.environ, "DOUBLE_CAPABILITY": str(capability), "PYTHONPATH": "src"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(dtype)
    assert autocast_dtype("auto", GPU) == torch.bfloat16


# ---- What is done with trainings ----


@pytest.fixture
def data(dataset, tmp_path):
    save_dataset(dataset, tmp_path / "data.npz")
    return tmp_path / "data.npz"


def test_several_trainings_in_one_process_leave_each_other_alone(dataset, settings):
    """As the benchmark has them: two graphs and a training without, whose epochs alternate."""
    kinds = [{"engine": "graph"}, {"engine": "graph", **of_loss("euclidean")}, {"engine": "eager"}]
    trainings = [Training(dataset, {**settings, **kind}, GPU) for kind in kinds]
    for _ in range(3):
        for training in trainings:
            training.run_epoch()
    assert [len(training.history) for training in trainings] == [3] * 3


@pytest.mark.parametrize("loss", LOSSES)
def test_a_default_device_of_the_caller_changes_nothing(dataset, settings, loss):
    torch.set_default_device(GPU)
    try:
        assert Training(dataset, settings | of_loss(loss), GPU).run_epoch()
        assert networks.Dropout(0.5)(torch.ones(8, device="cpu")).device.type == "cpu"
    finally:
        torch.set_default_device(None)


@pytest.mark.parametrize("engine", ["eager", "graph"])
def test_a_run_is_trained_evaluated_and_explained(dataset, settings, data, engine, tmp_path):
    settings |= {"engine": engine, "epochs": 2, "ramp_down": 1, "kept_epoch": "best", "ema_decay": 0.9}
    train_run(tmp_path, data, settings, GPU, protocol="paper", code="", checkpoint_every=1)
    record = json.loads((tmp_path / "provenance.json").read_text())
    assert (record["device"], record["engine"]) == ("Double of an H100", engine)
    before = double.waits()
    evaluate_run(tmp_path, data, {"seed": 0}, GPU, splits=("train", "test"))
    # Images of a split there, features and logits back.
    assert double.waits() - before >= 6
    network = read_model(tmp_path / "model.pt", GPU)
    maps = grad_cam(network, dataset.x_test, dataset.y_test, GPU, divide_by_rms=True)
    assert maps.shape == (20, 32, 32)


def test_estimate_measures_it(settings):
    kind = {**settings, "data": {"source": "torchvision", "class": "CIFAR10"}, "engine": "graph"}
    lines = list(cost.table([(kind, 3)], {}, GPU, {"amc": "+ AMC-Loss"}))
    assert lines[-1].endswith("one training after the other on Double of an H100")


def test_the_command_trains_on_the_gpu_that_it_finds(data, tmp_path, monkeypatch):
    """In a process of its own that begins with the search for a GPU."""
    small = {
        "study": {"datasets": ["digits"], "seeds": [0]},
        "network": {"width_multiplier": {"top": 0.1, "bottom": 0.1}},
        "training": {"batch_size": 16, "engine": "graph"},
    }
    short = {"epochs": 2, "ramp_up": 1, "ramp_down": 1}
    small["training"]["schedule"] = {"top": short, "bottom": short}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(small))
    run = "digits-top-amc-lambda0.1-margin0.5-seed0"
    options = ["--config", tmp_path / "small.yaml", "--run", run, "--data", data, "--out", tmp_path]
    code = (
        "import double, runpy; from amc_loss.training.loop import Training; "
        "Training._check_finite = lambda self, *read: None; runpy.run_module('amc_loss', run_name='__main__')"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["src", str(Path(__file__).parent)])}
    for command in ("train", "evaluate"):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, command, *map(str, options)],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((tmp_path / run / "provenance.json").read_text())
    assert (record["device"], record["device_type"]) == ("Double of an H100", "cuda")
    assert "accuracy" in json.loads((tmp_path / run / "metrics.json").read_text())

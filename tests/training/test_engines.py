"""Steps as a GPU gets them, on a CPU: what a graph does is done by a stand-in, which calls the step."""

import numpy as np
import pytest
import torch
from device import DEVICE
from settings import of_loss

from amc_loss.training import engines, loop, networks, schedules

CPU, GPU = torch.device("cpu"), torch.device("cuda")


class Replays:
    """In place of a graph: does what a capture would have recorded, with the tensors as they are now."""

    def __init__(self, graph):
        # What it records of numbers is what they are now, for all replays.
        training = graph.step.__self__
        assert training.w is graph.numbers[-1]
        assert training.optimizer.param_groups[0]["lr"] is graph.numbers[0]
        self.training, self.step = training, training.step
        self.graph = graph
        self.seen = []

    def replay(self):
        self.seen.append((*map(float, self.graph.numbers), self.graph.index.tolist()))
        now, self.training.step = self.training.step, self.step
        self.graph.step(self.graph.index)
        self.training.step = now


@pytest.fixture
def graphs(monkeypatch):
    """The graphs of trainings on the CPU, whose rates are float32 numbers in any engine."""
    made = []

    def capture(self):
        made.append(Replays(self))
        return made[-1]

    original = schedules.rates

    def rates(*arguments):
        rates = original(*arguments)
        return rates | {name: float(np.float32(rates[name])) for name in ("learning_rate", "w")}

    monkeypatch.setattr(loop, "resolve_engine", lambda engine, device, own: engine)
    monkeypatch.setattr(engines.Graph, "_capture", capture)
    monkeypatch.setattr(schedules, "rates", rates)
    return made


def trained(dataset, settings, epochs=4):
    training = loop.Training(dataset, settings, CPU)
    for _ in range(epochs):
        training.run_epoch()
    return training


def result(training):
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in training.history]
    return rows, {name: value.tolist() for name, value in training.kept().state_dict().items()}


@pytest.mark.parametrize("loss", ["cross_entropy", "euclidean", "amc"])
@pytest.mark.parametrize(
    ("changes", "replays"),
    [
        # Of 16 steps the first 3 are called, and the first with another β1.
        ({}, [13]),
        ({"epochs": 4, "ramp_down": 2}, [9, 3]),
        # β1 is another in each of the last seven steps.
        ({"epochs": 4, "ramp_down": 2, "schedules_change": "step"}, [6]),
        # Two whole minibatches an epoch, and one that is not.
        ({"drop_last": False, "batch_size": 24}, [6]),
        ({"ema_decay": 0.9, "translation": 2, "kept_epoch": "best"}, [13]),
    ],
    ids=["paper", "ramp-down", "by step", "partial minibatch", "released code"],
)
def test_a_graph_gives_the_weights_of_single_calls(dataset, settings, graphs, loss, changes, replays):
    settings |= {**of_loss(loss), "epochs": 9, "ramp_up": 2, "ramp_down": 0, **changes, "weight": 4.0}
    eager, graph = (trained(dataset, {**settings, "engine": engine}) for engine in ("eager", "graph"))
    assert [len(one.seen) for one in graphs] == replays
    assert result(graph) == result(eager)
    assert graph.order.get_state().equal(eager.order.get_state())


def test_a_replay_reads_the_rates_and_the_minibatch_of_its_step(dataset, settings, graphs):
    settings |= {"engine": "graph", "epochs": 9, "ramp_up": 4, "ramp_down": 0}
    training = trained(dataset, settings)
    (graph,) = graphs
    rates = [(row["learning_rate"], row["w"]) for row in training.history for _ in range(training.steps)]
    assert [seen[:2] for seen in graph.seen] == rates[3:]
    last_epoch = [number for _, _, index in graph.seen[-4:] for number in index]
    assert sorted(last_epoch) == list(range(64))


def test_a_loss_that_is_not_finite_in_a_replay_names_its_step(dataset, settings, graphs, monkeypatch):
    original, calls = loop.Training.train_step, []

    def diverge(*arguments):
        calls.append(None)
        return original(*arguments) * (float("nan") if len(calls) == 4 * 2 + 3 else 1.0)

    monkeypatch.setattr(loop.Training, "train_step", diverge)
    with pytest.raises(FloatingPointError, match="in epoch 3, step 3 of 4"):
        trained(dataset, {**settings, "engine": "graph", "epochs": 9})
    assert graphs


def test_after_another_state_is_loaded_a_graph_is_captured_anew(dataset, settings, graphs):
    settings |= {"engine": "graph", "epochs": 9, "ramp_down": 0}
    straight = trained(dataset, settings, 4)
    training = trained(dataset, settings, 3)
    state = trained(dataset, settings, 2).state_dict()
    before = len(graphs)
    training.load_state_dict(state)
    for _ in range(2):
        training.run_epoch()
    assert len(graphs) == before + 1
    assert result(training) == result(straight)


def test_losses_are_compiled_for_whole_minibatches_alone(dataset, settings, graphs, monkeypatch):
    sizes = []

    def compiled(function, dynamic):
        def call(images, labels, w):
            sizes.append(len(images))
            return function(images, labels, w)

        return call

    monkeypatch.setattr(torch, "compile", compiled)
    settings |= {"drop_last": False, "batch_size": 24, "weight": 4.0}
    eager, training = (
        trained(dataset, {**settings, "engine": engine}, 3) for engine in ("eager", "compiled")
    )
    assert sizes == [24] * 6
    assert result(training) == result(eager)


def test_what_torch_compile_makes_of_the_losses_is_what_they_are(dataset, settings, graphs, monkeypatch):
    """Its graph of operations, without the C compiler that code for a CPU would need."""
    original = torch.compile
    # As it is on a GPU.
    monkeypatch.setattr(networks.Dropout, "forward", torch.nn.Dropout.forward)
    monkeypatch.setattr(
        torch,
        "compile",
        lambda function, dynamic: original(function, backend="aot_eager", dynamic=dynamic, fullgraph=True),
    )
    settings |= {
        "epochs": 9,
        "weight": 4.0,
        "architecture": {"width_multiplier": 0.03, "noise_sd": 0.0, "dropout": 0.0},
    }
    eager, training = (
        trained(dataset, {**settings, "engine": engine}, 2) for engine in ("eager", "compiled")
    )
    for one, two in zip(training.history, eager.history, strict=True):
        for name in ("cross_entropy", "auxiliary", "accuracy"):
            assert one[name] == pytest.approx(two[name], rel=1e-4), name


@pytest.mark.parametrize("engine", ["auto", "graph", "compiled"])
def test_on_the_device_itself_each_engine_trains_as_single_calls_do(dataset, settings, engine):
    """Proves something on a GPU (AMC_TEST_DEVICE=cuda); a CPU has one engine."""
    settings["architecture"] |= {"noise_sd": 0.0, "dropout": 0.0}
    settings |= {"epochs": 6, "ramp_up": 2, "ramp_down": 2, "learning_rate": 0.001}
    expected, training = (
        loop.Training(dataset, {**settings, "engine": one}, DEVICE) for one in ("eager", engine)
    )
    for _ in range(6):
        expected.run_epoch()
        training.run_epoch()
    for one, two in zip(training.history, expected.history, strict=True):
        for name in ("cross_entropy", "auxiliary"):
            assert one[name] == pytest.approx(two[name], rel=1e-3, abs=1e-4), name


# ---- The choice ----


@pytest.mark.parametrize("engine", ["auto", "eager", "graph", "compiled"])
def test_a_cpu_gets_its_steps_one_by_one(engine):
    assert engines.resolve_engine(engine, CPU) == "eager"


@pytest.mark.parametrize(
    ("engine", "fault", "expected"),
    [
        ("auto", None, "compiled"),
        ("auto", "no C compiler", "graph"),
        ("compiled", None, "compiled"),
        ("graph", None, "graph"),
        ("eager", None, "eager"),
    ],
)
def test_a_gpu_gets_what_works(monkeypatch, engine, fault, expected):
    monkeypatch.setattr(engines, "_fault_of_compiler", lambda device: fault)
    assert engines.resolve_engine(engine, GPU) == expected


def test_an_engine_that_was_asked_for_and_does_not_work_is_one_sentence(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function: lambda x: 1 / 0)
    monkeypatch.setattr(torch, "zeros", lambda *shape, device: None)
    engines._fault_of_compiler.cache_clear()
    with pytest.raises(
        RuntimeError, match=r"torch.compile does not work here \(division by zero\): install a C"
    ):
        engines.resolve_engine("compiled", GPU)
    assert engines.resolve_engine("auto", GPU) == "graph"
    engines._fault_of_compiler.cache_clear()
    with pytest.raises(ValueError, match="engine must be 'auto', 'eager', 'graph' or 'compiled', not 'fast'"):
        engines.resolve_engine("fast", GPU)

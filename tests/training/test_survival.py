"""Trainings that are killed, stopped, starved of disk or memory, or that diverge."""

import multiprocessing
import os
import random
import re
import resource
import signal
import time
from threading import Event

import pytest
import torch
from device import DEVICE
from settings import of_loss

from amc_loss.training import loop
from amc_loss.training.checkpoints import Checkpoint

# Forked from a process that has torch in memory and has done nothing with it.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["amc_loss.training.loop"])


def child(dataset, settings, folder):
    """Train in a process of its own; writes the result when it ends."""
    torch.set_num_threads(1)
    with open(folder / "log", "a", buffering=1) as log:
        report = lambda line: log.write(f"{line}\n")  # noqa: E731
        checkpoint = Checkpoint(folder / "checkpoint.pt", 1, {"settings": settings}, report)
        network, history = loop.train(dataset, settings, DEVICE, checkpoint, report)
    torch.save({"state": network.state_dict(), "history": history}, folder / "result.pt")


def start(dataset, settings, folder):
    process = FORKS.Process(target=child, args=(dataset, settings, folder))
    process.start()
    return process


def lines_of(folder):
    return (folder / "log").read_text().splitlines() if (folder / "log").exists() else []


def wait_for_lines(folder, count):
    deadline = time.monotonic() + 60
    while len(lines_of(folder)) < count:
        assert time.monotonic() < deadline, lines_of(folder)
        time.sleep(0.001)


def results(folder):
    result = torch.load(folder / "result.pt", weights_only=True)
    for row in result["history"]:
        del row["seconds"]
    return result


def assert_same(first, second):
    assert first["history"] == second["history"]
    for name, value in first["state"].items():
        assert torch.equal(value, second["state"][name]), name


@pytest.fixture
def folders(tmp_path):
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    return tmp_path / "whole", tmp_path / "stopped"


def test_ten_kills_at_random_moments_change_nothing(dataset, settings, folders):
    whole, stopped = folders
    settings |= {"epochs": 150, "ramp_up": 40, "ramp_down": 30}
    start(dataset, settings, whole).join()
    moments = random.Random(0)
    for _ in range(10):
        lines = len(lines_of(stopped))
        process = start(dataset, settings, stopped)
        # Somewhere after the first lines of progress, in the middle of a step or of a write.
        wait_for_lines(stopped, lines + 2)
        time.sleep(moments.uniform(0, 0.15))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, "it ended before it was killed: train for longer"
    assert not (stopped / "result.pt").exists()
    start(dataset, settings, stopped).join()
    assert_same(results(whole), results(stopped))
    assert (stopped / "log").read_text().count("continuing after epoch") == 10


def test_it_goes_on_with_as_many_threads_as_it_began_with(dataset, settings):
    """On which the last digits of a sum depend."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        state = loop.Training(dataset, settings, DEVICE).state_dict()
        torch.set_num_threads(1)
        training = loop.Training(dataset, settings, DEVICE)
        assert torch.get_num_threads() == 1
        training.load_state_dict(state)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_in_the_middle_of_an_epoch_with_a_checkpoint(dataset, settings, folders, number):
    whole, stopped = folders
    settings |= {"epochs": 120, "ramp_up": 1, "ramp_down": 1}
    start(dataset, settings, whole).join()
    # Until a stop falls between two steps; most do.
    for _ in range(20):
        lines = len(lines_of(stopped))
        process = start(dataset, settings, stopped)
        wait_for_lines(stopped, lines + 2)
        os.kill(process.pid, number)
        process.join()
        assert process.exitcode == 128 + number
        if "step 0" not in lines_of(stopped)[-1]:
            break
    assert re.search(
        rf"stopped by {number.name} after epoch \d+, step [123]\n", (stopped / "log").read_text()
    )
    start(dataset, settings, stopped).join()
    assert_same(results(whole), results(stopped))


def test_averages_the_best_epoch_and_a_partial_minibatch_survive_as_well(dataset, settings, folders):
    whole, stopped = folders
    settings |= {"epochs": 60, "ema_decay": 0.9, "kept_epoch": "best", "translation": 1}
    settings |= {"drop_last": False, "batch_size": 24, "schedules_change": "step"}
    start(dataset, settings, whole).join()
    for _ in range(3):
        lines = len(lines_of(stopped))
        process = start(dataset, settings, stopped)
        wait_for_lines(stopped, lines + 3)
        os.kill(process.pid, signal.SIGTERM)
        process.join()
    start(dataset, settings, stopped).join()
    assert (stopped / "log").read_text().count("continuing after epoch") == 3
    assert_same(results(whole), results(stopped))


def run(dataset, settings, tmp_path, every=1, **changes):
    lines = []
    identity = {"settings": {**settings, **changes}, "data": "d", "code": "c"}
    checkpoint = Checkpoint(tmp_path / "checkpoint.pt", every, identity, lines.append)
    result = loop.train(dataset, {**settings, **changes}, DEVICE, checkpoint, lines.append)
    return result, lines


def test_checkpoints_are_written_every_n_epochs_and_not_after_the_last(
    dataset, settings, tmp_path, monkeypatch
):
    saved = []
    monkeypatch.setattr(Checkpoint, "save", lambda self, state: saved.append(len(state["history"])))
    run(dataset, settings, tmp_path, every=2, epochs=6)
    assert saved == [2, 4]


def test_a_checkpoint_of_other_settings_is_refused(dataset, settings, tmp_path):
    run(dataset, settings, tmp_path)
    (tmp_path / "fresh").mkdir()
    (_, fresh), _ = run(dataset, settings, tmp_path / "fresh", **of_loss("amc", margin=0.7))
    (_, history), lines = run(dataset, settings, tmp_path, **of_loss("amc", margin=0.7))
    assert lines[0] == f"{tmp_path / 'checkpoint.pt'} is of other settings; starting over"
    assert [row["cross_entropy"] for row in history] == [row["cross_entropy"] for row in fresh]


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"\x80nonsense"])
def test_a_damaged_checkpoint_is_refused(dataset, settings, tmp_path, damage):
    run(dataset, settings, tmp_path)
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(damage(path.read_bytes()))
    (_, history), lines = run(dataset, settings, tmp_path)
    assert re.match(r".*checkpoint.pt is damaged \(.*\); starting over", lines[0], re.DOTALL)
    assert len(history) == 3


def test_a_pickle_in_a_checkpoint_is_not_run(dataset, settings, tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").touch, ())

    torch.save({"identity": Evil(), "state": {}}, tmp_path / "checkpoint.pt")
    _, lines = run(dataset, settings, tmp_path)
    assert "is damaged" in lines[0]
    assert not (tmp_path / "ran").exists()


def test_a_disk_that_is_full_keeps_the_previous_checkpoint_and_the_training_goes_on(
    dataset, settings, tmp_path
):
    run(dataset, settings, tmp_path)
    path = tmp_path / "checkpoint.pt"
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        (_, history), lines = run(dataset, settings, tmp_path, epochs=5)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(history) == 5
    assert sum("no checkpoint written, the previous one is kept" in line for line in lines) == 4
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_loss_that_is_not_finite_names_epoch_step_and_settings(dataset, settings, tmp_path, monkeypatch):
    original, calls = loop.Training.train_step, []

    def diverge(*args):
        calls.append(None)
        measured = original(*args)
        return measured * (float("nan") if len(calls) == 4 * 2 + 3 else 1.0)

    monkeypatch.setattr(loop.Training, "train_step", diverge)
    with pytest.raises(FloatingPointError) as error:
        run(dataset, settings, tmp_path, epochs=9)
    assert str(error.value) == (
        "the loss is not finite in epoch 3, step 3 of 4: lower training.learning_rate (0.01), "
        "losses.amc.weight (0.1), or set training.precision to float32"
    )
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["state"]
    assert len(state["history"]) == 2
    assert all(value.isfinite().all() for value in state["network"].values())


def test_weights_that_are_not_finite_are_not_kept(dataset, settings, tmp_path):
    """The loss of the last step is from before the step that breaks the weights."""
    with pytest.raises(FloatingPointError, match="not finite in epoch 1, step 1 of 1"):
        run(dataset, settings, tmp_path, batch_size=64, learning_rate=float("inf"), ramp_up=0, epochs=5)
    assert not (tmp_path / "checkpoint.pt").exists()


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_a_gpu_out_of_memory_says_what_to_lower(dataset, settings, tmp_path, monkeypatch, error):
    def full(*_args):
        raise error

    monkeypatch.setattr(loop.Training, "train_step", full)
    with pytest.raises(
        MemoryError, match=r"minibatch of 16: lower training.batch_size or network.width_multiplier"
    ):
        run(dataset, settings, tmp_path)


def test_another_error_of_the_gpu_is_that_error(dataset, settings, tmp_path, monkeypatch):
    def broken(*_args):
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(loop.Training, "train_step", broken)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        run(dataset, settings, tmp_path)


def test_an_epoch_goes_on_in_the_object_in_which_it_was_stopped(dataset, settings):
    """As from a checkpoint: with what is left of the same order."""
    whole = loop.Training(dataset, settings, DEVICE)
    whole.run_epoch()
    # Made now: a training draws noise from torch's one generator, which it seeds when it is made.
    stopped = loop.Training(dataset, settings, DEVICE)
    stop = Event()
    stop.set()
    for step in range(1, 4):
        assert not stopped.run_epoch(stop)
        assert stopped.step == step
    stopped.run_epoch()
    for name, value in stopped.network.state_dict().items():
        assert torch.equal(value, whole.network.state_dict()[name]), name
    assert stopped.order.get_state().equal(whole.order.get_state())


def test_signal_handlers_are_put_back(dataset, settings, tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    run(dataset, settings, tmp_path)
    assert signal.getsignal(signal.SIGTERM) is before

"""Algorithm 1 and what a seed determines."""

import math
import platform
import subprocess
import sys
from collections import Counter

import pytest
import torch
from device import DEVICE
from settings import of_loss
from torch.nn.functional import cross_entropy

from amc_loss.losses import AngularMarginContrastiveLoss
from amc_loss.measures.evaluation import evaluate_run
from amc_loss.training import loop
from amc_loss.training.arithmetic import autocast_dtype, to_device
from amc_loss.training.batches import minibatches, translate

CPU = torch.device("cpu")
pytestmark = pytest.mark.usefixtures("_on_the_device")


def train(dataset, settings, **changes):
    return loop.train(dataset, {**settings, **changes}, DEVICE, report=lambda line: None)


def test_it_learns(dataset, settings):
    network, history = train(dataset, settings, epochs=25)
    assert [row["epoch"] for row in history] == list(range(25))
    assert history[-1]["accuracy"] > 90
    assert history[-1]["cross_entropy"] < history[0]["cross_entropy"]
    logits = network.eval()(to_device(dataset.x_test, DEVICE))
    assert (logits.argmax(1).cpu().numpy() == dataset.y_test).mean() > 0.9


@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_seed_repeats_bit_for_bit_and_seed_0_is_a_seed(dataset, settings, seed):
    first, second = (train(dataset, settings, seed=seed) for _ in range(2))
    for name, value in first[0].state_dict().items():
        assert torch.equal(value, second[0].state_dict()[name]), name
    for one, two in zip(first[1], second[1], strict=True):
        assert {k: v for k, v in one.items() if k != "seconds"} == {
            k: v for k, v in two.items() if k != "seconds"
        }
    other = train(dataset, settings, seed=seed + 1)
    assert first[1][0]["cross_entropy"] != other[1][0]["cross_entropy"]


@pytest.fixture
def steps(monkeypatch):
    """What each step gets instead of being done: copies of the weights, and the images."""
    seen = []

    def record(self, images, labels, ramp):
        seen.append(([parameter.detach().clone() for parameter in self.network.parameters()], images.clone()))
        return torch.zeros(3)

    monkeypatch.setattr(loop.Training, "train_step", record)
    return seen


def test_losses_share_initial_weights_and_order(dataset, settings, steps):
    for loss in ("cross_entropy", "euclidean", "amc"):
        train(dataset, settings, **of_loss(loss))
    assert len(steps) == 3 * 3 * 4
    for first, *others in zip(steps[:12], steps[12:24], steps[24:], strict=True):
        for other in others:
            assert all(map(torch.equal, first[0], other[0]))
            assert torch.equal(first[1], other[1])


@pytest.mark.parametrize("seed", [0, 1])
def test_the_seed_sets_weights_and_order_and_0_is_a_seed(dataset, settings, steps, seed):
    train(dataset, settings, seed=seed)
    torch.manual_seed(seed)
    expected = loop.build_network(dataset, settings)
    assert all(map(torch.equal, steps[0][0], expected.parameters()))
    index = next(minibatches(64, 16, torch.Generator(DEVICE).manual_seed(seed)))
    assert torch.equal(steps[0][1], to_device(dataset.x_train, DEVICE)[index])


def test_one_step_is_algorithm_1(dataset, settings):
    """The gradient is that of L_C + w(t) λ (1/|B|) Σ L_A, with neighbours by predicted label."""
    images, labels = (
        to_device(dataset.x_train[:16], DEVICE),
        torch.from_numpy(dataset.y_train[:16]).to(DEVICE),
    )
    settings["architecture"] |= {"dropout": 0.0, "noise_sd": 0.0}
    both = [loop.Training(dataset, settings, DEVICE) for _ in range(2)]
    for one in both:
        one.optimizer = torch.optim.SGD(one.network.parameters(), lr=1.0)
    tested, network, optimizer = both[0], both[1].network, both[1].optimizer
    w = 0.3
    for _ in range(2):
        measured = tested.train_step(images, labels, w)
        features = network.deep_features(images)
        logits = network.classifier(features)
        predicted = logits.argmax(1)
        auxiliary = AngularMarginContrastiveLoss(0.5, reduction="batch")(features, predicted)
        classification = cross_entropy(logits, labels)
        network.zero_grad()
        (classification + w * 0.1 * auxiliary).backward()
        optimizer.step()
        accuracy = 100 * (predicted == labels).float().mean()
        torch.testing.assert_close(measured, torch.stack([classification, auxiliary, accuracy]).detach())
    for one, two in zip(tested.network.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


def states(training):
    return {name: value.clone() for name, value in training.network.state_dict().items()}


def test_the_moving_average_has_weights_and_batch_norm_statistics(dataset, settings):
    """As `tf.train.ExponentialMovingAverage`: from the initial values, after each step."""
    one = loop.Training(dataset, {**settings, "ema_decay": 0.9}, DEVICE)
    expected = {name: value.double() for name, value in states(one).items()}
    for _ in range(5):
        one.train_step(one.x[:16], one.y[:16], 1.0)
        for name, value in states(one).items():
            expected[name] = 0.9 * expected[name] + 0.1 * value.double()
    for name, value in one.evaluated.state_dict().items():
        if "num_batches" not in name:
            torch.testing.assert_close(value, expected[name].float(), msg=name)
    average, network = one.evaluated.state_dict(), one.network.state_dict()
    for name in ("convolutions.conv1_1.1.running_var", "convolutions.conv1_1.0.weight"):
        assert not torch.equal(average[name], network[name])
    assert one.kept() is one.evaluated


def test_without_a_moving_average_the_weights_themselves_are_evaluated(dataset, settings):
    one = loop.Training(dataset, settings, DEVICE)
    assert one.kept() is one.network


@pytest.mark.parametrize(("kept", "epoch"), [("last", 3), ("best", 1)])
def test_the_last_or_the_best_epoch_is_kept(dataset, settings, monkeypatch, kept, epoch):
    accuracies, seen = iter([50.0, 70.0, 70.0, 60.0]), []

    def measured(network, images, labels):
        seen.append({name: value.clone() for name, value in network.state_dict().items()})
        return next(accuracies)

    monkeypatch.setattr(loop, "accuracy_in_percent", measured)
    network, history = train(dataset, settings, epochs=4, kept_epoch=kept)
    last, _ = train(dataset, settings, epochs=4)
    wanted = seen[epoch] if kept == "best" else last.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in network.state_dict().items())
    assert len(seen) == (4 if kept == "best" else 0)
    if kept == "best":
        assert [row["test_accuracy"] for row in history] == [50, 70, 70, 60]


def test_accuracy_on_the_test_split(dataset, settings):
    network, _ = train(dataset, settings, epochs=25)
    network.train()
    images = to_device(dataset.x_test, DEVICE)
    accuracy = loop.accuracy_in_percent(network, images, torch.from_numpy(dataset.y_test).to(DEVICE))
    assert network.training
    predicted = network.eval()(to_device(dataset.x_test, DEVICE)).argmax(1).cpu().numpy()
    assert accuracy == 100 * (predicted == dataset.y_test).mean()


@pytest.mark.parametrize(("drop_last", "sizes"), [(True, [24, 24]), (False, [24, 24, 16])])
def test_a_last_minibatch_that_is_not_full(dataset, settings, monkeypatch, drop_last, sizes):
    seen = []

    def record(self, images, labels, w):
        seen.append(len(labels))
        return torch.tensor([float(len(seen)), 0.0, 0.0])

    monkeypatch.setattr(loop.Training, "train_step", record)
    _, history = train(dataset, settings, batch_size=24, drop_last=drop_last, epochs=1)
    assert seen == sizes
    # A mean over images, not over minibatches.
    mean = sum(n * number for number, n in enumerate(sizes, 1)) / sum(sizes)
    assert history[0]["cross_entropy"] == pytest.approx(mean)


@pytest.mark.parametrize("unit", ["epoch", "step"])
def test_schedules_change_each_epoch_or_each_step(dataset, settings, monkeypatch, unit):
    seen = []

    def record(self, images, labels, w):
        seen.append((self.optimizer.param_groups[0]["lr"], w))
        return torch.zeros(3)

    monkeypatch.setattr(loop.Training, "train_step", record)
    train(dataset, settings, epochs=3, ramp_up=2, schedules_change=unit)
    times = [number / 4 if unit == "step" else number // 4 for number in range(8)]
    expected = [math.exp(-5 * (1 - t / 2) ** 2) for t in times]
    assert [w for _, w in seen[:8]] == pytest.approx(expected)
    assert [rate for rate, _ in seen[:8]] == pytest.approx([0.01 * factor for factor in expected])


def test_neighbours_by_true_labels_reach_the_loss(dataset, settings, monkeypatch):
    given = []
    original = AngularMarginContrastiveLoss.forward
    monkeypatch.setattr(
        AngularMarginContrastiveLoss,
        "forward",
        lambda self, *args: given.append(args) or original(self, *args),
    )
    one = loop.Training(dataset, {**settings, **of_loss("amc", neighbours="true")}, DEVICE)
    one.train_step(one.x[:16], one.y[:16], 1.0)
    assert one.criterion.auxiliary.neighbours == "true"
    assert torch.equal(given[0][2], one.y[:16])


def test_settings_of_the_optimiser_reach_it(dataset, settings):
    one = loop.Training(dataset, {**settings, "adam_epsilon": 0.3}, DEVICE)
    assert one.optimizer.param_groups[0]["eps"] == 0.3


def test_the_best_epoch_is_part_of_the_state(dataset, settings):
    one, other = (loop.Training(dataset, {**settings, "kept_epoch": "best"}, DEVICE) for _ in range(2))
    one.run_epoch()
    best = {name: value.clone() for name, value in one.best.items()}
    one.train_step(one.x[:16], one.y[:16], 1.0)
    other.load_state_dict(one.state_dict())
    assert all(torch.equal(value, best[name]) for name, value in other.kept().state_dict().items())


def test_a_translation_beyond_the_image_is_refused(dataset, settings):
    with pytest.raises(ValueError, match=r"training.translation is 16, but images of tiny have 16×16 pixels"):
        train(dataset, settings, translation=16)


def test_images_are_translated_when_a_training_says_so(dataset, settings, steps):
    for pixels in (0, 2):
        train(dataset, settings, translation=pixels, epochs=1)
    still, moved = steps[0][1], steps[4][1]
    assert not torch.equal(still, moved)
    # Offset by 2 at most, so that some window of the middle is the same.
    assert torch.isin(moved[0, 0, 4:12, 4:12], still[0, 0]).all()


def test_translation_reflects_at_the_borders():
    torch.manual_seed(0)
    images = torch.arange(2 * 5 * 4, dtype=torch.uint8).reshape(1, 2, 5, 4).repeat(2000, 1, 1, 1)
    moved = translate(images, 2)
    padded = torch.nn.functional.pad(images[:1].float(), (2, 2, 2, 2), mode="reflect").byte()[0]
    windows = {
        (i, j): padded[:, i : i + 5, j : j + 4].contiguous().cpu().numpy().tobytes()
        for i in range(5)
        for j in range(5)
    }
    found = Counter(image.contiguous().cpu().numpy().tobytes() for image in moved)
    assert set(found) == set(windows.values())
    assert len(set(windows.values())) == 25
    # 80 of each are expected; a standard deviation is 9.
    assert min(found.values()) > 40
    assert max(found.values()) < 120


def test_minibatches_are_full_shuffled_and_without_repetition():
    batches = list(minibatches(50, 16, torch.Generator(DEVICE).manual_seed(0)))
    assert [len(index) for index in batches] == [16, 16, 16]
    torch.manual_seed(1)  # the order has a generator of its own
    again = list(minibatches(50, 16, torch.Generator(DEVICE).manual_seed(0)))
    assert all(map(torch.equal, batches, again))
    seen = torch.cat(batches)
    assert len(seen.unique()) == 48
    assert not torch.equal(seen, torch.arange(48))


def test_optimizer_follows_the_schedules(dataset, settings, monkeypatch):
    seen = []
    original = loop.Training.train_step

    def record(self, images, labels, ramp):
        group = self.optimizer.param_groups[0]
        seen.append((group["lr"], *group["betas"], ramp))
        return original(self, images, labels, ramp)

    monkeypatch.setattr(loop.Training, "train_step", record)
    _, history = train(dataset, settings, epochs=4, ramp_up=2, ramp_down=2)
    assert history[3]["beta1"] < 0.9
    for epoch, row in enumerate(history):
        for step in seen[4 * epoch : 4 * epoch + 4]:
            assert step == (row["learning_rate"], row["beta1"], 0.999, row["w"])
    assert seen[0][3] == pytest.approx(math.exp(-5))


def test_too_few_images(dataset, settings):
    with pytest.raises(ValueError, match="batch_size is 128, but tiny has only 64 training images"):
        train(dataset, settings, batch_size=128)


def test_a_line_an_epoch_says_loss_accuracy_speed_and_time_left(dataset, settings):
    lines = []
    loop.train(dataset, settings, DEVICE, report=lines.append)
    assert len(lines) == 3
    row = {"epoch": 1, "cross_entropy": 0.5, "auxiliary": 0.25, "accuracy": 87.5, "seconds": 40.0}
    assert loop.progress_line(row, 60_000, 300) == (
        "epoch 2/300  cross-entropy 0.5000  auxiliary 0.2500  accuracy 87.50%  1,500 images/s  3:18:40 left"
    )


@pytest.mark.parametrize("allowed", [True, False])
def test_rounding_to_tf32_is_a_setting_which_evaluation_has_not(dataset, settings, tmp_path, allowed):
    train(dataset, settings, tf32=allowed, epochs=1)
    kinds = torch.backends.cudnn, torch.backends.cuda.matmul
    assert [kind.allow_tf32 for kind in kinds] == [allowed] * 2
    with pytest.raises(FileNotFoundError):
        evaluate_run(tmp_path, tmp_path / "data.npz", {}, DEVICE)
    assert [kind.allow_tf32 for kind in kinds] == [False] * 2


def test_deterministic_algorithms_are_a_setting(dataset, settings):
    _, history = train(dataset, settings, deterministic=True)
    assert torch.are_deterministic_algorithms_enabled()
    # It would write each tensor once more.
    assert not torch.utils.deterministic.fill_uninitialized_memory
    assert not torch.backends.cudnn.benchmark
    _, other = train(dataset, settings, deterministic=False)
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.backends.cudnn.benchmark
    assert history[-1]["cross_entropy"] == other[-1]["cross_entropy"]


def test_precision(monkeypatch):
    assert autocast_dtype("float32", CPU) == torch.float32
    assert autocast_dtype("bfloat16", CPU) == torch.bfloat16
    for supported, dtype in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda supported=supported: supported)
        assert autocast_dtype("auto", CPU) == dtype
    with pytest.raises(ValueError, match="precision must be"):
        autocast_dtype("half", CPU)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_freed_memory_is_kept():
    """The second large allocation reuses the pages of the first instead of faulting them in anew."""
    code = """
import resource, sys, torch
from amc_loss.training.arithmetic import keep_freed_memory
assert sys.argv[1] == "default" or keep_freed_memory()
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(2**24)
before = faults()
for _ in range(5):
    torch.ones(2**24)
print(faults() - before)
"""
    faults = {
        mode: int(
            subprocess.run(
                [sys.executable, "-c", code, mode], check=True, capture_output=True, text=True
            ).stdout
        )
        for mode in ("default", "keep")
    }
    # Five blocks of 64 MiB are 81,920 pages of 4 KiB; huge pages, where the system has them, are fewer.
    assert faults["keep"] < 50
    assert faults["default"] > 100


def test_images_go_to_the_device_channels_first(dataset):
    x = to_device(dataset.x_train, DEVICE)
    assert x.shape == (64, 1, 16, 16)

"""What a run's network makes of images, mosaics, exchanged borders and deleted cells, step by step in loops."""

import math
from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from device import DEVICE
from torch import nn

from amc_loss.data.dataset import Dataset
from amc_loss.measures import interventions
from amc_loss.measures.gradcam import grad_cam, upsample
from amc_loss.measures.maps import pointing, rectified
from amc_loss.training import networks
from amc_loss.training.arithmetic import to_device

CLASSES, IMAGES = 5, 12
SIZE, CELLS = (24, 32), (4, 6)
LABELS = np.arange(IMAGES) % CLASSES
SETTINGS = {"mosaics": 3, "confidence": 0.6, "borders": (4, 2), "deleted": 3}


def of_images(images, labels):
    """A dataset with these to test, and next to nothing to train."""
    names = [str(label) for label in range(max(labels) + 1)]
    return Dataset(images[:1], labels[:1], images, labels, names)


GENERATOR = np.random.default_rng(0)
# Squares of eight pixels, with noise.
SQUARES = GENERATOR.integers(0, 220, (IMAGES, 3, 4, 3)).repeat(8, axis=1).repeat(8, axis=2)
NOISE = GENERATOR.integers(0, 36, SQUARES.shape)
DATA = of_images((SQUARES + NOISE).astype(np.uint8), LABELS)


def sure_of(labels, probability=0.8, wrong=()):
    """Probabilities that are so high for the true class, or where it is wrong for the next class."""
    count = labels.max() + 1
    found = np.full((len(labels), count), (1 - probability) / (count - 1))
    for image, label in enumerate(labels):
        found[image, (label + (image in wrong)) % count] = probability
    return found


BOTH = [sure_of(LABELS, wrong=[0]), sure_of(LABELS, 0.9, wrong=[7])]
CORRECT = [1, 2, 3, 4, 5, 6, 8, 9, 10, 11]


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """On busy cores two threads wait for each other a hundred times as long as these networks take."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def random_network(column="top"):
    """With normalisations as the test images need them, and weights that have something in common."""
    torch.manual_seed(0)
    network = networks.build(column, 3, CLASSES, width_multiplier=0.05, batch_norm_decay=0)
    with torch.no_grad():
        network(to_device(DATA.x_test, torch.device("cpu")))
        network.classifier.weight.mul_(4).add_(0.3)
        network.classifier.bias.normal_()
    return network.eval().to(DEVICE)


@pytest.fixture(scope="module")
def network():
    return random_network()


@pytest.fixture(scope="module")
def found(network):
    return interventions.explain_run(network, DATA, BOTH, DEVICE, **SETTINGS)


def last_maps(network, images):
    """What comes out of the convolutions while the logits are computed, and the logits."""
    outputs = []
    hook = network.convolutions.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    with torch.no_grad():
        logits = network.linear_logits(to_device(images, DEVICE))
    hook.remove()
    return outputs[0].cpu().numpy().astype(float), logits.cpu().numpy().astype(float)


def close(values, expected):
    """As close as float16 can be."""
    np.testing.assert_allclose(values, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_shapes_and_types(found):
    shapes = {field.name: getattr(found, field.name).shape for field in fields(found)}
    assert shapes == {
        "maps": (12, 2, 4, 6),
        "weight_rms": (5,),
        "tiles": (3, 4),
        "mosaic_maps": (3, 4, 2, 10, 14),
        "borders": (2,),
        "border_logits": (2, 12, 5),
        "deleted": (3,),
        "deletion": (3, 2, 10, 3),
    }
    whole = {field.name for field in fields(found) if getattr(found, field.name).dtype != np.float16}
    assert whole == {"tiles", "borders", "deleted"}
    assert found.borders.tolist() == [4, 2]


@pytest.mark.parametrize("column", ["top", "bottom", "bottom2d"])
def test_maps_are_sums_of_channels_times_the_weights_of_the_true_class(column):
    network = random_network(column)
    found = interventions.explain_run(network, DATA, BOTH, DEVICE, **SETTINGS)
    channels, _ = last_maps(network, DATA.x_test)
    weights = network.classifier.weight.detach().cpu().numpy().astype(float)
    mean = [sum(row[channel] for row in weights) / CLASSES for channel in range(weights.shape[1])]
    expected = np.zeros((IMAGES, 2, *CELLS))
    for image, label in enumerate(LABELS):
        for channel, weight in enumerate(weights[label]):
            expected[image, 0] += weight * channels[image, channel]
            expected[image, 1] += (weight - mean[channel]) * channels[image, channel]
    close(found.maps, expected)
    expected = [math.sqrt(sum(weight**2 for weight in row) / len(row)) for row in weights]
    np.testing.assert_allclose(found.weight_rms, expected, rtol=1e-3)


def centred(network):
    """The same network with the mean over classes taken off its classifier's weights."""
    other = random_network()
    other.load_state_dict(network.state_dict())
    with torch.no_grad():
        other.classifier.weight -= network.classifier.weight.mean(0)
    return other


@pytest.mark.parametrize(("form", "make"), [(0, lambda network: network), (1, centred)])
def test_maps_are_grad_cam_s_of_the_true_class(network, found, form, make):
    same = make(network)
    layer = LayerGradCam(same.linear_logits, same.convolutions)
    targets = torch.from_numpy(LABELS).to(DEVICE)
    cells = layer.attribute(to_device(DATA.x_test, DEVICE).float(), target=targets)[:, 0].detach()
    close(found.maps[:, form], math.prod(CELLS) * cells.cpu().numpy())
    for alignment in ("stretched", "receptive_field"):
        drawn = upsample(torch.from_numpy(found.maps[:, form].clip(0)).float(), SIZE, alignment).numpy()
        drawn /= np.where(drawn.any((1, 2), keepdims=True), drawn.max((1, 2), keepdims=True), 1)
        expected = grad_cam(same, DATA.x_test, LABELS, DEVICE, alignment=alignment)
        np.testing.assert_allclose(drawn, expected, atol=2e-3)
        assert np.ptp(expected, axis=(1, 2)).max() == 1
    other = grad_cam(same, DATA.x_test, (LABELS + 1) % CLASSES, DEVICE, alignment="receptive_field")
    assert np.abs(drawn - other).max() > 0.1


def test_the_mean_of_a_map_s_cells_and_the_bias_make_the_logit(network, found):
    _, logits = last_maps(network, DATA.x_test)
    bias = network.classifier.bias.detach().cpu().numpy()
    for image, label in enumerate(LABELS):
        mean = sum(found.maps[image, 0].ravel().astype(float)) / math.prod(CELLS)
        assert mean + bias[label] == pytest.approx(logits[image, label], abs=0.005)


def test_maps_of_the_released_code_follow_from_what_is_kept(network, found):
    rms = found.weight_rms[LABELS][:, None, None].astype(float)
    cells = torch.from_numpy((1 + found.maps[:, 0] / rms).clip(0))
    drawn = upsample(cells, SIZE).numpy()
    drawn /= drawn.max((1, 2), keepdims=True)
    expected = grad_cam(network, DATA.x_test, LABELS, DEVICE, divide_by_rms=True, start=1)
    np.testing.assert_allclose(drawn, expected, atol=2e-3)


def test_what_is_common_to_all_classes_changes_the_first_form_alone(network, found):
    """Nor does it change a probability."""
    other = random_network()
    other.load_state_dict(network.state_dict())
    with torch.no_grad():
        other.classifier.weight += torch.randn(other.feature_dim, device=DEVICE)
    changed = interventions.explain_run(other, DATA, BOTH, DEVICE, **SETTINGS)
    close(changed.maps[:, 1], found.maps[:, 1].astype(float))
    close(changed.mosaic_maps[:, :, 1], found.mosaic_maps[:, :, 1].astype(float))
    # But for the order of cells, which is that of the first form.
    np.testing.assert_allclose(changed.deletion[:, 1], found.deletion[:, 1], atol=2e-3)
    assert np.abs(changed.maps[:, 0] - found.maps[:, 0]).max() > 0.1 * np.abs(found.maps[:, 0]).max()


def test_maps_of_mosaics_in_loops(network, found):
    weights = network.classifier.weight.detach().cpu().numpy().astype(float)
    for tiles, maps in zip(found.tiles, found.mosaic_maps, strict=True):
        mosaic = np.zeros((2 * SIZE[0], 2 * SIZE[1], 3), np.uint8)
        for row, column in np.ndindex(*mosaic.shape[:2]):
            tile = 2 * (row >= SIZE[0]) + (column >= SIZE[1])
            mosaic[row, column] = DATA.x_test[tiles[tile]][row % SIZE[0], column % SIZE[1]]
        channels, _ = last_maps(network, mosaic[None])
        for tile, image in enumerate(tiles):
            weight = weights[LABELS[image]]
            close(maps[tile, 0], np.tensordot(weight, channels[0], 1))
            close(maps[tile, 1], np.tensordot(weight - weights.mean(0), channels[0], 1))


class Fake(nn.Module):
    """A network whose convolutions give the image itself, or what is given."""

    input_divisor = 1

    def __init__(self, weights, convolutions=None):
        super().__init__()
        self.convolutions = convolutions or nn.Identity()
        self.classifier = nn.Linear(len(weights[0]), len(weights))
        with torch.no_grad():
            self.classifier.weight.copy_(torch.tensor(weights))
        self.to(DEVICE)

    def forward(self, x):
        return self.classifier(self.convolutions(x.float()).mean((2, 3)))


def test_a_mosaic_pixel_by_pixel():
    labels = np.arange(8) % 4
    images = np.random.default_rng(1).integers(0, 256, (8, 4, 6, 1), np.uint8)
    network = Fake([[1.0], [2.0], [-1.0], [0.5]])
    found = interventions.explain_run(
        network, of_images(images, labels), [sure_of(labels)], DEVICE, mosaics=5, confidence=0.5, borders=[1]
    )
    assert found.mosaic_maps.shape == (5, 4, 2, 8, 12)
    for mosaic, tiles in enumerate(found.tiles):
        for tile, row, column in np.ndindex(4, 8, 12):
            pixel = float(images[tiles[2 * (row // 4) + column // 6], row % 4, column % 6, 0])
            weight = [1, 2, -1, 0.5][labels[tiles[tile]]]
            assert found.mosaic_maps[mosaic, tile, 0, row, column] == weight * pixel
            assert found.mosaic_maps[mosaic, tile, 1, row, column] == pytest.approx(
                (weight - 0.625) * pixel, rel=1e-3
            )


def test_a_network_that_sees_a_class_by_its_colour_points_at_its_tile():
    labels = np.arange(16) % 4
    images = np.zeros((16, 12, 12, 4), np.uint8)
    images[np.arange(16), :, :, labels] = 200
    network = Fake((2 * np.eye(4) - 1).tolist(), nn.AvgPool2d(4))
    probabilities = [sure_of(labels)]
    settings = {"mosaics": 20, "confidence": 0.5, "borders": [1]}
    found = interventions.explain_run(network, of_images(images, labels), probabilities, DEVICE, **settings)
    for form in (0, 1):
        np.testing.assert_allclose(pointing(rectified(found.mosaic_maps[:, :, form])), 1)
    with torch.no_grad():
        network.classifier.weight.copy_(network.classifier.weight.roll(1, 0))
    found = interventions.explain_run(network, of_images(images, labels), probabilities, DEVICE, **settings)
    np.testing.assert_allclose(pointing(rectified(found.mosaic_maps[:, :, 0])), 0)


class Reads(Fake):
    """Its logits are the first pixel and the one in the middle."""

    def forward(self, x):
        return torch.stack([x[:, 0, 0, 0], x[:, 0, 6, 8]], dim=1).float()


def test_borders_are_another_class_s_and_the_same_for_each_width():
    labels = np.arange(40) % 2
    images = np.arange(40, dtype=np.uint8)[:, None, None, None].repeat(12, 1).repeat(16, 2)
    found = interventions.explain_run(
        Reads([[1.0], [2.0]]), of_images(images, labels), [sure_of(labels)], DEVICE, borders=[3, 1, 6]
    )
    assert found.borders.tolist() == [3, 1, 6]
    outer, inner = found.border_logits[..., 0].astype(int), found.border_logits[..., 1].astype(int)
    for width in range(3):
        np.testing.assert_array_equal(outer[width], outer[0])
        assert (labels[outer[width]] != labels).all()
        np.testing.assert_array_equal(inner[width], outer[0] if width == 2 else np.arange(40))


def test_the_logits_of_images_with_another_border(network, found):
    donors = interventions.other_class(LABELS, np.random.default_rng(1))
    for width, logits in zip((4, 2), found.border_logits, strict=True):
        mixed = DATA.x_test.copy()
        for image, row, column in np.ndindex(IMAGES, *SIZE):
            if min(row, SIZE[0] - 1 - row, column, SIZE[1] - 1 - column) < width:
                mixed[image, row, column] = DATA.x_test[donors[image], row, column]
        close(logits, last_maps(network, mixed)[1])


@pytest.mark.parametrize("width", [1, 2, 3, 4, 9])
def test_a_border_pixel_by_pixel(width):
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randint(0, 256, (2, 2, 3, 6, 9), generator=generator, dtype=torch.uint8)
    before = first.clone(), second.clone()
    mixed = interventions.exchange_border(first, second, width)
    for image, channel, row, column in np.ndindex(2, 3, 6, 9):
        inside = width <= row < 6 - width and width <= column < 9 - width
        source = first if inside else second
        assert mixed[image, channel, row, column] == source[image, channel, row, column]
    assert torch.equal(first, before[0])
    assert torch.equal(second, before[1])


def test_another_class_is_never_the_image_s_own():
    labels = np.array([0] * 30 + [1, 2])
    donors = interventions.other_class(labels, np.random.default_rng(0))
    assert all(labels[donor] != label for donor, label in zip(donors, labels, strict=True))
    assert set(donors[:30]) == {30, 31}
    again = interventions.other_class(labels, np.random.default_rng(0))
    np.testing.assert_array_equal(donors, again)


def test_donors_are_drawn_from_all_other_classes():
    labels = np.arange(3000) % 3
    donors = interventions.other_class(labels, np.random.default_rng(0))
    shares = [np.mean(labels[donors[labels == 0]] == label) for label in (1, 2)]
    np.testing.assert_allclose(shares, 0.5, atol=0.06)
    assert len(set(donors)) > 1700  # of 3000 draws of 3000


def test_of_a_single_class_there_is_no_other():
    donors = interventions.other_class(np.full(5, 3), np.random.default_rng(0))
    assert donors.tolist() == list(range(5))


def test_tiles_are_images_of_four_classes_of_which_all_networks_are_sure():
    labels = np.arange(60) % 6
    first, second = sure_of(labels, 0.9, wrong=range(0, 60, 7)), sure_of(labels, 0.9, wrong=[1, 2, 3])
    second[10:20] = sure_of(labels, 0.7)[10:20]  # right, but not sure
    second[20] = sure_of(labels, 0.8)[20]  # just sure
    for image in (32, 33):  # a fifth class is never seen
        first[image] = 0
    first[labels == 4] = sure_of(labels, 0.5)[labels == 4]
    candidates = [
        image
        for image, label in enumerate(labels)
        if all(values[image, label] >= 0.8 and values[image].argmax() == label for values in (first, second))
    ]
    drawn = interventions.draw_mosaics(labels, [first, second], 400, 0.8, np.random.default_rng(0))
    assert drawn.shape == (400, 4)
    assert all(len({labels[image] for image in tiles}) == 4 for tiles in drawn)
    assert set(drawn.ravel()) == set(candidates)
    assert 20 in candidates
    # Any class in any tile, all alike: 400 draws of five classes.
    for tile in range(4):
        counts = np.bincount(labels[drawn[:, tile]], minlength=6)
        assert counts[4] == 0
        assert counts[[0, 1, 2, 3, 5]].min() > 50


def test_a_class_that_is_not_the_likeliest_is_no_tile():
    labels = np.arange(8) % 4
    probabilities = sure_of(labels, 0.6)
    probabilities[0] = [0.45, 0.55, 0, 0]
    drawn = interventions.draw_mosaics(labels, [probabilities], 50, 0.4, np.random.default_rng(0))
    assert set(drawn.ravel()) == {1, 2, 3, 4, 5, 6, 7}


def test_the_same_arguments_draw_the_same_mosaics():
    labels = np.arange(60) % 6
    probabilities = [sure_of(labels, wrong=[5]), sure_of(labels, 0.9, wrong=[6])]
    first, again, other = (
        interventions.draw_mosaics(labels, networks, 20, 0.5, np.random.default_rng(seed))
        for networks, seed in ((probabilities, 0), (probabilities[::-1], 0), (probabilities, 1))
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    few = interventions.draw_mosaics(labels, probabilities, 5, 0.5, np.random.default_rng(0))
    np.testing.assert_array_equal(few, first[:5])


@pytest.mark.parametrize(("classes", "confidence"), [(3, 0.5), (6, 0.99)])
def test_without_four_classes_there_are_no_mosaics(classes, confidence):
    labels = np.arange(12) % classes
    generator = np.random.default_rng(0)
    drawn = interventions.draw_mosaics(labels, [sure_of(labels)], 9, confidence, generator)
    assert drawn.shape == (0, 4)
    assert drawn.dtype == np.int64


def test_each_loss_of_a_seed_has_the_same_images(found):
    torch.manual_seed(1)
    other = networks.build("top", 3, CLASSES, width_multiplier=0.05).eval().to(DEVICE)
    same = interventions.explain_run(other, DATA, BOTH[::-1], DEVICE, **SETTINGS)
    np.testing.assert_array_equal(same.tiles, found.tiles)
    np.testing.assert_array_equal(same.deleted, found.deleted)
    assert set(found.deleted) < set(CORRECT)
    assert set(found.tiles.ravel()) <= set(CORRECT)
    assert not np.allclose(same.maps, found.maps)


def test_of_images_in_the_order_of_their_classes_those_of_most_classes_are_deleted(network):
    ordered = np.sort(LABELS)
    data, settings = of_images(DATA.x_test, ordered), {**SETTINGS, "deleted": 6}
    found = interventions.explain_run(network, data, [sure_of(ordered)], DEVICE, **settings)
    assert len(set(ordered[found.deleted])) >= 4  # of the first six two


def test_a_run_without_an_image_that_all_losses_have_right(network):
    never = [sure_of(LABELS), sure_of(LABELS, wrong=range(IMAGES))]
    found = interventions.explain_run(network, DATA, never, DEVICE, **SETTINGS)
    assert found.tiles.shape == (0, 4)
    assert found.mosaic_maps.shape == (0, 4, 2, 10, 14)
    assert found.deletion.shape == (3, 2, 10, 0)
    assert found.maps.shape == (12, 2, *CELLS)


def test_batches_change_nothing(network, found, monkeypatch):
    monkeypatch.setattr(interventions, "BATCH", 5)
    few = interventions.explain_run(network, DATA, BOTH, DEVICE, **{**SETTINGS, "deleted": 99})
    assert few.deleted.tolist() == CORRECT
    for name, values in vars(found).items():
        if not name.startswith("delet"):
            close(getattr(few, name), values.astype(float))
    # Of more images, those of fewer are deleted alike in the order of the map; the random order is another.
    there = np.searchsorted(few.deleted, found.deleted)
    assert few.deleted[there].tolist() == found.deleted.tolist()
    close(few.deletion[:, 0, :, there].transpose(1, 2, 0), found.deletion[:, 0].astype(float))
    monkeypatch.undo()
    whole = interventions.explain_run(network, DATA, BOTH, DEVICE, **{**SETTINGS, "deleted": 99})
    close(few.deletion, whole.deletion.astype(float))


@pytest.mark.parametrize(("size", "cells"), [(32, 6), (28, 5), (24, 4), (30, 5), (16, 2), (12, 1)])
def test_the_cell_whose_centre_is_nearest_to_a_pixel(size, cells):
    found = interventions.cell_of_pixel(cells, size)
    for pixel in range(size):
        distances = [abs(pixel - (4 * cell + 5.5)) for cell in range(cells)]
        assert found[pixel] == np.argmin(distances)


def blurred(image):
    """A channel convolved with a Gaussian of standard deviation 5, 11 pixels wide, mirrored at the edges."""
    kernel = [math.exp(-(distance**2) / 50) for distance in range(-5, 6)]
    outer = np.outer(kernel, kernel) / sum(kernel) ** 2
    mirrored = np.pad(image, 5, mode="symmetric")
    blur = np.zeros(image.shape)
    for row, column in np.ndindex(image.shape):
        blur[row, column] = (outer * mirrored[row : row + 11, column : column + 11]).sum()
    return blur


def filled_images(image):
    """What takes the place of an image's deleted pixels, shape (height, width, channels)."""
    image = image.astype(float)
    channels = range(image.shape[2])
    return {
        "blur": np.stack([blurred(image[..., channel]) for channel in channels], axis=2),
        "mean": np.zeros(image.shape) + [image[..., channel].mean() for channel in channels],
        "zero": np.zeros(image.shape),
    }


def test_fillings_in_loops():
    images = to_device(DATA.x_test[:2], DEVICE).float()
    assert list(interventions.FILLINGS) == ["blur", "mean", "zero"]
    for name, fill in interventions.FILLINGS.items():
        filled = fill(images)
        assert filled.shape == images.shape
        assert filled.device == images.device
        for at in (0, 1):
            expected = filled_images(DATA.x_test[at])[name]
            np.testing.assert_allclose(filled[at].permute(1, 2, 0).cpu(), expected, atol=1e-3)


def probability(network, images, label):
    with torch.no_grad():
        logits = network(torch.from_numpy(images).permute(0, 3, 1, 2).float().to(DEVICE))
    powers = np.exp(logits.cpu().numpy().astype(float))
    return powers[:, label] / powers.sum(1)


def with_cells_deleted(image, filled, order):
    """The image with ever more cells filled, from none to all of 24 in nine steps."""
    rows = [min(range(4), key=lambda cell: abs(pixel - 4 * cell - 5.5)) for pixel in range(SIZE[0])]
    columns = [min(range(6), key=lambda cell: abs(pixel - 4 * cell - 5.5)) for pixel in range(SIZE[1])]
    steps = []
    for step in range(10):
        gone = order[: round(24 * step / 9)]
        steps.append(image.astype(float))
        for row, column in np.ndindex(*SIZE):
            if 6 * rows[row] + columns[column] in gone:
                steps[-1][row, column] = filled[row, column]
    return np.stack(steps)


def test_deletion_in_loops(network, found):
    channels, _ = last_maps(network, DATA.x_test)
    weights = network.classifier.weight.detach().cpu().numpy().astype(float)
    for at, image in enumerate(found.deleted):
        label = LABELS[image]
        cells = np.tensordot(weights[label], channels[image], 1).ravel()
        order = sorted(range(24), key=lambda cell: -cells[cell])
        for filling, filled in enumerate(filled_images(DATA.x_test[image]).values()):
            steps = with_cells_deleted(DATA.x_test[image], filled, order)
            expected = probability(network, steps, label)
            np.testing.assert_allclose(found.deletion[filling, 0, :, at], expected, atol=3e-4)
    assert np.ptp(found.deletion[:, 0], axis=1).max(1).min() > 0.03  # each filling tells in some image


def test_a_deletion_goes_from_the_image_to_nothing_of_it_in_either_order(network, found):
    for at, image in enumerate(found.deleted):
        label = LABELS[image]
        for filling, filled in enumerate(filled_images(DATA.x_test[image]).values()):
            ends = np.stack([DATA.x_test[image].astype(float), filled])
            for order in (0, 1):
                np.testing.assert_allclose(
                    found.deletion[filling, order, [0, -1], at],
                    probability(network, ends, label),
                    atol=2e-3,
                )
    assert np.abs(found.deletion[:, 0] - found.deletion[:, 1]).max() > 0.02


class Counts(Fake):
    """Tells by the probability of class 0 which of nine cells are not black: 1/2 for the first, 1/4 for the next."""

    def forward(self, x):
        there = x[:, 0, [5, 5, 5, 9, 9, 9, 13, 13, 13], [5, 9, 13] * 3] > 0
        share = (there.double() * 2.0 ** -torch.arange(1.0, 10, device=x.device)).sum(1).clamp(1e-9, 1 - 1e-9)
        return torch.stack([share.log(), (1 - share).log()], dim=1)


@pytest.fixture(scope="module")
def counted():
    """Fifty images of nine cells of different grey values, and the order in which cells were deleted."""
    generator = np.random.default_rng(0)
    grey = np.stack([generator.permutation(9) for _ in range(50)])
    cell = np.clip(np.arange(20) // 4 - 1, 0, 2)
    images = (20 + 20 * grey).astype(np.uint8)[:, 3 * cell[:, None] + cell][..., None]
    labels = np.append(np.zeros(49, int), 1)
    probabilities = [sure_of(labels, wrong=[49])]
    cropped = nn.Sequential(nn.AvgPool2d(4), nn.ZeroPad2d(-1))

    def run():
        network = Counts([[1.0], [2.0]], cropped)
        found = interventions.explain_run(
            network, of_images(images, labels), probabilities, DEVICE, borders=[1]
        )
        kept = np.rint(found.deletion[2].astype(float) * 512).astype(int)  # black
        return [[[int(bit) for bit in f"{step:09b}"] for step in image] for way in kept for image in way.T]

    return run(), run(), grey[:49]


def deleted_cells(steps):
    """Which cells are gone at each step that were there at the one before."""
    return [[cell for cell in range(9) if before[cell] > after[cell]] for before, after in pairwise(steps)]


def test_cells_are_deleted_one_by_one_from_the_brightest_in_the_map(counted):
    runs, _, grey = counted
    for steps, values in zip(runs[:49], grey, strict=True):
        assert deleted_cells(steps) == [[cell] for cell in np.argsort(-values)]


def test_random_orders_have_each_cell_once_and_differ_between_images(counted):
    runs, again, _ = counted
    assert runs == again
    orders = [deleted_cells(steps) for steps in runs[49:]]
    assert all(sorted(order) == [[cell] for cell in range(9)] for order in orders)
    assert len({str(order) for order in orders}) > 45
    first = np.bincount([order[0][0] for order in orders], minlength=9)
    assert first.min() > 0
    assert first.max() < 15


def test_explanations_are_not_rounded_to_tf32(network):
    kinds = torch.backends.cudnn, torch.backends.cuda.matmul
    for kind in kinds:
        kind.allow_tf32 = True
    interventions.explain_run(network, DATA, BOTH, DEVICE, **SETTINGS)
    assert [kind.allow_tf32 for kind in kinds] == [False] * 2

"""Layer shapes and parameter counts of Table 2, worked out by hand."""

import pytest
import torch

from amc_loss.training import networks

pytestmark = pytest.mark.usefixtures("_on_the_device")

# 3×3 or 1×1 weights, plus scale and shift of the batch normalisation, per layer.
TOP = [
    ("conv1_1", (128, 32, 32), 9 * 3 * 128 + 256),
    ("conv1_2", (128, 32, 32), 9 * 128 * 128 + 256),
    ("conv1_3", (128, 32, 32), 9 * 128 * 128 + 256),
    ("pool1", (128, 16, 16), 0),
    ("conv2_1", (256, 16, 16), 9 * 128 * 256 + 512),
    ("conv2_2", (256, 16, 16), 9 * 256 * 256 + 512),
    ("conv2_3", (256, 16, 16), 9 * 256 * 256 + 512),
    ("pool2", (256, 8, 8), 0),
    ("conv3_1", (512, 6, 6), 9 * 256 * 512 + 1024),
    ("conv3_2", (256, 6, 6), 512 * 256 + 512),
    ("conv3_3", (128, 6, 6), 256 * 128 + 256),
    ("pool", (128,), 0),
    ("fc", (10,), 128 * 10 + 10),
]
BOTTOM = [
    ("conv1_1", (64, 28, 28), 9 * 64 + 128),
    ("pool1", (64, 14, 14), 0),
    ("conv2_1", (64, 14, 14), 9 * 64 * 64 + 128),
    ("pool2", (64, 7, 7), 0),
    ("conv3_1", (128, 5, 5), 9 * 64 * 128 + 256),
    ("conv3_2", (64, 5, 5), 128 * 64 + 128),
    ("projection", (3, 5, 5), 64 * 3),
    ("pool", (3,), 0),
    ("fc", (10,), 3 * 10 + 10),
]


@pytest.mark.parametrize(
    ("name", "image", "rows", "total"),
    [("top", (3, 32, 32), TOP, 3_121_802), ("bottom3d", (1, 28, 28), BOTTOM, 120_232)],
)
def test_shapes_and_parameters_of_table_2(name, image, rows, total):
    network = networks.build(name, image[0], 10)
    summary = {row.name: row for row in networks.summarise(network, image)}
    assert list(summary) == ["input", "noise", *(name for name, _, _ in rows)]
    for layer, shape, parameters in rows:
        assert (summary[layer].output_shape, summary[layer].parameters) == (shape, parameters), layer
    assert sum(p.numel() for p in network.parameters()) == total == sum(count for _, _, count in rows)


def test_descriptions_are_those_the_table_prints():
    rows = {
        row.name: row.description for row in networks.summarise(networks.build("top", 3, 20), (3, 32, 32))
    }
    assert rows["noise"] == "Gaussian noise σ = 0.15"
    assert rows["conv2_1"] == "3×3 conv. 256, lReLU (α = 0.1), same padding"
    assert rows["pool2"] == "2×2 max-pool, dropout 0.5"
    assert rows["conv3_1"] == "3×3 conv. 512, lReLU (α = 0.1), valid padding"
    assert rows["conv3_3"] == "1×1 conv. 128, lReLU (α = 0.1)"
    assert rows["pool"] == "global average pool 6×6 → 1×1"
    assert rows["fc"] == "fully connected 128 → 20, softmax"


def test_width_multiplier_scales_every_convolution_and_the_features():
    network = networks.build("top", 1, 10, width_multiplier=0.125)
    widths = [m.out_channels for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    assert widths == [16, 16, 16, 32, 32, 32, 64, 32, 16]
    assert network.feature_dim == 16
    assert networks.build("bottom2d", 1, 10, width_multiplier=0.5).feature_dim == 2


def test_noise_only_while_training():
    noise = networks.GaussianNoise(0.15)
    x = torch.zeros(200_000)
    assert noise(x).std().item() == pytest.approx(0.15, rel=0.01)
    assert noise.eval()(x) is x


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("p", [0.0, 0.3, 0.5])
def test_dropout(layout, dtype, p):
    torch.manual_seed(0)
    dropout = networks.Dropout(p)
    # An odd number of elements: the last of the random words is used in part.
    x = torch.ones(41, 101, 15, 3, dtype=dtype).to(memory_format=layout).requires_grad_()
    y = dropout(x)
    assert y.dtype == dtype
    assert y.is_contiguous(memory_format=layout)
    values = [1.0] if p == 0 else [0.0, torch.tensor(1 / (1 - p), dtype=dtype).item()]
    assert y.unique().tolist() == pytest.approx(values, rel=1e-5)
    n, kept = x.numel(), (y > 0).double()
    assert kept.mean().item() == pytest.approx(1 - p, abs=4 * (p * (1 - p) / n) ** 0.5)
    if p:
        # Neighbours in memory, which may share a draw, and images are dropped independently.
        flat = kept.permute(0, 2, 3, 1).flatten() if layout == torch.channels_last else kept.flatten()
        for distance in (1, 2, 3, 4, n // 41):
            correlation = torch.corrcoef(torch.stack([flat[distance:], flat[:-distance]]))[0, 1]
            assert abs(correlation) < 4 / n**0.5, distance
    assert not p or not torch.equal(dropout(x), y)
    y.backward(torch.full_like(y, 3))
    torch.testing.assert_close(x.grad, 3 * y.detach(), rtol=1e-2, atol=0)
    assert dropout.eval()(x) is x


def test_dropout_of_almost_all():
    torch.manual_seed(0)
    y = networks.Dropout(1 - 1e-6)(torch.ones(2_000_000, device="cpu"))
    assert 0 < (y > 0).float().mean() < 1e-4
    assert y.mean().item() == pytest.approx(1, abs=4 * (2**16 / 2_000_000) ** 0.5)


def test_batch_normalisation_and_initial_weights():
    network = networks.build("top", 3, 10, batch_norm_epsilon=1e-3, batch_norm_decay=0.99)
    norm = network.convolutions.conv1_1[1]
    assert norm.eps == 1e-3
    assert norm.momentum == pytest.approx(0.01)
    # Glorot-uniform: variance 2 / (fan_in + fan_out), and no weight outside ±sqrt(6 / (fan_in + fan_out)).
    weight, fans = network.convolutions.conv2_2[0].weight, 9 * 256 + 9 * 256
    assert weight.var().item() == pytest.approx(2 / fans, rel=0.02)
    assert weight.abs().max().item() <= (6 / fans) ** 0.5
    assert network.classifier.bias.abs().max() == 0


def test_network_of_the_released_code():
    """Narrow, and with one 1×1 convolution: the last maps are 128 of 6×6."""
    released = {
        "widths": [[64, 64, 64], [128, 128, 128], [256, 128]],
        "batch_norm_scale": False,
        "batch_norm_decay": 0.999,
    }
    network = networks.build("top", 3, 10, **released)
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [m.out_channels for m in convolutions] == [64, 64, 64, 128, 128, 128, 256, 128]
    assert [m.kernel_size[0] for m in convolutions] == [3] * 7 + [1]
    assert [m.padding for m in convolutions] == ["same"] * 6 + ["valid", "same"]
    assert network.convolutions(torch.rand(2, 3, 32, 32)).shape == (2, 128, 6, 6)
    # 3×3 weights, 1×1 weights, a shift for each channel, the classifier; no scale and no bias.
    weights = 9 * (3 * 64 + 2 * 64 * 64 + 64 * 128 + 2 * 128 * 128 + 128 * 256) + 256 * 128
    assert sum(p.numel() for p in network.parameters()) == weights + 3 * 64 + 3 * 128 + 256 + 128 + 1290


def test_batch_normalisation_without_scale():
    norm = networks.build("top", 3, 10, batch_norm_scale=False, batch_norm_decay=0.999).convolutions.conv1_1[
        1
    ]
    assert [name for name, _ in norm.named_parameters()] == ["bias"]
    assert norm.momentum == pytest.approx(0.001)
    x = torch.randn(16, 128, 4, 4)
    y = norm(3 + 2 * x)
    expected = (x - x.mean((0, 2, 3), keepdim=True)) / x.std((0, 2, 3), keepdim=True, correction=0)
    torch.testing.assert_close(y, expected, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(norm.running_mean, 0.001 * (3 + 2 * x).mean((0, 2, 3)))


def test_batch_normalisation_before_and_after_the_activation():
    kinds = {
        position: [
            type(m).__name__
            for m in networks.build("top", 3, 10, batch_norm_position=position).convolutions.conv2_2
        ]
        for position in ("before_activation", "after_activation")
    }
    assert kinds["before_activation"] == ["Conv2d", "BatchNorm2d", "LeakyReLU"]
    assert kinds["after_activation"] == ["Conv2d", "LeakyReLU", "BatchNorm2d"]
    after = networks.build("top", 3, 10, batch_norm_position="after_activation")
    assert {row.name: row.description for row in networks.summarise(after, (3, 32, 32))}[
        "conv2_1"
    ].startswith("3×3 conv")


def test_bias_of_convolutions():
    for bias in (True, False):
        network = networks.build("top", 3, 10, convolution_bias=bias)
        convolutions = [m for m in network.convolutions.modules() if isinstance(m, torch.nn.Conv2d)]
        assert {m.bias is not None for m in convolutions} == {bias}
        assert all(m.bias.abs().max() == 0 for m in convolutions if bias)


def test_slope_dropout_and_noise_are_settings():
    network = networks.build("top", 3, 10, leaky_relu_slope=0.2, dropout=0.3, noise_sd=0.4)
    of = {
        kind: [m for m in network.modules() if isinstance(m, kind)]
        for kind in (torch.nn.LeakyReLU, torch.nn.Dropout)
    }
    assert [m.negative_slope for m in of[torch.nn.LeakyReLU]] == [0.2] * 9
    assert [m.p for m in of[torch.nn.Dropout]] == [0.3] * 2
    assert network.convolutions.noise.sd == 0.4


def test_he_uniform_weights():
    weight = networks.build("top", 3, 10, initial_weights="he_uniform").convolutions.conv2_2[0].weight
    assert weight.var().item() == pytest.approx(2 / (9 * 256), rel=0.02)


@pytest.mark.parametrize("divisor", [255, 256])
def test_pixels_are_divided(divisor):
    network = networks.build("bottom2d", 1, 10, input_divisor=divisor)
    seen = []
    network.convolutions.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    network(torch.full((2, 1, 28, 28), 51, dtype=torch.uint8))
    assert seen[0].unique().tolist() == pytest.approx([51 / divisor])


def test_features_and_logits():
    network = networks.build("bottom3d", 1, 7).eval()
    x = 255 * torch.rand(4, 1, 28, 28)
    features = network.deep_features(x)
    assert features.shape == (4, 3)
    torch.testing.assert_close(network(x), features @ network.classifier.weight.T + network.classifier.bias)


@pytest.mark.parametrize("name", ["middle", "bottomxd", "top2d"])
def test_unknown_network(name):
    with pytest.raises(ValueError, match="names no network of Table 2"):
        networks.build(name, 3, 10)

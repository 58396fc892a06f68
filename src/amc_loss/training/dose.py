"""How strong an auxiliary loss is in a training: its share of the gradient that the convolutions get."""

import torch
from torch import Tensor, nn
from torch.func import functional_call

from amc_loss.training.criteria import Criterion
from amc_loss.training.networks import ConvNet


def gradient_share(
    network: ConvNet, criterion: Criterion, images: Tensor, labels: Tensor, weight: float
) -> Tensor:
    """``‖g_a‖ / (‖g_c‖ + ‖g_a‖)`` of one minibatch, with the Frobenius norm ‖·‖.

    g_c is the gradient of the classification loss and g_a that of the weighted auxiliary loss (Algorithm 1),
    both with respect to the deep features (n, d): through these alone the auxiliary loss reaches the
    convolutions. Noise, dropout and batch statistics are those of a step, but in float32: in evaluation mode
    the gradient of a fitted minibatch would vanish beside that of any auxiliary loss. Weights, their
    gradients, buffers, modes and random numbers stay as they were, and the host waits for nothing.

    Args:
        network: The network in training.
        criterion: Its loss, which has an auxiliary one.
        images: The minibatch, shape (n, channels, height, width), uint8, on the network's device.
        labels: Its labels, shape (n,), int64.
        weight: w(t) λ.

    Returns:
        A scalar without unit from 0 to 1, on the device; 0 where both gradients are 0.
    """
    was_training = network.training
    # A loss may draw numbers, as a miner does, and may change its buffers.
    with torch.random.fork_rng([images.device] if images.device.type == "cuda" else []):
        with torch.no_grad():
            maps = functional_call(
                network.train().convolutions,
                _copies(network.convolutions),
                (images.float() / network.input_divisor,),
            )
            features = network.pool(maps)
        network.train(was_training)
        features.requires_grad_()
        arguments = features, network.classifier(features), labels
        classification, auxiliary, _ = functional_call(criterion, _copies(criterion), arguments)
    of_classification = _norm_of_gradient(classification, features)
    of_auxiliary = _norm_of_gradient(weight * auxiliary, features)
    both = of_classification + of_auxiliary
    return of_auxiliary / both.clamp_min(torch.finfo(both.dtype).tiny)


def _copies(module: nn.Module) -> dict[str, Tensor]:
    """Copies of a module's parameters and buffers, by name, for it to change."""
    values = (*module.named_parameters(), *module.named_buffers())
    return {name: value.detach().clone() for name, value in values}


def _norm_of_gradient(loss: Tensor, features: Tensor) -> Tensor:
    # A loss without a pair to look at may be a constant.
    if not loss.requires_grad:
        return features.new_zeros(())
    (gradient,) = torch.autograd.grad(loss, features, materialize_grads=True)
    return gradient.norm()

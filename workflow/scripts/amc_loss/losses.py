"""The contrastive losses of the paper, usable in any PyTorch training loop.

Both take the deep features of a minibatch and the labels the network predicts for it, cut the minibatch
into two halves and compare them element-wise (section 3.1, the "doubly stochastic sampled data pairs"), so
that a minibatch of n costs n/2 distances instead of n².
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, relu

Reduction = Literal["batch", "pairs"]


class _PairwiseContrastiveLoss(nn.Module):
    """What the two losses share: pairs, neighbours (equation 3), the two cases and the reduction.

    Args:
        margin: Distance below which a non-neighbouring pair is pushed apart.
        reduction: ``"batch"`` divides the sum over the pairs by the size of the minibatch, ``1/|B|`` as in
            Algorithm 1; ``"pairs"`` divides it by the number of pairs, which is twice as much.

    Raises:
        ValueError: If ``margin`` is not positive or ``reduction`` is unknown.
    """

    def __init__(self, margin: float, reduction: Reduction = "batch") -> None:
        super().__init__()
        if margin <= 0:
            raise ValueError(f"margin must be positive, not {margin}")
        if reduction not in ("batch", "pairs"):
            raise ValueError(f"reduction must be 'batch' or 'pairs', not {reduction!r}")
        self.margin = margin
        self.reduction = reduction

    def distance(self, first: Tensor, second: Tensor) -> Tensor:
        """Distance between corresponding rows of two (n/2, d) tensors, shape (n/2,)."""
        raise NotImplementedError

    def forward(self, features: Tensor, predicted_labels: Tensor) -> Tensor:
        """The auxiliary loss of one minibatch.

        Args:
            features: Deep features, shape (n, d), any floating type; computed in at least float32.
            predicted_labels: arg max of the logits, shape (n,), integer. True labels work as well.

        Returns:
            A scalar. With odd n the last sample has no partner and is left out; with n < 2 the loss is 0.

        Raises:
            ValueError: If the shapes do not fit each other.
        """
        if features.ndim != 2 or predicted_labels.shape != features.shape[:1]:
            raise ValueError(
                "features must have shape (n, d) and predicted_labels shape (n,), "
                f"not {tuple(features.shape)} and {tuple(predicted_labels.shape)}"
            )
        half = len(features) // 2
        # Half precision cannot resolve small angles. No operation below is one that autocast would lower.
        features = features.to(torch.promote_types(features.dtype, torch.float32))
        distance = self.distance(features[:half], features[half : 2 * half])
        neighbours = predicted_labels[:half] == predicted_labels[half : 2 * half]
        loss = torch.where(neighbours, distance, relu(self.margin - distance)).square().sum()
        return loss / max(1, len(features) if self.reduction == "batch" else half)

    def extra_repr(self) -> str:
        """Settings, for printing."""
        return f"margin={self.margin}, reduction={self.reduction!r}"


class AngularMarginContrastiveLoss(_PairwiseContrastiveLoss):
    """AMC-Loss, equations 2 and 3 of Choi, Som and Turaga (2020), https://arxiv.org/abs/2004.09805.

    The features are normalised to the unit hypersphere; the distance is the geodesic one, the angle in
    radians. Neighbouring pairs cost the squared angle, others ``max(0, margin - angle)²``.

    Example:
        >>> loss = AngularMarginContrastiveLoss(margin=0.5)
        >>> features, logits = torch.randn(8, 16), torch.randn(8, 10)
        >>> bool(loss(features, logits.argmax(1)) >= 0)
        True
    """

    def __init__(self, margin: float = 0.5, reduction: Reduction = "batch") -> None:
        super().__init__(margin, reduction)

    def distance(self, first: Tensor, second: Tensor) -> Tensor:
        """Angle in radians between corresponding rows, shape (n/2,)."""
        cosine = (normalize(first, dim=1) * normalize(second, dim=1)).sum(1)
        # acos has an unbounded derivative at ±1.
        return cosine.clamp(-1 + 1e-7, 1 - 1e-7).acos()


class EuclideanContrastiveLoss(_PairwiseContrastiveLoss):
    """The contrastive loss that the paper compares with, equation 1, on unnormalised deep features."""

    def __init__(self, margin: float = 1.0, reduction: Reduction = "batch") -> None:
        super().__init__(margin, reduction)

    def distance(self, first: Tensor, second: Tensor) -> Tensor:
        """Euclidean distance between corresponding rows, shape (n/2,)."""
        squared = (first - second).square().sum(1)
        # The derivative of the root is unbounded at 0: identical pairs get distance 0 and gradient 0.
        apart = squared > 0
        return torch.where(apart, squared.where(apart, 1).sqrt(), 0)

"""The contrastive losses of the paper and a rival, usable in any PyTorch training loop.

The paper's two take the deep features of a minibatch and the labels the network predicts for it. By default
they cut the minibatch into two halves and compare them element-wise (section 3.1, the "doubly stochastic
sampled data pairs"), so that a minibatch of n costs n/2 distances instead of n².
"""

from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, relu

Pairs = Literal["halves", "all"]
Neighbours = Literal["predicted", "true"]
Reduction = Literal["batch", "pairs"]


class _PairwiseContrastiveLoss(nn.Module):
    """What the two losses share: pairs, neighbours (equation 3), the two cases and the reduction.

    Args:
        margin: Distance below which a non-neighbouring pair is pushed apart.
        pairs: ``"halves"`` compares sample i of the first half of the minibatch with sample i of the second,
            ``"all"`` each sample with each other.
        neighbours: Neighbours are samples of one predicted label (``"predicted"``, equation 3), or of one
            true label (``"true"``).
        reduction: ``"batch"`` divides the sum over the pairs by the size of the minibatch, ``1/|B|`` as in
            Algorithm 1; ``"pairs"`` divides it by the number of pairs, which with halves gives twice as much.

    Raises:
        ValueError: If ``margin`` is not positive or another argument is unknown.
    """

    def __init__(
        self,
        margin: float,
        pairs: Pairs = "halves",
        neighbours: Neighbours = "predicted",
        reduction: Reduction = "batch",
    ) -> None:
        super().__init__()
        if margin <= 0:
            raise ValueError(f"margin must be positive, not {margin}")
        for name, value, allowed in (
            ("pairs", pairs, get_args(Pairs)),
            ("neighbours", neighbours, get_args(Neighbours)),
            ("reduction", reduction, get_args(Reduction)),
        ):
            if value not in allowed:
                raise ValueError(f"{name} must be {' or '.join(map(repr, allowed))}, not {value!r}")
        self.margin = margin
        self.pairs = pairs
        self.neighbours = neighbours
        self.reduction = reduction

    def distance(self, first: Tensor, second: Tensor) -> Tensor:
        """Distance between corresponding rows of two (pairs, d) tensors, shape (pairs,)."""
        raise NotImplementedError

    def forward(
        self, features: Tensor, predicted_labels: Tensor, true_labels: Tensor | None = None
    ) -> Tensor:
        """The auxiliary loss of one minibatch.

        Args:
            features: Deep features, shape (n, d), any floating type; computed in at least float32.
            predicted_labels: arg max of the logits, shape (n,), integer.
            true_labels: Shape (n,), integer; needed where ``neighbours`` is ``"true"``.

        Returns:
            A scalar. With halves and odd n the last sample has no partner and is left out; with n < 2 the
            loss is 0.

        Raises:
            ValueError: If the shapes do not fit each other.
        """
        labels = predicted_labels if self.neighbours == "predicted" else true_labels
        if labels is None:
            raise ValueError("with neighbours='true' the loss needs true_labels as its third argument")
        if features.ndim != 2 or labels.shape != features.shape[:1]:
            raise ValueError(
                "features must have shape (n, d) and labels shape (n,), "
                f"not {tuple(features.shape)} and {tuple(labels.shape)}"
            )
        n = len(features)
        first: Any
        second: Any
        if self.pairs == "halves":
            count = n // 2
            first, second = slice(count), slice(count, 2 * count)
        else:
            count = n * (n - 1) // 2
            first, second = torch.triu_indices(n, n, 1, device=features.device)
        # Half precision cannot resolve small angles. No operation below is one that autocast would lower.
        features = features.to(torch.promote_types(features.dtype, torch.float32))
        distance = self.distance(features[first], features[second])
        neighbours = labels[first] == labels[second]
        loss = torch.where(neighbours, distance, relu(self.margin - distance)).square().sum()
        return loss / max(1, n if self.reduction == "batch" else count)

    def extra_repr(self) -> str:
        """Settings, for printing."""
        names = ("margin", "pairs", "neighbours", "reduction")
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in names)


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

    def __init__(
        self,
        margin: float = 0.5,
        pairs: Pairs = "halves",
        neighbours: Neighbours = "predicted",
        reduction: Reduction = "batch",
        guard: float = 1e-7,
    ) -> None:
        """See `_PairwiseContrastiveLoss`; ``guard`` keeps the cosine that far from ±1."""
        super().__init__(margin, pairs, neighbours, reduction)
        self.guard = guard

    def distance(self, first: Tensor, second: Tensor) -> Tensor:
        """Angle in radians between corresponding rows, shape (pairs,)."""
        cosine = (normalize(first, dim=1) * normalize(second, dim=1)).sum(1)
        # acos has an unbounded derivative at ±1.
        return cosine.clamp(-1 + self.guard, 1 - self.guard).acos()


class EuclideanContrastiveLoss(_PairwiseContrastiveLoss):
    """The contrastive loss that the paper compares with, equation 1, by default on unnormalised features."""

    def __init__(
        self,
        margin: float = 1.0,
        pairs: Pairs = "halves",
        neighbours: Neighbours = "predicted",
        reduction: Reduction = "batch",
        normalise: bool = False,
    ) -> None:
        """See `_PairwiseContrastiveLoss`; ``normalise`` brings the features to unit length first."""
        super().__init__(margin, pairs, neighbours, reduction)
        self.normalise = normalise

    def distance(self, first: Tensor, second: Tensor) -> Tensor:
        """Euclidean distance between corresponding rows, shape (pairs,)."""
        if self.normalise:
            first, second = normalize(first, dim=1), normalize(second, dim=1)
        squared = (first - second).square().sum(1)
        # The derivative of the root is unbounded at 0: identical pairs get distance 0 and gradient 0.
        apart = squared > 0
        return torch.where(apart, squared.where(apart, 1).sqrt(), 0)


class CenterLoss(nn.Module):
    """Center loss of Wen, Zhang, Li and Qiao (2016), the paper's [15], equations 2 and 4.

    Half the squared distance of each feature to the center of its class, over the size of the minibatch as
    the cross-entropy beside it is. Centers start at 0 and move by `update_centers`, not by gradients.

    Args:
        num_classes: Classes.
        feature_dim: Dimension of the deep features.
        alpha: α, the rate at which centers follow their class.

    Raises:
        ValueError: If ``alpha`` is not between 0 and 1.
    """

    centers: Tensor

    def __init__(self, num_classes: int, feature_dim: int, alpha: float = 0.5) -> None:
        super().__init__()
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha must be between 0 and 1, not {alpha}")
        self.alpha = alpha
        self.register_buffer("centers", torch.zeros(num_classes, feature_dim))

    def forward(self, features: Tensor, predicted_labels: Tensor, true_labels: Tensor) -> Tensor:
        """Equation 2 over the size of the minibatch; the predicted labels are not looked at.

        Args:
            features: Deep features, shape (n, d).
            predicted_labels: Shape (n,).
            true_labels: Shape (n,), integer.
        """
        apart = features - self.centers[true_labels]
        return apart.square().sum() / (2 * len(features))

    @torch.no_grad()
    def update_centers(self, features: Tensor, true_labels: Tensor) -> None:
        """Equation 4: each center moves by α towards the features of its class, the fewer the less."""
        of_class = (true_labels == torch.arange(len(self.centers), device=features.device)[:, None]).to(
            features.dtype
        )
        count = of_class.sum(1, keepdim=True)
        self.centers -= self.alpha * (count * self.centers - of_class @ features) / (1 + count)

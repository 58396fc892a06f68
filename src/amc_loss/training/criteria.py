"""What a training minimises, by configuration: cross-entropy or a loss in its place, and an auxiliary loss.

A loss comes from this package, from pytorch-metric-learning, or from a file of the user's own.
"""

import hashlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from amc_loss import losses

# Given to a loss whose constructor asks for them, under the names that libraries have.
SIZES = {"num_classes": 0, "n_classes": 0, "embedding_size": 1, "feature_dim": 1}


class LossError(ValueError):
    """A loss of the configuration that cannot be used; the message says which and why."""


class MetricLearningLoss(nn.Module):
    """A loss of pytorch-metric-learning, called as this package's losses are.

    Args:
        loss: Called with features and true labels.
        miner: Chooses pairs or triplets of a minibatch; all are taken if None.
    """

    def __init__(self, loss: nn.Module, miner: nn.Module | None = None) -> None:
        super().__init__()
        self.loss, self.miner = loss, miner

    def forward(self, features: Tensor, predicted_labels: Tensor, true_labels: Tensor) -> Tensor:
        """A scalar; the predicted labels are not looked at."""
        chosen = self.miner(features, true_labels) if self.miner is not None else None
        return self.loss(features, true_labels, chosen)


def build_loss(name: str, entry: Mapping[str, Any], n_classes: int, feature_dim: int) -> nn.Module:
    """A loss as the configuration describes it.

    Args:
        name: Its key under ``losses``, for errors.
        entry: Its ``class``, ``arguments``, and ``library`` with distance, reducer and miner, or ``file``.
        n_classes: Classes, for losses that ask for them.
        feature_dim: Dimension of the deep features, likewise.

    Returns:
        A module that is called with features (n, d), predicted and true labels (n,).

    Raises:
        LossError: If there is no such class, or it does not take these arguments.
    """
    if "library" not in entry:
        module = _module_of_file(name, entry) if "file" in entry else losses
        return _build(name, module, entry, n_classes, feature_dim)
    library = _pytorch_metric_learning(name)
    parts = {
        part: _build(f"{name}.{part}", library[part], entry[part], n_classes, feature_dim)
        for part in ("distance", "reducer", "miner")
        if part in entry
    }
    miner = parts.pop("miner", None)
    return MetricLearningLoss(_build(name, library["loss"], entry, n_classes, feature_dim, **parts), miner)


def _pytorch_metric_learning(name: str) -> dict[str, ModuleType]:
    """Where the library has each kind of part."""
    try:
        from pytorch_metric_learning import distances, losses, miners, reducers
    except ImportError as error:
        raise LossError(
            f"losses.{name} is of pytorch-metric-learning, which cannot be imported ({error}); install it"
        ) from error
    return {"loss": losses, "distance": distances, "reducer": reducers, "miner": miners}


def _module_of_file(name: str, entry: Mapping[str, Any]) -> ModuleType:
    path = Path(entry["file"])
    try:
        source = path.read_bytes()
    except OSError as error:
        raise LossError(f"losses.{name}.file is {path}, which cannot be read ({error.strerror})") from error
    if entry.get("sha256", digest := hashlib.sha256(source).hexdigest()) != digest:
        raise LossError(
            f"losses.{name}.file, {path}, has changed since the workflow was started; start it again"
        )
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    try:
        exec(compile(source, path, "exec"), module.__dict__)
    except Exception as error:
        raise LossError(f"losses.{name}.file, {path}, fails with {type(error).__name__}: {error}") from error
    return module


def _build(
    name: str, module: ModuleType, entry: Mapping[str, Any], n_classes: int, feature_dim: int, **more: Any
) -> nn.Module:
    kind = getattr(module, entry["class"], None)
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        if isinstance(kind, type):
            raise LossError(f"losses.{name}.class is {entry['class']}, which is no torch.nn.Module")
        known = [
            key
            for key, value in vars(module).items()
            if isinstance(value, type) and issubclass(value, nn.Module) and key[0].isupper()
        ]
        raise LossError(
            f"losses.{name}.class is {entry['class']!r}, which is no class of {module.__name__}; there are "
            f"{', '.join(sorted(known))}"
        )
    taken = _arguments_of(kind)
    sizes = {key: (n_classes, feature_dim)[which] for key, which in SIZES.items() if key in taken}
    try:
        loss = kind(**{**sizes, **more, **entry.get("arguments", {})})
    except (TypeError, ValueError, AssertionError) as error:
        raise LossError(f"losses.{name}.arguments do not suit {entry['class']}: {error}") from error
    except Exception as error:
        raise LossError(
            f"losses.{name}: {entry['class']} cannot be built; it fails with {type(error).__name__}: {error}"
        ) from error
    if "_modules" not in vars(loss):
        raise LossError(f"losses.{name}: {entry['class']}.__init__ does not call super().__init__()")
    return loss


def _arguments_of(kind: type) -> set[str]:
    """Names that a class's constructor takes, and those of its parents to which it hands on what is left."""
    names: set[str] = set()
    for one in kind.__mro__:
        if "__init__" in vars(one):
            parameters = inspect.signature(vars(one)["__init__"]).parameters
            names |= parameters.keys()
            if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
                break
    return names


class Criterion(nn.Module):
    """The loss of a run.

    Args:
        settings: Resolved settings of the run.
        n_classes: Classes.
        feature_dim: Dimension of the deep features.

    Attributes:
        auxiliary: The auxiliary loss, or None.
        classification: The loss in place of cross-entropy, or None.

    Raises:
        LossError: As `build_loss`.
    """

    def __init__(self, settings: Mapping[str, Any], n_classes: int, feature_dim: int) -> None:
        super().__init__()
        built = []
        for kind in ("auxiliary_loss", "classification_loss"):
            entry = settings[kind]
            loss = build_loss(settings["loss"], entry, n_classes, feature_dim) if entry else None
            built.append(loss)
        self.auxiliary, self.classification = built

    def forward(self, features: Tensor, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The terms of the loss of a minibatch.

        Args:
            features: Deep features, shape (n, d), in float32.
            logits: What the network's classifier makes of them, shape (n, classes); not looked at where a
                loss takes the place of cross-entropy, which has logits of its own.
            labels: Shape (n,).

        Returns:
            Cross-entropy or the loss in its place, the auxiliary loss before weighting (0 if there is none),
            and the predicted labels, shape (n,).
        """
        if self.classification is not None:
            logits = self.logits(features)
        logits = logits.float()
        predicted = logits.argmax(1)
        if self.classification is None:
            classification = cross_entropy(logits, labels)
        else:
            classification = self.classification(features, predicted, labels)
        auxiliary = torch.zeros_like(classification)
        if self.auxiliary is not None:
            auxiliary = self.auxiliary(features, predicted, labels)
        return classification, auxiliary, predicted

    def logits(self, features: Tensor) -> Tensor:
        """Logits (n, classes) of the loss in place of cross-entropy, without its margin."""
        return self._inner().get_logits(features)

    def _inner(self) -> Any:
        return getattr(self.classification, "loss", self.classification)

    def read_out(self) -> tuple[Tensor, float]:
        """Unit class weights (classes, d) and scale of the loss in place of cross-entropy.

        Its logits are the scale times the cosine of feature and class weight.
        """
        weights = self._inner().W.detach()
        unit = normalize(weights, dim=0)
        # The cosine of a class's own weight is 1.
        scale = float(self.logits(unit[:, :1].T).detach()[0, 0])
        return unit.T.contiguous(), scale

    @torch.no_grad()
    def update(self, features: Tensor, labels: Tensor) -> None:
        """Updates that are not by gradients, as a center's, after a step."""
        if (update := getattr(self.auxiliary, "update_centers", None)) is not None:
            update(features, labels)


def check_losses(settings: Mapping[str, Any]) -> None:
    """One step of a run's losses on two images and on a few more, whose features are drawn at random.

    Raises:
        LossError: If a loss cannot be built, is called otherwise than it is called here, or gives anything
            but a finite scalar with finite gradients with respect to the features.
    """
    name = settings["loss"]
    n_classes, feature_dim = 3, 4
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        criterion = Criterion(settings, n_classes, feature_dim)
        features = torch.randn(12, feature_dim, requires_grad=True)
    for part, loss in criterion.named_children():
        kind = settings[f"{part}_loss"]["class"]
        features.grad = None
        for labels in (torch.tensor([0, 1]), torch.tensor([2, 2]), torch.arange(12) % n_classes):
            try:
                value = loss(features[: len(labels)], labels, labels)
                if not isinstance(value, Tensor) or value.ndim:
                    shape = (
                        f"of shape {tuple(value.shape)}"
                        if isinstance(value, Tensor)
                        else type(value).__name__
                    )
                    raise TypeError(f"its result is {shape}, not a scalar")
                if value.requires_grad:
                    value.backward()
            except Exception as error:
                raise LossError(
                    f"losses.{name}: {kind} cannot be used; it is called as (features, predicted_labels, "
                    f"true_labels) and must return a scalar tensor: {error}"
                ) from error
            if not (value.isfinite() and (features.grad is None or features.grad.isfinite().all())):
                raise LossError(f"losses.{name}: {kind} gives a value or a gradient that is not finite")
        if features.grad is None:
            raise LossError(
                f"losses.{name}: {kind} has no gradient with respect to the features, so that a network "
                "would learn nothing from it; don't detach them, nor take numbers out of tensors"
            )
    if criterion.classification is not None:
        try:
            weights, scale = criterion.read_out()
            cosines = normalize(features.detach()) @ weights.T
            torch.testing.assert_close(
                criterion.logits(features.detach()), scale * cosines, rtol=1e-3, atol=1e-3
            )
        except Exception as error:
            raise LossError(
                f"losses.{name} cannot take the place of cross-entropy: its logits are not a scale times the "
                "cosines of features and class weights"
            ) from error

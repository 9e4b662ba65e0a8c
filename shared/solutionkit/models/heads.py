"""How the library's own models learn a task: what they put out, and what they are penalised for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

# Few positives lie in few leaves, which a penalty flattens and drawn columns hide (benchmarks/README.md).
RARE_SHARE = 0.05
EPSILON = 1e-7
# Of logits, see `tempering`. None below one: few rows that are all told rightly would have it fall to
# nothing.
TEMPERATURES = (1.0, 1.2, 1.4, 1.7, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0)


class Head(ABC):
    """The last step of a model. Raw values are what a network's last layer or a sum of leaves gives.

    Attributes:
        outputs: Raw values, and outputs, a row.
        boosting: LightGBM's objective and the metric that ends its training.
        rare: Whether what matters occurs in few rows.
        offset: What raw values lie about, where they have a unit.
        scale: How far they spread then.
        temperatures: What raw values may be divided by without another answer becoming the likeliest; 1 alone
            where they have no such scale.
        facts: What to tell of it.
    """

    outputs: int
    boosting: ClassVar[dict[str, Any]]
    rare = False
    offset, scale = 0.0, 1.0
    temperatures: ClassVar[tuple[float, ...]] = (1.0,)

    @property
    def facts(self) -> dict[str, Any]:
        """What to tell of it."""
        return {}

    def finished(self, network: keras.Model) -> keras.Model:
        """A network whose raw values are what `answers` reads."""
        return network

    @abstractmethod
    def answers(self, raw: Any) -> Any:
        """`(…, outputs)` raw values of a network -> outputs."""

    @abstractmethod
    def losses(self, target: Any, raw: Any) -> Any:
        """`(b,)` targets and `(b, members, outputs)` raw values -> `(b, members)` losses to learn from."""

    @abstractmethod
    def loss(self, target: Any, answers: Any) -> Any:
        """`(b,)` targets and `(b, outputs)` outputs -> `(b,)` losses that end the training."""

    def raw(self, answers: Any) -> Any:
        """`(…, outputs)` raw values that give these answers."""
        return answers


class BinaryHead(Head):
    """The probability of the second of two classes.

    Where positives are rare they weigh more in the loss, and logits are shifted by the logarithm of that
    weight while training, so that probabilities stay what they are (A. Menon et al.: "Long-tail learning via
    logit adjustment", ICLR 2021, arXiv 2007.07314, section 4.2). The root of the odds did better than one on
    validation rows (benchmarks/README.md, fraud).

    Args:
        labels: `(rows,)` class ids of the training rows; none where nothing is learned any more.
    """

    outputs = 1
    boosting: ClassVar[dict[str, Any]] = {"objective": "binary", "metric": "binary_logloss"}
    temperatures = TEMPERATURES

    def __init__(self, labels: np.ndarray) -> None:
        share = float((labels > 0).mean()) if len(labels) else 0.0
        self.rare = 0 < share < RARE_SHARE
        self.positive_weight = float(np.sqrt((1.0 - share) / share)) if self.rare else 1.0

    @property
    def facts(self) -> dict[str, Any]:
        """The weight, where positives are rare."""
        return {"positive_weight": round(self.positive_weight, 2)} if self.rare else {}

    def answers(self, raw: Any) -> Any:
        """Probabilities."""
        return ops.sigmoid(raw)

    def raw(self, answers: Any) -> Any:
        """Log odds."""
        probability = ops.clip(answers, EPSILON, 1.0 - EPSILON)
        return ops.log(probability) - ops.log(1.0 - probability)

    def losses(self, target: Any, raw: Any) -> Any:
        """Weighted log losses of shifted logits."""
        label = ops.cast(ops.reshape(target, (-1, 1, 1)), raw.dtype)
        logits = raw + float(np.log(self.positive_weight))
        losses = ops.maximum(logits, 0.0) - logits * label + ops.log1p(ops.exp(-ops.abs(logits)))
        return ops.squeeze(losses * (1.0 + (self.positive_weight - 1.0) * label), axis=2)

    def loss(self, target: Any, answers: Any) -> Any:
        """Log loss."""
        probability = ops.clip(answers, EPSILON, 1.0 - EPSILON)
        label = ops.cast(ops.reshape(target, (-1, 1)), probability.dtype)
        losses = label * ops.log(probability) + (1.0 - label) * ops.log(1.0 - probability)
        return -ops.squeeze(losses, -1)


class ClassesHead(Head):
    """The probabilities of several classes.

    Args:
        classes: How many.
    """

    boosting: ClassVar[dict[str, Any]] = {"objective": "multiclass", "metric": "multi_logloss"}
    temperatures = TEMPERATURES

    def __init__(self, classes: int) -> None:
        self.outputs = classes

    def answers(self, raw: Any) -> Any:
        """Probabilities."""
        return ops.softmax(raw, axis=-1)

    def raw(self, answers: Any) -> Any:
        """Log probabilities."""
        return ops.log(ops.clip(answers, EPSILON, 1.0))

    def losses(self, target: Any, raw: Any) -> Any:
        """Log losses."""
        known = ops.cast(ops.expand_dims(ops.one_hot(ops.cast(target, "int32"), self.outputs), 1), raw.dtype)
        return ops.logsumexp(raw, axis=-1) - ops.sum(raw * known, axis=-1)

    def loss(self, target: Any, answers: Any) -> Any:
        """Log loss."""
        known = ops.cast(ops.one_hot(ops.cast(target, "int32"), self.outputs), answers.dtype)
        return -ops.sum(known * ops.log(ops.clip(answers, EPSILON, 1.0)), axis=-1)


class ValueHead(Head):
    """A number, learned by squared errors.

    Args:
        labels: `(rows,)` numbers of the training rows; none where nothing is learned any more.
    """

    outputs = 1
    boosting: ClassVar[dict[str, Any]] = {"objective": "regression", "metric": "l2"}

    def __init__(self, labels: np.ndarray) -> None:
        self.offset = float(labels.mean(dtype=np.float64)) if len(labels) else 0.0
        self.scale = float(labels.std(dtype=np.float64)) if len(labels) else 1.0

    def finished(self, network: keras.Model) -> keras.Model:
        """The network's values in the label's unit."""
        scaled = keras.layers.Rescaling(self.scale, self.offset, name="label_unit")(network.output)
        return keras.Model(network.input, scaled)

    def answers(self, raw: Any) -> Any:
        """Raw values are the number."""
        return raw

    def losses(self, target: Any, raw: Any) -> Any:
        """See `error`."""
        return self.error(ops.squeeze(raw, axis=2) - ops.cast(ops.reshape(target, (-1, 1)), raw.dtype))

    def loss(self, target: Any, answers: Any) -> Any:
        """See `error`."""
        return self.error(ops.squeeze(answers, axis=1) - ops.cast(target, answers.dtype))

    def error(self, difference: Any) -> Any:
        """Squared errors, in the label's variance."""
        return ops.square(difference / self.scale)


class QuantileHead(ValueHead):
    """A quantile, learned by the pinball loss.

    Args:
        labels: `(rows,)` numbers of the training rows; none where nothing is learned any more.
        quantile: Between 0 and 1.
    """

    def __init__(self, labels: np.ndarray, quantile: float) -> None:
        super().__init__(labels)
        self._quantile = quantile
        self.boosting = {"objective": "quantile", "alpha": quantile, "metric": "quantile"}  # type: ignore[misc]

    def error(self, difference: Any) -> Any:
        """Pinball losses, in the label's spread."""
        below = -difference / self.scale
        return ops.maximum(self._quantile * below, (self._quantile - 1.0) * below)

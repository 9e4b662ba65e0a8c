"""Networks side by side, one a fold that it does not see: their loss, and their best weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.heads import Head
from solutionkit.models.tempering import best_temperature, ensemble_answers
from solutionkit.progress import Progress

# Whose weights have the fits first; those of embeddings have them last.
HEAD_LAYERS = ("block_", "member_outputs")
# Of held-out rows.
ROWS_AT_ONCE = 4096


def bag_loss(head: Head, fits: int) -> Callable[[Any, Any], Any]:
    """Mean over the members, added up over the fits that may see a row, of each one's own loss.

    Args:
        head: What is penalised.
        fits: Networks side by side.

    Returns:
        `(b, 2, 1)` targets and folds, `(b, fits * members, outputs)` raw values -> `(b,)`.
    """

    def loss(target: Any, raw: Any) -> Any:
        losses = head.losses(target[:, 0, 0], raw)
        each = ops.mean(ops.reshape(losses, (-1, fits, losses.shape[1] // fits)), axis=2)
        may_see = ops.not_equal(target[:, 1], ops.arange(fits, dtype="float32"))
        return ops.sum(each * ops.cast(may_see, each.dtype), axis=1)

    return loss


class BestFits(keras.callbacks.Callback):
    """Keep each fit's weights of the epoch with the least loss of its held-out rows; end when none improves.

    A network that learns for long becomes too sure of itself and still orders rows better and better: its
    epochs are to be chosen by the loss at the best temperature. All are tempered in the end.

    Args:
        network: The fits side by side.
        rows: Training and validation rows.
        folds: `(rows,)` which fit a row is held out from, -1 for none.
        head: How raw values are read.
        encoders: Each fit's sequence encoder, if there are such.
        patience: Epochs without a smaller loss after which a fit is done.
        tempered: Whether epochs are chosen by the loss at the best temperature.
        progress: Told of each epoch.

    Attributes:
        losses: Mean loss over the held-out rows after each epoch, each fit at its best so far.
    """

    def __init__(
        self,
        network: keras.Model,
        rows: TransformedSplit,
        folds: np.ndarray,
        head: Head,
        encoders: Sequence[keras.Model],
        patience: int,
        tempered: bool,
        progress: Progress,
    ) -> None:
        super().__init__()
        self._progress, self._patience, self._tempered = progress, patience, tempered
        self._rows, self._folds, self._head, self._encoders = rows.take(folds >= 0), folds, head, encoders
        self._own = folds[folds >= 0]
        fits = int(self._own.max()) + 1
        self._counts = np.bincount(self._own, minlength=fits)
        self._least, self._best = np.full(fits, np.inf), np.zeros(fits, np.int64)
        self._weights: list[list[np.ndarray]] = [[] for _ in range(fits)]
        self._answers = np.zeros((len(self._own), head.outputs), np.float32)
        self.losses: list[float] = []

        @tf.function(reduce_retracing=True)
        def own_raw(inputs: dict[str, tf.Tensor], own: tf.Tensor) -> tf.Tensor:
            raw = network(inputs, training=False)
            apart = tf.reshape(raw, [tf.shape(raw)[0], fits, raw.shape[1] // fits, raw.shape[2]])
            return tf.gather(apart, own, axis=1, batch_dims=1)

        self._step = own_raw

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Look at the held-out rows."""
        del logs
        self._progress.step()
        answers = self._answer(self._raw())
        means = self._means(answers)
        for fit in np.flatnonzero(means < self._least):
            self._least[fit], self._best[fit] = means[fit], epoch
            self._weights[fit] = [np.array(part) for part in self._parts(self.model.get_weights(), int(fit))]
            self._answers[self._own == fit] = answers[self._own == fit]
        self.losses.append(float(np.average(self._least, weights=self._counts)))
        if (epoch - self._best >= self._patience).all():
            self.model.stop_training = True

    def _raw(self) -> np.ndarray:
        """`(held-out rows, members, outputs)` raw values of the fit that does not see a row."""
        pieces, start = [], 0
        for inputs in self._rows.batches(ROWS_AT_ONCE):
            count = len(next(iter(inputs.values())))
            pieces.append(self._step(inputs, tf.constant(self._own[start : start + count])).numpy())
            start += count
        return np.concatenate(pieces)

    def _answer(self, raw: np.ndarray) -> np.ndarray:
        return np.asarray(ensemble_answers(self._head, raw))

    def _losses(self, answers: np.ndarray) -> np.ndarray:
        """`(held-out rows,)`."""
        return np.asarray(self._head.loss(self._rows.label.astype(np.float32), answers))

    def _means(self, answers: np.ndarray) -> np.ndarray:
        """`(fits,)` mean losses, each at the temperature that makes it least, if that is wanted."""
        temperatures = self._head.temperatures if self._tempered else (1.0,)
        raw = np.asarray(self._head.raw(answers))
        tempered = [answers if t == 1.0 else self._head.answers(raw / t) for t in temperatures]
        sums = [
            np.bincount(self._own, weights=self._losses(item), minlength=len(self._counts))
            for item in tempered
        ]
        means: np.ndarray = np.min(sums, axis=0) / self._counts
        return means

    @property
    def loss(self) -> float:
        """Mean over the held-out rows, of the best weights and tempered."""
        return float(self._losses(self._answers).mean())

    def temper(self, members: keras.Model) -> float:
        """Divide the logits by what makes the loss of held-out rows least, in the last layer's weights.

        Args:
            members: The part of the network that ends in the layer `member_outputs`.

        Returns:
            What they were divided by.
        """
        raw = self._raw()
        temperature = best_temperature(self._head, self._rows.label, raw)
        if temperature != 1.0:
            layer = members.get_layer("member_outputs")
            layer.set_weights([weight / temperature for weight in layer.get_weights()])
        self._answers = self._answer(raw / np.float32(temperature))
        return temperature

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Put each fit's best weights back."""
        del logs
        weights = self.model.get_weights()
        for fit, best in enumerate(self._weights):
            # Of a fit whose loss was never a number there is none.
            for part, kept in zip(self._parts(weights, fit), best, strict=bool(best)):
                part[...] = kept
        self.model.set_weights(weights)

    def held_out(self) -> np.ndarray:
        """`(rows, outputs)` answers of the fit that did not see a row, NaN where all did."""
        found = np.full((len(self._folds), self._head.outputs), np.nan)
        found[self._folds >= 0] = self._answers
        return found

    def _parts(self, weights: list[np.ndarray], fit: int) -> list[np.ndarray]:
        """Of each weight the part that is a fit's alone, as a view."""
        fits = len(self._counts)
        encoded = [{id(weight) for weight in encoder.weights} for encoder in self._encoders]
        parts = []
        for variable, value in zip(self.model.weights, weights, strict=True):
            owner = next((i for i, own in enumerate(encoded) if id(variable) in own), None)
            if owner is not None:
                parts += [value] if owner == fit else []
            elif variable.path.startswith(HEAD_LAYERS):
                parts.append(value[fit])
            else:
                width = value.shape[-1] // fits
                parts.append(value[..., fit * width : (fit + 1) * width])
        return parts

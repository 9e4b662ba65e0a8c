"""Quantiles that hold: those around the median moved until as many held-out values lie below as they say.

A model's own quantiles are moved by as much at every step; a point has quantiles around it step by step.

R. Koenker, G. Bassett, Econometrica 46 (1978) for the loss; V. Vovk, A. Gammerman, G. Shafer, "Algorithmic
Learning in a Random World" (2005) for moving them by held-out errors. The windows that validate are earlier
than those that evaluate, whose coverage the report states.
"""

from __future__ import annotations

import numpy as np

# A step's errors are pooled with those of as many steps either side, so that few windows are enough.
FEWEST_ERRORS = 200
MEDIAN = 0.5


def pinball(quantiles: np.ndarray, target: np.ndarray, said: np.ndarray) -> np.ndarray:
    """`(windows,)` mean losses of known steps; NaN where none is known.

    Args:
        quantiles: `(quantiles,)`.
        target: `(windows, horizon)`, NaN where not known.
        said: `(windows, horizon, quantiles)`.
    """
    below = target[:, :, None] - said
    losses = np.maximum(quantiles * below, (quantiles - 1.0) * below).mean(axis=2)
    known = ~np.isnan(losses)
    count = known.sum(axis=1)
    total = np.where(known, losses, 0.0).sum(axis=1)
    mean: np.ndarray = np.divide(total, count, out=np.full(len(losses), np.nan), where=count > 0)
    return mean


def shifts(quantiles: np.ndarray, target: np.ndarray, said: np.ndarray) -> np.ndarray:
    """`(horizon, quantiles)` what must be added to `said` for quantiles to hold; nothing to a median.

    A median that lay too high on the windows held out may lie too low on those to come: what drifts is no
    mistake of the model's. A point has quantiles around it all the same.

    Args:
        quantiles: `(quantiles,)`.
        target: `(windows, horizon)`, NaN where not known.
        said: `(windows, horizon, quantiles)`, or `(windows, horizon, 1)` for one point.
    """
    horizon = target.shape[1]
    found = np.zeros((horizon, len(quantiles)))
    counts = (~np.isnan(target)).sum(axis=0)
    if said.shape[2] > 1:
        # Few origins validate, and what was odd about one step of theirs is no property of that step ahead.
        counts = np.zeros(horizon, np.int64)
    for step in range(horizon):
        reach = 0
        while counts[max(step - reach, 0) : step + reach + 1].sum() < FEWEST_ERRORS and reach < horizon:
            reach += 1
        some = slice(max(step - reach, 0), step + reach + 1)
        missed = target[:, some, None] - said[:, some]
        alone = said.shape[2] == 1
        for place, quantile in enumerate(quantiles):
            if quantile == MEDIAN:
                continue
            errors = missed[:, :, 0 if alone else place]
            errors = errors[~np.isnan(errors)]
            if len(errors):
                found[step, place] = np.quantile(errors, quantile)
    return found


def helpful_shifts(
    quantiles: np.ndarray, target: np.ndarray, said: np.ndarray
) -> tuple[np.ndarray, dict[str, float]]:
    """The shifts if they clearly lower the loss of windows that did not choose them; else none.

    Args:
        quantiles: `(quantiles,)`.
        target: `(windows, horizon)` held-out values.
        said: `(windows, horizon, quantiles)` what was forecast of them.

    Returns:
        `(horizon, quantiles)`, and what to tell of it.
    """
    before = pinball(quantiles, target, said)
    after = np.full(len(before), np.nan)
    halves = np.arange(len(before)) % 2
    for half in (0, 1):
        chosen, judged = halves != half, halves == half
        if chosen.any() and judged.any():
            moved = said[judged] + shifts(quantiles, target[chosen], said[chosen])
            after[judged] = pinball(quantiles, target[judged], np.sort(moved, axis=2))
    gain = (before - after)[~np.isnan(before - after)]
    if not len(gain):
        return np.zeros((said.shape[1], said.shape[2])), {"moved": 0.0}
    told = {"before": float(np.nanmean(before)), "after": float(np.nanmean(after))}
    enough = len(gain) > 1 and gain.mean() > 2.0 * gain.std(ddof=1) / np.sqrt(len(gain))
    if not enough:
        return np.zeros((said.shape[1], said.shape[2])), {**told, "moved": 0.0}
    found = shifts(quantiles, target, said)
    return found, {**told, "moved": float(np.abs(found).mean())}

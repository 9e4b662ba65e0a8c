"""Probabilities that happen as often as they say: logits divided by a temperature.

C. Guo, G. Pleiss, Y. Sun, K. Weinberger: "On calibration of modern neural networks", ICML 2017 (arXiv
1706.04599), section 4.2. One number, found on rows that were held out, cannot change which answer is the
likeliest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops
from scipy import optimize

from solutionkit.models.heads import Head


def ensemble_answers(head: Head, raw: Any) -> Any:
    """Mean over the members of their answers: `(b, k, outputs) -> (b, outputs)`."""
    return ops.mean(head.answers(raw), axis=1)


def best_temperature(head: Head, labels: np.ndarray, raw: np.ndarray) -> float:
    """What raw values are divided by for the least loss; 1 where they have no scale.

    Args:
        head: How raw values are read.
        labels: `(b,)` of rows that were held out.
        raw: `(b, members, outputs)` of these rows.
    """
    if len(head.temperatures) == 1:
        return 1.0
    target = labels.astype(np.float32)

    def loss(power: float) -> float:
        answers = ensemble_answers(head, raw * np.float32(np.exp(-power)))
        return float(np.mean(head.loss(target, answers)))

    low, high = head.temperatures[0], head.temperatures[-1]
    found = optimize.minimize_scalar(loss, bounds=(np.log(low), np.log(high)), method="bounded")
    return float(np.exp(found.x))

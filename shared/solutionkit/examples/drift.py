"""Do evaluation rows look like training rows? Where a split was not drawn by chance they may not.

A classifier that tells them apart says how far (D. Lopez-Paz, M. Oquab, "Revisiting classifier two-sample
tests", ICLR 2017), and by which columns.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from solutionkit.cells import take_rows
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import kind_of
from solutionkit.ranks import roc_auc
from solutionkit.splits import EVAL, TRAIN

# Of each side.
MOST_ROWS = 5000
FEWEST_ROWS = 200
TREES, NAMED = 60, 3
# Below this they are alike for all that matters.
ROC_AUC = 0.7


def drift_notes(table: pa.Table, splits: np.ndarray, spec: TableSpec) -> list[str]:
    """A note where evaluation rows can be told from training rows.

    Args:
        table: Typed columns.
        splits: `(rows,)` names of splits.
        spec: What the columns are.
    """
    kinds = {feature: kind_of(feature) for feature in spec.ordered}
    features = [feature for feature, kind in kinds.items() if kind.has_values and not kind.nested]
    random = np.random.default_rng(0)
    sides = [np.flatnonzero(splits == name) for name in (TRAIN, EVAL)]
    if not features or spec.files or min(map(len, sides)) < FEWEST_ROWS:
        return []
    count = min(MOST_ROWS, *map(len, sides))
    rows = np.concatenate([np.sort(random.permutation(side)[:count]) for side in sides])
    drawn = take_rows(table, rows)
    matrix = np.stack([kinds[feature].numbers(drawn[feature.name]) for feature in features], axis=1)
    is_eval = np.repeat([0, 1], count)
    area, strength = _told_apart(matrix, is_eval, random.permutation(2 * count) % 2)
    if area < ROC_AUC:
        return []
    names = [f"'{features[place].name}'" for place in np.argsort(-strength)[:NAMED] if strength[place] > 0.0]
    return [
        "evaluation rows differ from training rows: a classifier tells them apart with a ROC-AUC of"
        f" {area:.2f}, most by {', '.join(names)}"
    ]


def _told_apart(matrix: np.ndarray, side: np.ndarray, half: np.ndarray) -> tuple[float, np.ndarray]:
    """The ROC-AUC of rows that were not learned from, and `(columns,)` how much each was made use of."""
    import lightgbm

    said, strength = np.zeros(len(side)), np.zeros(matrix.shape[1])
    parameters = {
        "objective": "binary",
        "num_leaves": 8,
        "learning_rate": 0.1,
        "verbosity": -1,
        "deterministic": True,
        "num_threads": 1,
    }
    for part in (0, 1):
        learned = half != part
        data = lightgbm.Dataset(matrix[learned], side[learned])
        booster = lightgbm.train(parameters, data, TREES)
        said[~learned] = booster.predict(matrix[~learned])
        strength += booster.feature_importance("gain")
    return roc_auc(side > 0, said), strength

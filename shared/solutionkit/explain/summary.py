"""Attributions -> what a reader looks at: ranking, dependence, single rows, agreement."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from solutionkit.explain.attribution import Attribution

DEPENDENCE_COLUMNS = 6
DEPENDENCE_POINTS = 300
TOP = 5
RowValues = dict[str, np.ndarray]


def ranking(attribution: Attribution, columns: list[str]) -> list[dict[str, Any]]:
    """Columns by mean absolute contribution, largest first."""
    strength = np.abs(attribution.values).mean(axis=0)
    order = np.argsort(-strength, kind="stable")
    total = strength.sum() or 1.0
    return [
        {"column": columns[i], "mean_abs": float(strength[i]), "share": float(strength[i] / total)}
        for i in order
    ]


def residual(attribution: Attribution) -> dict[str, float]:
    """How far base and contributions are from the model's output."""
    missed = np.abs(attribution.residual)
    return {
        "mean_abs": float(missed.mean()),
        "max_abs": float(missed.max()),
        "output_std": float(attribution.output.std()),
    }


def strongest(attributions: list[Attribution], columns: list[str]) -> list[str]:
    """The columns whose dependence is shown: the strongest over all models together."""
    strength = sum(np.abs(item.values).mean(axis=0) for item in attributions)
    return [columns[i] for i in np.argsort(-np.asarray(strength), kind="stable")[:DEPENDENCE_COLUMNS]]


def dependence(
    attribution: Attribution, columns: list[str], values: RowValues, shown: list[str]
) -> dict[str, Any]:
    """How the contribution of the shown columns varies with their value.

    Args:
        attribution: `(rows, columns)` contributions.
        columns: Their names.
        values: `(rows,)` raw values by column.
        shown: The columns wanted.
    """
    curves: dict[str, Any] = {}
    for name in shown:
        effect = attribution.values[:, columns.index(name)]
        column = values[name]
        if column.dtype.kind == "f":
            rows = np.flatnonzero(~np.isnan(column))[:DEPENDENCE_POINTS]
            curves[name] = {
                "kind": "numeric",
                "values": [float(column[i]) for i in rows],
                "effects": [float(effect[i]) for i in rows],
            }
            if np.isnan(column).any():
                curves[name]["missing_effect"] = float(effect[np.isnan(column)].mean())
        else:
            by_value = [
                (str(value) or "missing", effect[column == value]) for value in np.unique(column.astype(str))
            ]
            curves[name] = {
                "kind": "categorical",
                "groups": [
                    {"value": value, "n": len(some), "mean": float(some.mean()), "std": float(some.std())}
                    for value, some in by_value
                ],
            }
    return curves


def agreement(baseline: Attribution, deep: Attribution, columns: list[str]) -> dict[str, Any]:
    """How far the two models tell the same story."""
    first, second = (np.abs(item.values).mean(axis=0) for item in (baseline, deep))
    tops = [{item["column"] for item in ranking(model, columns)[:TOP]} for model in (baseline, deep)]
    rows = [
        stats.pearsonr(ours, theirs).statistic
        for ours, theirs in zip(baseline.values, deep.values, strict=True)
        if ours.std() > 0 and theirs.std() > 0
    ]
    rank = stats.spearmanr(first, second).statistic if len(columns) > 1 else 1.0
    return {
        # None where the columns of one model are all alike.
        "rank_correlation": float(rank) if np.isfinite(rank) else None,
        f"shared_of_top_{TOP}": len(tops[0] & tops[1]),
        "row_correlation": float(np.mean(rows)) if rows else None,
    }


def contributions(
    position: int, attributions: dict[str, Attribution], columns: list[str], values: RowValues
) -> list[dict[str, Any]]:
    """One row's columns with each model's contributions, strongest first.

    Args:
        position: The row.
        attributions: `(rows, columns)` contributions by model.
        columns: Their names.
        values: `(rows,)` raw values by column.
    """
    strength = sum(np.abs(item.values[position]) for item in attributions.values())
    listed = []
    for i in np.argsort(-np.asarray(strength), kind="stable"):
        value = values[columns[i]][position]
        entry: dict[str, Any] = {"column": columns[i], "value": plain(value)}
        entry |= {name: float(item.values[position, i]) for name, item in attributions.items()}
        listed.append(entry)
    return listed


def plain(value: Any) -> float | str | None:
    """A cell as a JSON value; missing is None."""
    if isinstance(value, float | np.floating):
        # Single precision is what the model read; its shortest form is what was written.
        return None if np.isnan(value) else float(str(np.float32(value)))
    return str(value) or None

"""Totals where series are forecast: judged beside the models, and told beside new forecasts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from solutionkit.cells import sequence_values
from solutionkit.errors import Problem
from solutionkit.examples.columns import KEPT
from solutionkit.kinds import PAST
from solutionkit.modalities.rows import ScoringRows
from solutionkit.modalities.series.latest import KEY, LEVEL, STEP, layout_of
from solutionkit.modalities.series.layout import Layout
from solutionkit.modalities.series.panel import Panel
from solutionkit.modalities.series.table import ORIGIN, SERIES
from solutionkit.modalities.series.totals import (
    MOST_TOTALS,
    Level,
    Spread,
    agree,
    judged,
    levels_of,
    own_forecasts,
)
from solutionkit.tasks.decisions import Scores
from solutionkit.tasks.forecast.task import Forecast

if TYPE_CHECKING:
    from solutionkit.compare.evaluation import EvaluationSet
    from solutionkit.declaration_parts import Forecasting

MINT = "mint"


def totals_report(
    forecast: Forecasting, columns: Mapping[str, np.ndarray], validation: Mapping[str, np.ndarray]
) -> Callable[[EvaluationSet, Scores, Scores], dict[str, Any]]:
    """What `comparison.json` says of totals, and what is kept beside a model to tell them.

    Args:
        forecast: Its hierarchy.
        columns: Metadata columns of the evaluation windows.
        validation: The same of the validation windows.
    """
    levels = levels_of(columns, forecast.hierarchy, columns[ORIGIN])
    known = levels_of(validation, forecast.hierarchy, validation[ORIGIN])

    def report(rows: EvaluationSet, scores: Scores, held_out: Scores) -> dict[str, Any]:
        task = rows.task
        assert isinstance(task, Forecast)
        own = known_own = None
        if forecast.reconcile == MINT:
            own = own_forecasts(task, levels, columns[PAST])
            known_own = own_forecasts(task, known, validation[PAST])
        kept, told = {}, {}
        for name, outputs in scores.items():
            spread = Spread.of(task, known, rows.validation_labels, held_out[name], known_own)
            kept[name] = spread.to_json()
            told[name] = judged(task, levels, rows.labels, agree(task, levels, outputs, spread, own))
        return {"totals": {"reconcile": forecast.reconcile, "models": told}, KEPT: kept}

    return report


def too_many_totals(panel: Panel, layout: Layout) -> list[Problem]:
    """Why forecasts of all levels cannot be made to agree."""
    if layout.reconcile != MINT or not layout.hierarchy:
        return []
    columns = {
        name: np.array(panel.static[name].to_pylist(), object).astype(str) for name in layout.hierarchy
    }
    count = sum(
        len(level.first) for level in levels_of(columns, list(layout.hierarchy), np.zeros(len(panel)))
    )
    if count <= MOST_TOTALS:
        return []
    message = f'forecast.reconcile = "mint" with {count:,} totals; there is room for {MOST_TOTALS:,}'
    return [Problem("too_many_totals", message, 'name fewer columns, or reconcile = "bottom_up"')]


def with_totals(rows: ScoringRows, outputs: np.ndarray, kept: Any) -> tuple[ScoringRows, np.ndarray]:
    """Windows and outputs with those of totals after them, all of which agree.

    Args:
        rows: The windows.
        outputs: `(windows, outputs)`.
        kept: What `totals_report` kept; without it nothing is known of totals.
    """
    layout, task = layout_of(rows.spec), rows.spec.task
    assert isinstance(task, Forecast)
    if not layout.hierarchy:
        return rows, outputs
    if kept is None:
        note = "no totals are told: nothing is kept of them beside the model; run the pipeline"
        return dataclasses.replace(rows, notes=(*rows.notes, note)), outputs
    spread = Spread(kept["quantiles"], kept["moved"], kept["series"])
    table = rows.table
    keys = {name: np.array(table[f"{KEY}{name}"].to_pylist(), object) for name in layout.keys}
    levels = levels_of(keys, list(layout.hierarchy), np.asarray(table[STEP].to_pylist()))
    own = own_forecasts(task, levels, sequence_values(table[PAST])) if layout.reconcile == MINT else None
    agreed = agree(task, levels, outputs, spread, own)
    if len(levels[0].first) > 1:
        note = (
            f"series are forecast from {len(levels[0].first)} different steps on; totals are of those that"
            " start together, so bring all series up to the same time"
        )
        rows = dataclasses.replace(rows, notes=(*rows.notes, note))
    parts = [table, *(_totals_table(table, level, layout) for level in levels)]
    whole = pa.concat_tables(parts, promote_options="default")
    place = whole.column_names.index(LEVEL)
    names = [SERIES] * table.num_rows + [level.name for level in levels for _ in level.first]
    whole = whole.set_column(place, LEVEL, pa.array(names, pa.string()))
    return dataclasses.replace(rows, table=whole), np.concatenate([agreed.series, *agreed.totals])


def _totals_table(table: pa.Table, level: Level, layout: Layout) -> pa.Table:
    """When totals start, and of which values they are; nothing else is known of them."""
    named = [f"{KEY}{name}" for name in layout.hierarchy[: level.depth]]
    return table.select([STEP, LEVEL, *named]).take(pa.array(level.first))


def totals_in_words(totals: Mapping[str, Any]) -> str:
    """How far each model's totals are off, from the top down.

    Args:
        totals: That key of `comparison.json`.
    """
    moved = totals["reconcile"] == MINT
    how = "forecasts of all levels that were made to agree" if moved else "sums of the series"
    sentences = [f"Totals are {how}."]
    for name, levels in totals["models"].items():
        parts = []
        for level in levels:
            if level["wape"] is None:
                continue
            parts.append(f"{level['level']} {level['wape']:.1%}")
            if "covered" in level:
                parts[-1] += f" (the {level['interval']:.0%} interval holds {level['covered']:.0%})"
        sentences.append(f"{name}: WAPE of {', '.join(parts)}.")
    return " ".join(sentences)

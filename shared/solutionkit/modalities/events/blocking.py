"""Which rows of cards are learned from and judged: in life a card with a known fraud is blocked."""

from __future__ import annotations

import numpy as np

from solutionkit.cells import as_text
from solutionkit.declaration import Declaration
from solutionkit.declaration_parts import span
from solutionkit.errors import DataError, Problem
from solutionkit.examples.times import DAY, microseconds
from solutionkit.modalities.rows import Dataset
from solutionkit.splits import EVAL, FEWEST_UNITS, LEFT_OUT, TRAIN, VALIDATION

# Of an evaluation whose intervals draw whole days.
FEWEST_DAYS = FEWEST_UNITS
# Of training rows, that had no known label before them.
MOST_WITHOUT_LABELS = 0.5


def refuse_few_days(splits: np.ndarray, data: Dataset, declaration: Declaration) -> None:
    """Raise a DataError where the evaluation spans too few days."""
    times = microseconds(data.table, declaration.columns.time or "", data.source)
    days = len(np.unique(times[splits == EVAL] // DAY))
    if days < FEWEST_DAYS:
        message = (
            f"the evaluation rows are of {days} days; at least {FEWEST_DAYS} are needed, because"
            " intervals draw whole days"
        )
        remedy = "raise data.eval_fraction, or evaluate a longer time"
        raise DataError(data.source, [Problem("few_days", message, remedy, declaration.columns.time)])


def short_history(splits: np.ndarray, data: Dataset, declaration: Declaration) -> list[str]:
    """A note where training rows end before any of their labels was known."""
    columns, delay = declaration.columns, declaration.data.label_delay
    if declaration.history is None or not columns.time or not columns.merchant:
        return []
    times = microseconds(data.table, columns.time, data.source)
    learned = times[np.isin(splits, [TRAIN, VALIDATION])]
    first = times.min()
    unknown = 1.0 - (learned > first + round(span(delay).total_seconds() * 1e6)).mean()
    if unknown <= MOST_WITHOUT_LABELS:
        return []
    days = (learned.max() - first) / DAY
    return [
        f"the training rows span {days:.0f} days and labels are known after {delay}: for {unknown:.0%} of"
        " them no earlier label was known, so merchants' frauds can hardly be learned from; add earlier rows"
    ]


def leave_blocked_out(
    splits: np.ndarray, data: Dataset, marked: np.ndarray, declaration: Declaration
) -> list[str]:
    """Leave out, in place, rows of cards of which an earlier fraud was known by then, and say how many.

    In life such a card is blocked. Models are judged, and thresholds chosen, on what is left; rows to train
    on are kept, and all stay part of the history.

    Args:
        splits: `(rows,)` names of splits.
        data: The rows.
        marked: `(rows,)` which are frauds.
        declaration: What the columns are.
    """
    columns = declaration.columns
    if not columns.card or columns.card not in data.table.column_names or not columns.time:
        return []
    times = microseconds(data.table, columns.time, data.source)
    known_from = times + round(span(declaration.data.label_delay).total_seconds() * 1e6)
    entities = as_text(data.table[columns.card]).combine_chunks().dictionary_encode().indices
    codes = entities.fill_null(-1).to_numpy()
    blocked_from = np.full(codes.max(initial=0) + 1, np.iinfo(np.int64).max)
    frauds = marked & (codes >= 0)
    np.minimum.at(blocked_from, codes[frauds], known_from[frauds])
    blocked = (codes >= 0) & (times >= blocked_from[codes])
    notes = []
    for name, title in ((VALIDATION, "validation"), (EVAL, "evaluation")):
        rows = blocked & (splits == name)
        splits[rows] = LEFT_OUT
        if rows.any():
            notes.append(f"{rows.sum():,} {title} rows are left out: a fraud of their card was known by then")
    return notes

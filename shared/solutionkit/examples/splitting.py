"""Which rows train, which validate, which evaluate: seeded, and stated in words for the report."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from solutionkit.declaration import Declaration, span
from solutionkit.errors import DataError
from solutionkit.examples.columns import as_text
from solutionkit.examples.times import DAY, microseconds

TRAIN, VALIDATION, EVAL = "train", "validation", "eval"
SPLITS = (TRAIN, VALIDATION, EVAL)
# Rows that are in no split.
LEFT_OUT = "left out"
SHOWN_VALUES = 6
# Of an evaluation whose intervals draw whole days.
FEWEST_DAYS = 5
# Of training rows, that had no known label before them.
MOST_WITHOUT_LABELS = 0.5


def assign_splits(
    table: pa.Table,
    labels: np.ndarray,
    declaration: Declaration,
    source: str,
    units: np.ndarray | None = None,
) -> tuple[np.ndarray, str, list[str]]:
    """Assign each row to `train`, `validation` or `eval`.

    The evaluation rows follow the declaration. The validation rows (early stopping, decision
    thresholds) are then held out of the training side in the same manner: by group where the
    split is by group, the latest ones where it is by time or rows have cards, else stratified by the label.

    Args:
        table: The raw rows, with the time, group or split column that the declaration names.
        labels: `(rows,)` class ids.
        declaration: The split, its fraction and the seed.
        source: The data's name for error messages.
        units: `(rows,)` codes of rows that are drawn together (`row_units`), if there are such.

    Returns:
        `(rows,)` split names, a sentence that says how they were made, and what was left out.

    Raises:
        DataError: The column that decides is missing or unusable, or a split would be empty.
    """
    data, columns = declaration.data, declaration.columns
    random = np.random.default_rng(declaration.training.seed)
    fraction = data.eval_fraction
    kind = data.split
    if kind == "column":
        is_eval, how = _by_column(table, declaration, source)
    elif kind == "time":
        order = _time_order(table, columns.time or "", source)
        is_eval = _latest(order, fraction)
        how = f"by time: the latest {fraction:.0%} of rows by '{columns.time}' are evaluation"
    elif kind == "group":
        groups = _groups(table, columns.group or "", source)
        is_eval = _whole_groups(groups if units is None else units, fraction, random)
        how = f"by group: all rows of a '{columns.group}' are on one side, about {fraction:.0%} evaluation"
    elif kind == "stratified":
        is_eval = _stratified(labels, fraction, random, units)
        how = f"random, stratified by the label, {fraction:.0%} evaluation"
    elif units is not None:
        is_eval = _whole_groups(units, fraction, random)
        how = f"random, {fraction:.0%} evaluation"
    else:
        is_eval = random.random(len(labels)).argsort().argsort() < round(fraction * len(labels))
        how = f"random, {fraction:.0%} evaluation"
    if units is not None and kind in {"random", "stratified"} and columns.group:
        how += f", all rows of a '{columns.group}' on one side"
    splits = np.where(is_eval, EVAL, TRAIN).astype(object)
    left = leave_out(splits, table, declaration, source)
    hold_out_validation(splits, table, labels, declaration, source, units)
    left += leave_blocked_out(splits, table, labels, declaration, source)
    drawn = kind in {"random", "stratified", "group"}
    return splits, f"{how} (seed {declaration.training.seed})" if drawn else how, left


def row_units(
    table: pa.Table, declaration: Declaration, copies: list[str] | None = None
) -> np.ndarray | None:
    """`(rows,)` codes of rows that must not be parted: those of a group, and copies of one another.

    Args:
        table: The raw rows.
        declaration: Names the group column, if there is one.
        copies: Of each row what its copies share, e.g. a file's digest.

    Returns:
        Nothing, where every row is by itself.
    """
    name = declaration.columns.group
    keys = []
    if name and name in table.column_names and not table[name].null_count:
        keys.append(_groups(table, name, ""))
    if copies is not None:
        keys.append(np.unique(copies, return_inverse=True)[1])
    keys = [key for key in keys if len(np.unique(key)) < len(key)]
    if not keys:
        return None
    # Rows are joined to the first row of their group and to the first of their copies.
    rows = np.arange(table.num_rows)
    first = [np.unique(key, return_index=True)[1][np.unique(key, return_inverse=True)[1]] for key in keys]
    links = (np.ones(len(rows) * len(first)), (np.tile(rows, len(first)), np.concatenate(first)))
    graph = sparse.coo_array(links, shape=(len(rows), len(rows)))
    units: np.ndarray = sparse.csgraph.connected_components(graph, directed=False)[1]
    return units


def parted(units: np.ndarray | None, splits: np.ndarray) -> list[np.ndarray]:
    """The rows of each unit that stands on both sides, evaluation and the rest."""
    if units is None:
        return []
    is_eval = splits == EVAL
    counts = np.bincount(units)
    share = np.bincount(units, weights=is_eval) / counts
    return [np.flatnonzero(units == unit) for unit in np.flatnonzero((share > 0) & (share < 1))]


def hold_out_validation(
    splits: np.ndarray,
    table: pa.Table,
    labels: np.ndarray,
    declaration: Declaration,
    source: str,
    units: np.ndarray | None = None,
) -> None:
    """Turn part of the training rows into validation rows, in place."""
    random = np.random.default_rng(declaration.training.seed + 1)
    fraction = declaration.data.validation_fraction
    rows = np.flatnonzero(splits == TRAIN)
    if declaration.columns.time and (declaration.data.split == "time" or declaration.columns.card):
        chosen = _latest(_time_order(table, declaration.columns.time, source)[rows], fraction)
    elif declaration.columns.group:
        groups = _groups(table, declaration.columns.group, source) if units is None else units
        chosen = _whole_groups(groups[rows], fraction, random)
    else:
        chosen = _stratified(labels[rows], fraction, random, None if units is None else units[rows])
    splits[rows[chosen]] = VALIDATION
    missing = [name for name in SPLITS if not (splits == name).any()]
    if missing and EVAL not in missing:
        raise DataError(source, [f"{len(rows)} training rows are too few to hold validation rows out"])


def leave_out(splits: np.ndarray, table: pa.Table, declaration: Declaration, source: str) -> list[str]:
    """Leave out, in place, training rows whose label was not yet known when the evaluation begins.

    They could not have been learned from; they stay part of the history. Returned is how many these are.
    """
    columns, delay = declaration.columns, span(declaration.data.label_delay)
    if not columns.time or not (columns.card or delay):
        return []
    times = microseconds(table, columns.time, source)
    known_from = times + round(delay.total_seconds() * 1e6)
    if not (splits == EVAL).any():
        raise DataError(source, ["no row is left to evaluate; choose another split"])
    begin = times[splits == EVAL].min()
    late = (splits == TRAIN) & (known_from > begin)
    if late.sum() == (splits == TRAIN).sum():
        first = np.datetime64(int(begin), "us").astype("datetime64[s]")
        raise DataError(
            source,
            [
                f"no training row's label was known when the evaluation begins ({first}, data.label_delay ="
                f" {declaration.data.label_delay}); the evaluation must follow the training rows in time:"
                " choose another split, or a shorter delay if that is true"
            ],
        )
    splits[late] = LEFT_OUT
    notes = []
    if declaration.columns.card:
        days = len(np.unique(times[splits == EVAL] // DAY))
        if days < FEWEST_DAYS:
            raise DataError(
                source,
                [
                    f"the evaluation rows are of {days} days; at least {FEWEST_DAYS} are needed, because"
                    " intervals draw whole days: raise data.eval_fraction, or evaluate a longer time"
                ],
            )
    if late.any():
        notes.append(
            f"{late.sum():,} rows are neither trained on nor evaluated: their labels were not known before"
            f" the evaluation begins (data.label_delay = {declaration.data.label_delay})"
        )
    return notes


def short_history(table: pa.Table, splits: np.ndarray, declaration: Declaration, source: str) -> list[str]:
    """A note where training rows end before any of their labels was known."""
    columns, delay = declaration.columns, declaration.data.label_delay
    if declaration.history is None or not columns.time or not columns.merchant:
        return []
    times = microseconds(table, columns.time, source)
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
    splits: np.ndarray, table: pa.Table, labels: np.ndarray, declaration: Declaration, source: str
) -> list[str]:
    """Leave out, in place, rows of cards of which an earlier fraud was known by then, and say how many.

    In life such a card is blocked. Models are judged, and thresholds chosen, on what is left; rows to train
    on are kept, and all stay part of the history.
    """
    columns = declaration.columns
    if not columns.card or columns.card not in table.column_names or not columns.time:
        return []
    times = microseconds(table, columns.time, source)
    known_from = times + round(span(declaration.data.label_delay).total_seconds() * 1e6)
    cards = as_text(table[columns.card]).combine_chunks().dictionary_encode().indices
    codes = cards.fill_null(-1).to_numpy()
    blocked_from = np.full(codes.max(initial=0) + 1, np.iinfo(np.int64).max)
    frauds = (labels > 0) & (codes >= 0)
    np.minimum.at(blocked_from, codes[frauds], known_from[frauds])
    blocked = (codes >= 0) & (times >= blocked_from[codes])
    notes = []
    for name, title in ((VALIDATION, "validation"), (EVAL, "evaluation")):
        rows = blocked & (splits == name)
        splits[rows] = LEFT_OUT
        if rows.any():
            notes.append(f"{rows.sum():,} {title} rows are left out: a fraud of their card was known by then")
    return notes


def _by_column(table: pa.Table, declaration: Declaration, source: str) -> tuple[np.ndarray, str]:
    name = declaration.columns.split or ""
    if name not in table.column_names:
        raise DataError(source, [f"the split column '{name}' is missing; see columns.split"])
    wanted = [str(value) for value in declaration.data.eval_values]
    values = pc.fill_null(table[name].cast(pa.string()), "")
    is_eval = pc.is_in(values, pa.array(wanted)).to_numpy(zero_copy_only=False)
    if not is_eval.any() or is_eval.all():
        found = ", ".join(repr(value) for value in pc.unique(values).to_pylist()[:8])
        raise DataError(
            source,
            [
                f"the split column '{name}' marks {'all' if is_eval.all() else 'no'} rows for evaluation:"
                f" data.eval_values is {wanted}, the column holds {found}"
            ],
        )
    others = pc.unique(values.filter(pa.array(~is_eval))).to_pylist()
    shown = ", ".join(value or "nothing" for value in others[:SHOWN_VALUES])
    shown += " …" if len(others) > SHOWN_VALUES else ""
    return is_eval, f"given by the column '{name}' ({', '.join(wanted)} = evaluation; {shown} = training)"


def _time_order(table: pa.Table, name: str, source: str) -> np.ndarray:
    """The rank of each row's time; equal times have the same rank."""
    ranks: np.ndarray = np.unique(microseconds(table, name, source), return_inverse=True)[1]
    return ranks


def _groups(table: pa.Table, name: str, source: str) -> np.ndarray:
    if name not in table.column_names:
        raise DataError(source, [f"the group column '{name}' is missing; see columns.group"])
    if table[name].null_count:
        raise DataError(source, [f"the group column '{name}' is empty in {table[name].null_count} rows"])
    codes: np.ndarray = table[name].combine_chunks().dictionary_encode().indices.to_numpy()
    return codes


def _latest(rank: np.ndarray, fraction: float) -> np.ndarray:
    """The latest rows, about `fraction` of all; rows of the same time stay together."""
    times, counts = np.unique(rank, return_counts=True)
    share_after = 1.0 - np.cumsum(counts) / len(rank)
    cut = times[np.argmin(np.abs(share_after[:-1] - fraction))] if len(times) > 1 else times[0]
    chosen: np.ndarray = rank > cut
    return chosen


def _whole_groups(groups: np.ndarray, fraction: float, random: np.random.Generator) -> np.ndarray:
    """Draw groups until they hold about `fraction` of the rows."""
    names, inverse, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    drawn = random.permutation(len(names))
    filled = np.cumsum(sizes[drawn]) - sizes[drawn] / 2
    return np.isin(inverse, drawn[filled <= fraction * len(groups)])


def _stratified(
    labels: np.ndarray, fraction: float, random: np.random.Generator, units: np.ndarray | None = None
) -> np.ndarray:
    """Draw rows of each class, or whole units, of which the first row's class counts."""
    chosen = np.zeros(len(labels), bool)
    if units is not None:
        _, first, members = np.unique(units, return_index=True, return_inverse=True)
        return _stratified(labels[first], fraction, random)[members]
    for value in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == value))
        chosen[rows[: round(fraction * len(rows))]] = True
    return chosen

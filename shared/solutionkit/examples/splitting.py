"""Which rows train, which validate, which evaluate: seeded, and stated in words for the report."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from solutionkit.declaration import Declaration
from solutionkit.declaration_parts import span
from solutionkit.errors import DataError, Problem
from solutionkit.examples.times import microseconds
from solutionkit.splits import EVAL, LEFT_OUT, SPLITS, TRAIN, VALIDATION

SHOWN_VALUES = 6
# Beside the validation.
MOST_FOLDS = 9


@dataclass(frozen=True)
class Sides:
    """What decides on which side a row stands.

    Attributes:
        table: The raw rows, with the time, group or split column that the declaration names.
        declaration: The split, its fraction and the seed.
        source: The data's name for error messages.
        strata: `(rows,)` codes whose shares a stratified split keeps.
        units: `(rows,)` codes of rows that are drawn together (`row_units`), if there are such.
        ordered: Whether rows go on from each other in time, so that validation rows must be the latest.
    """

    table: pa.Table
    declaration: Declaration
    source: str
    strata: np.ndarray
    units: np.ndarray | None = None
    ordered: bool = False


def assign_splits(sides: Sides) -> tuple[np.ndarray, str, list[str]]:
    """Assign each row to `train`, `validation` or `eval`.

    The evaluation rows follow the declaration. The validation rows (early stopping, decision
    thresholds) are then held out of the training side in the same manner: the latest ones where rows
    have a time and the evaluation is not drawn at random, by group where there are groups, else stratified.

    Returns:
        `(rows,)` split names, a sentence that says how they were made, and what was left out.

    Raises:
        DataError: The column that decides is missing or unusable, or a split would be empty.
    """
    data, columns = sides.declaration.data, sides.declaration.columns
    table, source, units, labels = sides.table, sides.source, sides.units, sides.strata
    random = np.random.default_rng(sides.declaration.training.seed)
    fraction = data.eval_fraction
    kind = data.split
    if kind == "column":
        is_eval, how = _by_column(table, sides.declaration, source)
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
    left = leave_out(splits, sides)
    hold_out_validation(splits, sides)
    drawn = kind in {"random", "stratified", "group"}
    return splits, f"{how} (seed {sides.declaration.training.seed})" if drawn else how, left


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


def hold_out_validation(splits: np.ndarray, sides: Sides) -> None:
    """Turn part of the training rows into validation rows, in place."""
    declaration, units = sides.declaration, sides.units
    random = np.random.default_rng(declaration.training.seed + 1)
    fraction = declaration.data.validation_fraction
    rows = np.flatnonzero(splits == TRAIN)
    if in_time(sides):
        order = _time_order(sides.table, declaration.columns.time or "", sides.source)
        # Where the evaluation's groups are new, the validation's must be.
        if units is not None and _new(units, splits):
            chosen = _latest_units(order[rows], units[rows], fraction, random)
        else:
            chosen = _latest(order[rows], fraction)
    elif declaration.columns.group:
        groups = _groups(sides.table, declaration.columns.group, sides.source) if units is None else units
        chosen = _whole_groups(groups[rows], fraction, random)
    else:
        chosen = _stratified(sides.strata[rows], fraction, random, None if units is None else units[rows])
    splits[rows[chosen]] = VALIDATION
    missing = [name for name in SPLITS if not (splits == name).any()]
    if missing and EVAL not in missing:
        message, remedy = f"{len(rows)} training rows are too few to hold validation rows out", ""
        if units is not None and (count := len(np.unique(units[rows]))) < len(rows):
            message = f"{count} groups of training rows are too few to hold some out as a whole"
            remedy = "at least three are needed, and six more to evaluate by"
        raise DataError(sides.source, [Problem("too_few_rows", message, remedy, declaration.columns.group)])


def training_folds(splits: np.ndarray, sides: Sides) -> np.ndarray:
    """`(rows,)` the fold of the training side a row is of: 0 is validation, -1 none.

    Other folds are about as large as the validation. Rows of a unit are of one fold, and classes have their
    share in each as far as units allow. Where rows go on in time, only the latest can be held out, so all
    that train are one fold.
    """
    folds = np.where(splits == VALIDATION, 0, np.where(splits == TRAIN, 1, -1))
    if in_time(sides):
        return folds
    count = int(np.clip(round(1 / sides.declaration.data.validation_fraction) - 1, 1, MOST_FOLDS))
    random = np.random.default_rng(sides.declaration.training.seed + 2)
    rows = np.flatnonzero(splits == TRAIN)
    units = np.arange(len(rows)) if sides.units is None else sides.units[rows]
    _, members, sizes = np.unique(units, return_inverse=True, return_counts=True)
    # A unit counts as what is rarest in it.
    _, codes, counts = np.unique(sides.strata[rows], return_inverse=True, return_counts=True)
    rank = np.argsort(np.argsort(-counts, kind="stable"))[codes]
    strata = np.zeros(len(sizes), np.int64)
    np.maximum.at(strata, members, rank)
    of_unit, filled = np.zeros(len(sizes), np.int64), np.zeros(count)
    for value in np.unique(strata)[::-1]:
        drawn = random.permutation(np.flatnonzero(strata == value))
        if sides.units is None:
            of_unit[drawn] = (int(filled.sum()) + np.arange(len(drawn))) % count
            filled += np.bincount(of_unit[drawn], minlength=count)
            continue
        # The largest first, each to the fold with the fewest rows.
        for unit in drawn[np.argsort(-sizes[drawn], kind="stable")]:
            fold = int(filled.argmin())
            of_unit[unit] = fold
            filled[fold] += sizes[unit]
    folds[rows] = 1 + of_unit[members]
    return folds


def in_time(sides: Sides) -> bool:
    """Whether the rows that are held out must be the latest.

    They are where rows have a time, whatever else is declared, but for an evaluation that is drawn at random:
    the validation is to be as the evaluation is.
    """
    data = sides.declaration.data
    drawn = data.drawn
    return bool(sides.declaration.columns.time) and (sides.ordered or not drawn)


def _new(units: np.ndarray, splits: np.ndarray) -> bool:
    """Whether most units of the evaluation have no training row."""
    evaluated = np.unique(units[splits == EVAL])
    return bool(np.isin(evaluated, units[splits == TRAIN]).mean() < 0.5)


def _latest_units(
    order: np.ndarray, units: np.ndarray, fraction: float, random: np.random.Generator
) -> np.ndarray:
    """Whole units, those whose last row is latest, about `fraction` of all rows; equally late ones are drawn.

    Args:
        order: `(rows,)` ranks of their times.
        units: `(rows,)` codes.
        fraction: Of the rows.
        random: Draws.
    """
    _, members, sizes = np.unique(units, return_inverse=True, return_counts=True)
    last = np.zeros(len(sizes), order.dtype)
    np.maximum.at(last, members, order)
    latest_first = np.lexsort([random.permutation(len(sizes)), -last])
    filled = np.cumsum(sizes[latest_first]) - sizes[latest_first] / 2
    return np.isin(members, latest_first[filled <= fraction * len(order)])


def leave_out(splits: np.ndarray, sides: Sides) -> list[str]:
    """Leave out, in place, training rows whose label was not yet known when the evaluation begins.

    They could not have been learned from; they stay part of the history. Returned is how many these are.
    """
    columns, data = sides.declaration.columns, sides.declaration.data
    delay = span(data.label_delay)
    if not columns.time or not (sides.ordered or delay):
        return []
    times = microseconds(sides.table, columns.time, sides.source)
    known_from = times + round(delay.total_seconds() * 1e6)
    if not (splits == EVAL).any():
        problem = Problem("nothing_to_evaluate", "no row is left to evaluate", "choose another split")
        raise DataError(sides.source, [problem])
    begin = times[splits == EVAL].min()
    late = (splits == TRAIN) & (known_from > begin)
    if late.sum() == (splits == TRAIN).sum():
        first = np.datetime64(int(begin), "us").astype("datetime64[s]")
        message = (
            f"no training row's label was known when the evaluation begins ({first}, data.label_delay ="
            f" {data.label_delay}); the evaluation must follow the training rows in time"
        )
        remedy = "choose another split, or a shorter delay if that is true"
        raise DataError(sides.source, [Problem("labels_too_late", message, remedy, columns.time)])
    splits[late] = LEFT_OUT
    if not late.any():
        return []
    return [
        f"{late.sum():,} rows are neither trained on nor evaluated: their labels were not known before"
        f" the evaluation begins (data.label_delay = {data.label_delay})"
    ]


def _by_column(table: pa.Table, declaration: Declaration, source: str) -> tuple[np.ndarray, str]:
    name = declaration.columns.split or ""
    if name not in table.column_names:
        message = f"the split column '{name}' is missing"
        raise DataError(source, [Problem("missing_column", message, "see columns.split", name)])
    wanted = [str(value) for value in declaration.data.eval_values]
    values = pc.fill_null(table[name].cast(pa.string()), "")
    is_eval = pc.is_in(values, pa.array(wanted)).to_numpy(zero_copy_only=False)
    if not is_eval.any() or is_eval.all():
        listed = ", ".join(repr(value) for value in pc.unique(values).to_pylist()[:8])
        message = (
            f"the split column '{name}' marks {'all' if is_eval.all() else 'no'} rows for evaluation:"
            f" data.eval_values is {wanted}, the column holds {listed}"
        )
        raise DataError(source, [Problem("split_unusable", message, column=name)])
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
        message = f"the group column '{name}' is missing"
        raise DataError(source, [Problem("missing_column", message, "see columns.group", name)])
    if table[name].null_count:
        message = f"the group column '{name}' is empty in {table[name].null_count} rows"
        raise DataError(source, [Problem("empty_cells", message, column=name)])
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

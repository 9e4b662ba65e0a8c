"""A first `use_case.toml` of a table that nobody has declared: guesses with their reasons, for a person."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import as_text, take_rows
from solutionkit.declaration import Declaration
from solutionkit.declaration_parts import Written
from solutionkit.errors import DataError, UserError, suggestion
from solutionkit.examples.dialect import Dialect
from solutionkit.examples.leakage import HINTED_ROC_AUC, REMARKABLE_ROC_AUC, SUSPICIOUS_ROC_AUC
from solutionkit.examples.leakage import HINTS as AFTERWARDS
from solutionkit.examples.reading import read
from solutionkit.kinds import DATE, KINDS, NUMERIC, Feature, claiming
from solutionkit.object_store import address
from solutionkit.tasks.classification.labels import NEGATIVES

LABELS = {
    *("label", "target", "y", "class", "churn", "churned", "left", "exited", "attrition", "default", "bad"),
    *("fraud", "isfraud", "fraudulent", "outcome", "response", "bought", "converted", "revenue", "deposit"),
    *("kuendigung", "gekuendigt", "ausfall", "betrug", "flag"),
}
NAMES = {"id", "key", "nr", "no", "number", "nummer", "uuid", "guid", "code", "index"}
ENDINGS = tuple(NAMES - {"no", "code", "index"})
UNITS = {"customer", "client", "account", "card", "patient", "person", "kunde", "konto", "household", "user"}
MOMENTS = {
    "date",
    "time",
    "timestamp",
    "datetime",
    "created",
    "month",
    "day",
    "datum",
    "zeit",
    "period",
    "at",
}
FEWEST_DAYS = 30
MOST_SHOWN = 6
# A date is what a row is seen from if as many others lie before it.
BEFORE = 0.99
MOST_ROWS = 100_000
SEPARATES = re.compile(r"[^a-z0-9]+|(?<=[a-z])(?=[0-9])")


@dataclass
class Proposal:
    """What a table seems to be.

    Attributes:
        parts: Column by part of `[columns]`, with the reason.
        split: How to split, with the reason.
        ignored: Columns to leave out, with the reason.
        doubts: What a person should look at, one sentence each.
        regression: Whether the label is a number.
        stated: Keys of `[data]` that say how the file is written.
    """

    parts: dict[str, tuple[str, str]] = field(default_factory=dict)
    split: tuple[str, str] = ("stratified", "rows seem to stand for themselves")
    ignored: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)
    regression: bool = False
    stated: dict[str, object] = field(default_factory=dict)


def proposed(source: Path, called: Path, label: str | None, declaration: Declaration) -> str:
    """The text of a `use_case.toml`.

    Args:
        source: A file, or a folder of files.
        called: How the declaration names it.
        label: The column to predict, where that is known.
        declaration: What was declared before: how files are written is taken over.

    Raises:
        UserError: It cannot be read, or no column can be the label.
    """
    stated = {key: value for key in Written.model_fields if (value := getattr(declaration.data, key))}
    before = Dialect.declared(declaration)
    found = read(source, replace(before, names=(), dates=()))
    if found.problems:
        raise DataError(str(source), found.problems)
    table = found.table
    if table.num_rows > MOST_ROWS:
        rows = np.random.default_rng(0).permutation(table.num_rows)[:MOST_ROWS]
        table = take_rows(table, np.sort(rows))
    if label is not None and label not in table.column_names:
        raise UserError(f"--label: {source} has no column '{label}'{suggestion(label, table.column_names)}.")
    proposal = Proposal(stated=stated)
    _label(table, label, proposal)
    _names(table, proposal)
    _dates(table, proposal)
    _leaks(table, proposal)
    return written_down(proposal, called, list(found.notes))


def words(name: str) -> set[str]:
    """The words of a column's name.

    Example:
        >>> sorted(words("CustomerID")), sorted(words("order_no2"))
        (['customer', 'id'], ['2', 'no', 'order'])
    """
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name).lower()
    return set(filter(None, SEPARATES.split(apart)))


def _label(table: pa.Table, label: str | None, proposal: Proposal) -> None:
    """The column to predict, and which of its values is looked for."""
    ranked = sorted(table.column_names, key=lambda name: -_like_a_label(table, name))
    ranked = [name for name in ranked if _like_a_label(table, name) > 0]
    if label is None:
        if not ranked:
            raise UserError("no column has two values; say which one is to be predicted: --label NAME.")
        label = ranked[0]
        others = [name for name in ranked[1:] if words(name) & LABELS]
        beside = f"; others that may be: {', '.join(others[:MOST_SHOWN])}" if others else ""
        why = "its name says so" if words(label) & LABELS else "it has two values"
        proposal.parts["label"] = (label, f"{why}{beside}")
    else:
        proposal.parts["label"] = (label, "as you said")
    values = as_text(table[label]).drop_null()
    counts = {item["values"]: item["counts"] for item in values.value_counts().to_pylist()}
    if len(counts) == 2:
        rare = min(counts, key=lambda value: counts[value])
        known = next((value for value in counts if value.lower() in NEGATIVES), None)
        positive = known if known is not None else rare
        why = "as the word says" if known is not None else "the rarer value"
        proposal.parts["positive"] = (positive, f"{why}: {counts[positive] / len(values):.1%} of the rows")
    elif claiming(table[label]) is KINDS[NUMERIC] and len(counts) > MOST_SHOWN:
        proposal.regression = True
        proposal.split = ("random", "rows seem to stand for themselves")
    else:
        proposal.doubts.append(f"'{label}' has {len(counts)} classes; a few are fine, names of rows are not")


def _like_a_label(table: pa.Table, name: str) -> float:
    """How much a column of two values looks like what is predicted; 0 for others."""
    if not pa.types.is_string(table[name].type) and not pa.types.is_integer(table[name].type):
        return 1.0 if pa.types.is_boolean(table[name].type) else 0.0
    values = pc.unique(table[name].drop_null())
    if len(values) != 2:
        return 0.0
    texts = {str(value).lower() for value in values.to_pylist()}
    yes_or_no = any(positive in texts and negative in texts for positive, negative in NEGATIVES.items())
    last = table.column_names[-1] == name
    named = 4.0 if words(name) & LABELS else 0.0
    return 1.0 + named + float(yes_or_no) + float(last)


def _names(table: pa.Table, proposal: Proposal) -> None:
    """What names rows, and whom several rows belong to."""
    taken = proposal.parts["label"][0]
    for name in table.column_names:
        values = table[name]
        if name == taken or not (pa.types.is_string(values.type) or pa.types.is_integer(values.type)):
            continue
        distinct = pc.count_distinct(values).as_py()
        named = words(name) & NAMES or name.lower().endswith(ENDINGS)
        if distinct == table.num_rows > 1 and named and "id" not in proposal.parts:
            proposal.parts["id"] = (name, "another value in every row, and its name says so")
        elif (
            named
            and any(unit in name.lower() for unit in UNITS)
            and 1 < distinct < 0.95 * table.num_rows
            and distinct > MOST_SHOWN
        ):
            if "group" in proposal.parts:
                continue
            rows = table.num_rows / distinct
            proposal.parts["group"] = (name, f"{rows:.1f} rows each: they stay on one side of the split")
            proposal.split = ("group", f"rows of a '{name}' resemble each other")


def _dates(table: pa.Table, proposal: Proposal) -> None:
    """Which date rows are seen from, or when they happened."""
    taken = {name for name, _ in proposal.parts.values()}
    kind = KINDS[DATE]
    stamps = {}
    for name in table.column_names:
        if name not in taken and claiming(table[name]) is kind:
            stamps[name] = kind.numbers(kind.cast(table[name], Feature(name, DATE))[0])
    for name, days in stamps.items():
        others = [other for other in stamps if other != name]
        if others and all(_before(stamps[other], days) for other in others):
            proposal.parts["reference"] = (name, "all other dates lie before it")
            break
    else:
        moments = [name for name in stamps if words(name) & MOMENTS] if len(stamps) == 1 else []
        for name in moments:
            span = float(np.nanmax(stamps[name]) - np.nanmin(stamps[name]))
            if span >= FEWEST_DAYS and not np.isnan(stamps[name]).any() and "group" not in proposal.parts:
                proposal.parts["time"] = (name, f"{span:,.0f} days; models are judged on the latest")
                proposal.split = ("time", f"'{name}' says when a row happened")


def _before(days: np.ndarray, reference: np.ndarray) -> bool:
    known = ~np.isnan(days) & ~np.isnan(reference)
    return bool(known.any() and (days[known] <= reference[known]).mean() >= BEFORE)


def _leaks(table: pa.Table, proposal: Proposal) -> None:
    """Columns that tell the label all alone."""
    label = proposal.parts["label"][0]
    if "positive" not in proposal.parts:
        return
    positive = proposal.parts["positive"][0]
    rows = pc.is_valid(table[label])
    table = table.filter(rows)
    marked = np.array([text == positive for text in as_text(table[label]).to_pylist()])
    order = np.random.default_rng(0).permutation(len(marked))
    taken = {name for name, _ in proposal.parts.values()}
    for name in table.column_names:
        kind = claiming(table[name])
        if name in taken or kind is None or kind.nested:
            continue
        feature = kind.infer(name, table[name], declared=False)
        if not isinstance(feature, Feature):
            continue
        typed, problems = kind.cast(table[name], feature)
        area = kind.tells(typed.take(pa.array(order)), marked[order])
        if area >= SUSPICIOUS_ROC_AUC:
            proposal.ignored[name] = f"it tells '{label}' all alone: written down afterwards?"
        elif area >= (HINTED_ROC_AUC if words(name) & AFTERWARDS else REMARKABLE_ROC_AUC):
            proposal.doubts.append(f"'{name}' alone tells much of '{label}': is it known beforehand?")
        proposal.doubts += [str(problem) for problem in problems]


def written_down(proposal: Proposal, source: Path, notes: list[str]) -> str:
    """The proposal as TOML, each line with its reason.

    Args:
        proposal: What the table seems to be.
        source: Its file, as it is to be written.
        notes: How it was read.
    """

    def line(key: str, value: object, why: str) -> str:
        return f"{key} = {json.dumps(value, ensure_ascii=False)}".ljust(38) + f"  # {why}"

    lines = [
        f"# Guessed from {source.name}: see that each line is so. All keys: `solutionkit check --schema`."
    ]
    lines += [f"# {note}" for note in notes]
    if proposal.regression:
        label = proposal.parts["label"][0]
        lines += ["", "[project]", line("task", "regression", f"'{label}' is a number")]
    lines += ["", "[data]", line("path", address(source), "absolute, or relative to this file")]
    lines += [line(key, value, "as declared before") for key, value in proposal.stated.items()]
    lines += [line("split", *proposal.split), "eval_fraction = 0.2", "", "[columns]"]
    lines += [line(part, value, why) for part, (value, why) in proposal.parts.items()]
    if proposal.ignored:
        lines.append("ignore = [")
        lines += [
            f"  {json.dumps(name, ensure_ascii=False)},".ljust(38) + f"  # {why}"
            for name, why in proposal.ignored.items()
        ]
        lines.append("]")
    lines += [f"# {doubt}" for doubt in proposal.doubts]
    if not proposal.regression:
        lines += [
            "",
            "# What decisions are worth, in money, only you can say; without it nothing is told in money:",
            "# [business]",
            '# currency = "EUR"',
            "# true_positive = 60",
            "# false_positive = -15",
        ]
    return "\n".join(lines) + "\n"

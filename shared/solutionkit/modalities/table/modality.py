"""Rows of a table: CSV or Parquet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from solutionkit.declaration import READER, Declaration
from solutionkit.errors import DataError, Problem
from solutionkit.examples.cast import cast
from solutionkit.examples.columns import TableSpec
from solutionkit.examples.leakage import leakage_notes, leakage_problems
from solutionkit.examples.reading import data_files, read
from solutionkit.kinds import CATEGORICAL, DATE, NUMERIC
from solutionkit.kinds.date import DAYS
from solutionkit.modalities.base import Modality
from solutionkit.modalities.damaging import Damaging
from solutionkit.modalities.rows import Dataset, Description, ScoringRows
from solutionkit.modalities.table.copies import copies, copies_on_both_sides
from solutionkit.modalities.table.describing import describe
from solutionkit.modalities.table.given import read_given

if TYPE_CHECKING:
    from solutionkit.examples.audit import AuditedTable
    from solutionkit.use_case import Project


KINDS_TOLD = (NUMERIC, DATE, CATEGORICAL)


@dataclass(frozen=True)
class Table(Modality):
    """Rows that stand for themselves."""

    preprocessing: str = "solutionkit.transform.tabular:preprocessing_fn"
    baseline: str = "solutionkit.models.gradient_boosting:train"
    deep: str = "solutionkit.models.tabular_network:train"
    simple: str | None = "solutionkit.models.additive:train"
    explanation: str = "solutionkit.explain.tables:explain_tables"
    proposal: str = "solutionkit.modalities.table.proposal:proposed"

    def declaration_problems(self, declaration: Declaration) -> list[Problem]:
        """Keys of other modalities, and of other tasks."""
        columns = declaration.columns
        return unread(
            {
                "columns.text": columns.text,
                "columns.image": columns.image,
                "columns.mask": columns.mask,
                "data.labels": declaration.data.labels,
                f"beam.{READER}": declaration.beam.get(READER) and not declaration.history,
                "training.backbone": declaration.training.backbone,
                "training.encoder": declaration.training.encoder,
                "[history]": declaration.history,
                "[forecast]": declaration.forecast,
                "columns.series": columns.series,
            }
        )

    def read(self, declaration: Declaration) -> Dataset:
        """One file, a folder of files, or files of training and evaluation rows."""
        given = read_given(declaration)
        read, source = given.read, given.source
        found, notes = copies(read.table, declaration)
        return Dataset(
            read.table,
            source,
            given.splits,
            copies=found,
            notes=(*read.notes, *notes),
            problems=read.problems,
            dialect=read.dialect,
        )

    def after_split(
        self, splits: np.ndarray, data: Dataset, marked: np.ndarray, declaration: Declaration
    ) -> list[str]:
        """A note where a given split parts copies."""
        del marked, declaration
        return copies_on_both_sides(data.copies, splits)

    def describe(self, data: Dataset, training_rows: pa.Table, project: Project) -> Description:
        """By the curated schema if it fits, else inferred."""
        return describe(data, training_rows, project)

    def leakage_problems(
        self, table: pa.Table, marked: np.ndarray, spec: TableSpec, trusted: list[str]
    ) -> list[Problem]:
        """Each column by itself."""
        return leakage_problems(table, marked, spec, trusted)

    def leakage_notes(
        self, table: pa.Table, marked: np.ndarray, spec: TableSpec, trusted: list[str]
    ) -> list[str]:
        """Each column by itself."""
        return leakage_notes(table, marked, spec, trusted)

    def files(self, declaration: Declaration) -> tuple[list[Path], list[str] | None]:
        """The table's files."""
        data = declaration.data
        sources = [data.path] if data.path else [data.train, data.eval]
        return [file for source in sources if source for file in data_files(source)], None

    def read_new(self, source: Path, spec: TableSpec, known: Any = None) -> ScoringRows:
        """A file, or a folder of files."""
        raw = read(source, spec.dialect).whole(str(source), spec.read)
        return self.take_new(raw, str(source), spec, known)

    def take_new(self, raw: pa.Table, source: str, spec: TableSpec, known: Any = None) -> ScoringRows:
        """Rows that are in memory."""
        del known
        table, problems = cast(raw, spec, labelled=False)
        if problems:
            raise DataError(source, problems)
        return ScoringRows(table, spec)

    def lines(self, audited: AuditedTable) -> list[str]:
        """The features by kind, missing cells, and what is left out."""
        spec = audited.spec
        lines = [f"columns  {audited.schema_origin}"]
        lines += [
            f"         {len(spec.of(kind))} {kind}: {', '.join(f.name for f in spec.of(kind)) or 'none'}"
            for kind in KINDS_TOLD
            if spec.of(kind) or kind != DATE
        ]
        lines += [f"         {note}" for note in undated(spec)]
        missing = {feature.name: audited.table[feature.name].null_count for feature in spec.features}
        if any(missing.values()):
            cells = ", ".join(f"{name} {count:,}" for name, count in missing.items() if count)
            lines.append(f"         missing cells: {cells}")
        lines += [
            f"         ignored, {reason}: {', '.join(names)}" for reason, names in by_reason(spec.ignored)
        ]
        if audited.inferred:
            lines.append("         freeze them with: solutionkit check --freeze")
        return lines

    def facts(self, audited: AuditedTable) -> list[tuple[str, str]]:
        """The features by kind."""
        spec = audited.spec
        listed = [
            f"{len(spec.of(kind))} {kind} ({', '.join(f.name for f in spec.of(kind)) or 'none'})"
            for kind in KINDS_TOLD
            if spec.of(kind) or kind != DATE
        ]
        return [("Columns", f"{audited.schema_origin}: {', '.join(listed)}")]

    def explain_rows(self, model: Any, rows: ScoringRows, output: Path | None) -> str:
        """Contributions of columns."""
        from solutionkit.explain.rows import explain_columns

        return explain_columns(model, rows, output)

    def damaged(self, project: Project) -> dict[str, Path]:
        """Copies of the sample's CSV."""
        copies = Damaging(project)
        save, replaced, table = copies.save, copies.replaced, copies.table
        label = project.declaration.columns.label
        wanted = [*project.use_case.drivers, project.declaration.columns.card, label]
        driver = next(name for name in wanted if name in table.column_names)
        numeric = next(name for name in table.column_names if pa.types.is_floating(table[name].type))
        words = [str(value) for value in table[numeric].to_pylist()]
        flooded = [value if row % 10 == 0 else None for row, value in enumerate(table[numeric].to_pylist())]
        return {
            "missing column": save("missing_column", table.drop_columns([driver])),
            "text in a numeric column": save("text_in_numeric", replaced(numeric, ["abc", *words[1:]])),
            "empty file": save("empty", b""),
            "one class only": save("one_class", replaced(label, [table[label][0].as_py()] * table.num_rows)),
            "bytes of no encoding": save("encoding", copies.in_no_encoding()),
            "a flood of missing values": save("flooded", replaced(numeric, flooded)),
            "a doubled header": save("doubled", copies.text.replace(",", f",{numeric},", 1).encode()),
        }


def unread(given: dict[str, object]) -> list[Problem]:
    """A problem for each key that is set and not read."""
    return [
        Problem("unread_key", f"{key} is not read by this use case", "remove it")
        for key, value in given.items()
        if value
    ]


def undated(spec: TableSpec) -> list[str]:
    """A note where dates are not seen from a date of their row."""
    alone = [
        f"'{feature.name}'" for feature in spec.of(DATE) if DAYS in feature.domain and not feature.reference
    ]
    if not alone:
        return []
    return [
        f"{', '.join(alone)} {'counts' if len(alone) == 1 else 'count'} from 1970; with columns.reference,"
        " e.g. the date of the snapshot, the days before it"
    ]


def by_reason(ignored: dict[str, str]) -> list[tuple[str, list[str]]]:
    """Columns left out, by why."""
    columns: dict[str, list[str]] = {}
    for name, reason in ignored.items():
        columns.setdefault(reason, []).append(name)
    return list(columns.items())

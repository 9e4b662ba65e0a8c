"""Rows whose texts are read: tickets, mails, reviews."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import as_text, nested_problems, take_rows
from solutionkit.declaration import READER, Declaration
from solutionkit.declaration_parts import span
from solutionkit.errors import Problem, suggestion
from solutionkit.examples.reading import read_table
from solutionkit.kinds import TEXT, Feature
from solutionkit.modalities.damaging import Damaging
from solutionkit.modalities.rows import Dataset, Description, ScoringRows
from solutionkit.modalities.table.given import read_given
from solutionkit.modalities.table.modality import Table, unread
from solutionkit.modalities.text.alike import alike_texts, joined, languages, length_groups
from solutionkit.modalities.text.giveaways import giveaway_notes
from solutionkit.modalities.text.label_issues import MOST_ROWS, SHOWN, personal_notes, suspicious
from solutionkit.modalities.text.left_over import left_over_notes
from solutionkit.modalities.text.topics import topic_notes
from solutionkit.tasks.classification.task import Classification

if TYPE_CHECKING:
    from solutionkit.compare.evaluation import Circumstances
    from solutionkit.examples.audit import AuditedTable
    from solutionkit.examples.columns import TableSpec
    from solutionkit.tasks.base import Task
    from solutionkit.use_case import Project

# Columns that say how long a row's texts are, and in which language, for slices.
LENGTH, LANGUAGE = "text_length", "text_language"
# The column of what copies of a text share.
ALIKE = "text_alike"
# Of the rows, as many may have no text in a column; a subject is often left out.
FEWEST_FILLED = 0.01
# Of the sample's texts, in so many a key word must be found.
FOUND_SHARE = 0.9


@dataclass(frozen=True)
class Texts(Table):
    """Rows of a table of which texts are read."""

    preprocessing: str = "solutionkit.transform.text:preprocessing_fn"
    baseline: str = "solutionkit.models.text.linear:train"
    deep: str = "solutionkit.models.text.network:train"
    simple: str | None = "solutionkit.models.text.bayes:train"
    explanation: str = "solutionkit.explain.texts:explain_texts"

    # -- the data

    def declaration_problems(self, declaration: Declaration) -> list[Problem]:
        """Keys of other modalities; the text columns, which must be there."""
        columns = declaration.columns
        problems = unread(
            {
                "columns.image": columns.image,
                "columns.mask": columns.mask,
                "columns.numeric": columns.numeric,
                "columns.categorical": columns.categorical,
                "columns.card": columns.card,
                "columns.merchant": columns.merchant,
                "columns.amount": columns.amount,
                "columns.series": columns.series,
                "data.labels": declaration.data.labels,
                "data.schema": declaration.data.schema_,
                "data.label_delay": span(declaration.data.label_delay),
                "training.backbone": declaration.training.backbone,
                f"beam.{READER}": declaration.beam.get(READER),
                "training.devices": declaration.training.devices == "all",
                "[history]": declaration.history,
                "[forecast]": declaration.forecast,
            }
        )
        for name in set(columns.text) & set(declaration.slices.columns):
            message = f"slices.columns names '{name}', which is a text; no two rows share one"
            problems.append(Problem("text_slice", message, "slice by another column", name))
        encoder = declaration.training.encoder or ""
        if "/" in encoder and "://" not in encoder and not Path(encoder).is_dir():
            message = f"training.encoder: {encoder}: no such folder"
            problems.append(Problem("missing_file", message, "name a KerasHub preset's folder, or its name"))
        if not columns.text:
            message = 'columns.text is missing: the columns that are read, e.g. ["subject", "body"]'
            problems.append(Problem("missing_key", message))
        return problems

    def task_problems(self, task: Task, declaration: Declaration) -> list[Problem]:
        """Texts are told by class."""
        del declaration
        if isinstance(task, Classification):
            return []
        return [
            Problem("unknown_task", f"texts are told by class, not by {task.name}", "remove project.task")
        ]

    def read(self, declaration: Declaration) -> Dataset:
        """As tables; rows whose texts differ in nothing but numbers and spaces are copies of each other."""
        given = read_given(declaration)
        table, source, read = given.read.table, given.source, given.read
        data = Dataset(
            table, source, given.splits, notes=read.notes, problems=read.problems, dialect=read.dialect
        )
        names = table.column_names
        problems = [
            Problem(
                "missing_column",
                f"the column '{name}' (columns.text) is missing{suggestion(name, names)}",
                column=name,
            )
            for name in declaration.columns.text
            if name not in names
        ]
        problems += nested_problems(table, declaration.columns.text)
        if ALIKE in names:
            message = f"a column cannot be called '{ALIKE}': one of that name is made of the texts"
            problems.append(Problem("reserved_name", message, "rename it in the data", ALIKE))
        if problems:
            # What would be made of the texts is not missing, too.
            for name in (LENGTH, LANGUAGE, ALIKE):
                if name not in table.column_names:
                    table = table.append_column(name, pa.nulls(table.num_rows, pa.string()))
            return dataclasses.replace(data, table=table, problems=(*data.problems, *problems))
        found, notes = alike_texts(table, declaration.columns.text)
        alone = [str(row) for row in range(table.num_rows)]
        table = table.append_column(ALIKE, pa.array(found or alone, pa.string()))
        return dataclasses.replace(data, table=table, copies=found, notes=(*data.notes, *notes))

    def with_computed(self, data: Dataset, declaration: Declaration) -> Dataset:
        """With how long each row's texts are, and in which language, where results are sliced by that."""
        table, texts = data.table, declaration.columns.text
        for name, made in ((LENGTH, length_groups), (LANGUAGE, languages)):
            wanted = name in declaration.slices.columns or name == LENGTH
            if wanted and name not in table.column_names:
                table = table.append_column(name, made(data.table, texts))
        return dataclasses.replace(data, table=table)

    def made_columns(self) -> frozenset[str]:
        """How long texts are, in which language, and which are copies."""
        return frozenset((LENGTH, LANGUAGE, ALIKE))

    def metadata_columns(self, declaration: Declaration) -> list[str]:
        """The group, else what copies share, because units are drawn whole."""
        return super().metadata_columns(declaration) or [ALIKE]

    def circumstances(
        self, columns: dict[str, np.ndarray], validation: dict[str, np.ndarray], declaration: Declaration
    ) -> Circumstances:
        """Copies are units where rows belong to no group."""
        from solutionkit.compare.evaluation import Circumstances, few_shared, unit_codes

        if declaration.columns.group:
            return super().circumstances(columns, validation, declaration)
        codes = unit_codes(columns[ALIKE])
        if codes is None or few_shared(codes):
            return Circumstances()
        return Circumstances(codes, unit_codes(validation[ALIKE]), unit="distinct text")

    def describe(self, data: Dataset, training_rows: pa.Table, project: Project) -> Description:
        """The texts, and that nothing else is read."""
        declaration = project.declaration
        columns, steps = declaration.columns, (*declaration.text.clean, *declaration.text.mask)
        problems = [
            Problem("empty_column", f"the text column '{name}' is empty in all rows", "remove it", name)
            for name in columns.text
            if name in training_rows.column_names and training_rows[name].null_count == training_rows.num_rows
        ]
        features = tuple(Feature(name, TEXT, steps, min_fraction=FEWEST_FILLED) for name in columns.text)
        spoken_for = columns.not_features | {*columns.text, *declaration.slices.columns, *self.made_columns()}
        ignored = {
            name: "beside the texts, which are all that the models read"
            for name in data.table.column_names
            if name not in spoken_for
        }
        return Description(features, ignored, "the texts of columns.text", problems=tuple(problems))

    def leakage_problems(
        self, table: pa.Table, marked: np.ndarray, spec: TableSpec, trusted: list[str]
    ) -> list[Problem]:
        """None that a column as a whole could show."""
        del table, marked, spec, trusted
        return []

    def leakage_notes(
        self, table: pa.Table, marked: np.ndarray, spec: TableSpec, trusted: list[str]
    ) -> list[str]:
        """None that a column as a whole could show."""
        del table, marked, spec, trusted
        return []

    def label_notes(
        self, table: pa.Table, labels: np.ndarray, spec: TableSpec, declaration: Declaration
    ) -> list[str]:
        """Texts that read like another class; personal data where it is not looked for."""
        columns, seed = declaration.columns, declaration.training.seed
        names = [str(spec.task.told(place)) for place in range(int(labels.max(initial=0)) + 1)]
        notes = [
            *personal_notes(
                table, [columns.id, columns.group, *columns.further_labels, *declaration.slices.columns]
            ),
            *left_over_notes(table, columns.text, spec.features[0].domain, seed),
            *giveaway_notes(table, columns.text, labels, names, seed),
        ]
        rows, read_like = suspicious(table, columns.text, labels, seed)
        if not len(rows):
            return notes
        which = "name columns.id to see which"
        if columns.id in table.column_names:
            named = take_rows(table, rows[:SHOWN])[columns.id].to_pylist()
            told = [
                f"{name} ({spec.task.told(labels[row])}, reads like {spec.task.told(other)})"
                for name, row, other in zip(named, rows, read_like, strict=False)
            ]
            which = f"most clearly {', '.join(told)}"
        looked_at = min(len(labels), MOST_ROWS)
        return [
            *notes,
            f"{len(rows):,} of {looked_at:,} labels looked at may be wrong: their texts read like another"
            f" class's; {which}",
        ]

    def change_notes(
        self, table: pa.Table, splits: np.ndarray, spec: TableSpec, declaration: Declaration
    ) -> list[str]:
        """Topics that are new."""
        columns = [feature.name for feature in spec.features]
        return topic_notes(table, columns, splits, declaration.training.seed)

    def vectors(self, rows: ScoringRows) -> Any:
        """Words and pairs of words, hashed."""
        from sklearn.feature_extraction.text import HashingVectorizer

        names = [feature.name for feature in rows.spec.features]
        hashing = HashingVectorizer(n_features=2**16, ngram_range=(1, 2), token_pattern=r"\w+")
        return hashing.transform(joined(rows.table, names).to_pylist())

    # -- judging and telling

    def lines(self, audited: AuditedTable) -> list[str]:
        """What is read, and what is taken out of it."""
        spec = audited.spec
        lines = [f"{term.lower():<8} {text}" for term, text in self.facts(audited)]
        missing = {feature.name: audited.table[feature.name].null_count for feature in spec.features}
        if any(missing.values()):
            cells = ", ".join(f"{name} {count:,}" for name, count in missing.items() if count)
            lines.append(f"         rows without: {cells}")
        ignored = ", ".join(spec.ignored)
        return [*lines, *([f"         not read: {ignored}"] if ignored else [])]

    def facts(self, audited: AuditedTable) -> list[tuple[str, str]]:
        """What is read, and what is taken out of it."""
        spec = audited.spec
        sizes = [pc.fill_null(pc.utf8_length(audited.table[feature.name]), 0) for feature in spec.features]
        total = np.sum([size.to_numpy() for size in sizes], axis=0)
        named = ", ".join(feature.name for feature in spec.features)
        steps = ", ".join(spec.features[0].domain)
        return [
            ("Texts", f"{named}; {np.median(total):,.0f} characters in the middle, {total.max():,} at most"),
            ("Cleaned", f"of {steps}" if steps else "of nothing but control characters"),
        ]

    def explain_rows(self, model: Any, rows: ScoringRows, output: Path | None) -> str:
        """What each word speaks for."""
        from solutionkit.explain.texts import explain_new

        return explain_new(model, rows, output)

    def explained(self, model: Any, rows: ScoringRows) -> pa.Table:
        """What each word speaks for, a row a word."""
        from solutionkit.explain.texts import explained_table

        return explained_table(model, rows)

    def no_reasons(self, spec: TableSpec) -> str | None:
        """Words speak for any class."""
        del spec
        return None

    def reasons(self, model: Any, rows: ScoringRows, flagged: np.ndarray | None, most: int) -> pa.Array:
        """The words that speak most for where a text belongs; of two classes, for flagging it."""
        from solutionkit.explain.texts import text_reasons

        if not rows.spec.task.has_alerts:
            return pa.array(text_reasons(model, rows, most), pa.string())
        told = np.full(rows.table.num_rows, "", object)
        if flagged is not None and flagged.any():
            some = dataclasses.replace(rows, table=take_rows(rows.table, flagged))
            told[flagged] = text_reasons(model, some, most)
        return pa.array(told, pa.string())

    # -- samples

    def smallest(self, declaration: Declaration) -> int:
        """Enough of each class's words."""
        del declaration
        return 2000

    def explanation_fault(self, explained: dict[str, Any], project: Project) -> str | None:
        """The sample's key words are among the three strongest parts of nearly all texts that have one."""
        texts = {
            str(row[project.declaration.columns.id or ""]): " ".join(
                str(row[name] or "") for name in project.declaration.columns.text
            ).lower()
            for row in read_table(project.sample_path).to_pylist()
        }
        drivers = set(project.use_case.drivers)
        hits = []
        for item in explained["top"]:
            if drivers & set(re.findall(r"\w+", texts[item["id"]])):
                hits.append(bool(drivers & set(re.findall(r"\w+", " ".join(item["words"]).lower()))))
        share = sum(hits) / max(len(hits), 1)
        if share < FOUND_SHARE:
            return f"key words are among the three strongest of {share:.0%} of texts"
        return None

    def damaged(self, project: Project) -> dict[str, Path]:
        """Copies of the sample's CSV."""
        copies = Damaging(project)
        save, replaced, table = copies.save, copies.replaced, copies.table
        columns = project.declaration.columns
        label, text = columns.label, columns.text[-1]
        first = as_text(pa.chunked_array(table[label])).to_pylist()
        return {
            "missing column": save("missing_column", table.drop_columns([text])),
            "empty file": save("empty", b""),
            "one class only": save("one_class", replaced(label, [first[0]] * table.num_rows)),
            "rows without a label": save("no_label", replaced(label, [None, *first[1:]])),
            "no text at all": save("no_text", replaced(text, [None] * table.num_rows)),
            "bytes of no encoding": save("encoding", copies.in_no_encoding()),
            "a doubled header": save("doubled", copies.text.replace(",", f",{text},", 1).encode()),
        }

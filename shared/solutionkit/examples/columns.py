"""Which column is what: the declaration, the schema and the data brought together.

The outcome is a `TableSpec`, the one description of a table that the encoder, Transform, both
models, the comparison and the explanations share.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from solutionkit.declaration import Columns
from solutionkit.errors import UserError
from solutionkit.examples.dialect import UNKNOWN, Dialect
from solutionkit.kinds import KINDS, Feature, Files, Kind, claiming, kind_of
from solutionkit.tasks.base import Task, task_from_json

if TYPE_CHECKING:
    from solutionkit.compare.decision import Decision

# The signatures of exported models.
DEFAULT_SIGNATURE, RAW_SIGNATURE = "serving_default", "serving_raw"
# Where TFX's Trainer leaves the SavedModel.
SERVING_FOLDER = "Format-Serving"
# Where an exported model keeps its specification.
SPEC_FILE = "assets.extra/table_spec.json"
# Where the selected one keeps the threshold at which rows are flagged.
DECISION_FILE = "assets.extra/decision.json"
# Its keys for what the comparison found out and new rows need, and for decisions of further labels.
KEPT, FURTHER = "kept", "further"
# What a signature's input may be called; `self` is taken.
PLAIN_NAME = re.compile(r"(?!self$)[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class TableSpec:
    """What the columns of a table are.

    Attributes:
        task: What is predicted.
        features: The columns that the models read, in order.
        id: A column that names a row, carried along but never read by a model.
        carried: Further columns carried along for slices.
        ignored: Columns left out, with the reason.
        metadata_files: What would be features, but no model reads them, e.g. masks; their cells name files.
        computed_by: What decides the computed columns, as text; empty where there are none.
        further: What is predicted beside the task, a label each; their columns are among the carried ones.
        dialect: How the files were written that it is known from (`examples.dialect.Dialect`).
    """

    task: Task
    features: tuple[Feature, ...]
    id: str | None = None
    carried: tuple[str, ...] = ()
    ignored: dict[str, str] = dataclasses.field(default_factory=dict)
    metadata_files: tuple[Feature, ...] = ()
    computed_by: str = ""
    further: tuple[Task, ...] = ()
    dialect: Dialect = UNKNOWN

    @property
    def outputs(self) -> dict[str, str]:
        """What the exported model's answers are called, by label; the task's comes first."""
        named = {self.label: self.task.output}
        for task in self.further:
            stem = re.sub(r"[^A-Za-z0-9_]+", "_", task.label).strip("_") or "label"
            name, number = f"{task.output}_{stem}", 2
            while name in named.values():
                name, number = f"{task.output}_{stem}_{number}", number + 1
            named[task.label] = name
        return named

    def told(
        self, answers: dict[str, np.ndarray], decisions: Mapping[str, Decision] = MappingProxyType({})
    ) -> dict[str, pa.Array]:
        """What is told of further labels.

        Args:
            answers: `(rows, outputs)` by label.
            decisions: When a row is flagged, by label, as far as that is known.
        """
        told: dict[str, pa.Array] = {}
        for task in self.further:
            # A server may have a version that knew less.
            if task.label in answers:
                told |= task.brief(answers[task.label], decisions.get(task.label))
        return told

    def of_further(self, task: Task) -> TableSpec:
        """What models of a further label read and predict."""
        return dataclasses.replace(self, task=task, further=())

    @property
    def read(self) -> set[str]:
        """Columns of new rows that are looked at."""
        return {*self.model_columns, *self.metadata_columns}

    @property
    def label(self) -> str:
        """The label column."""
        return self.task.label

    def of(self, kind: str) -> list[Feature]:
        """The features of a kind, in order."""
        return [feature for feature in self.features if feature.kind == kind]

    def only(self, kind: str) -> Feature:
        """The one feature of a kind of which there is one."""
        (feature,) = self.of(kind)
        return feature

    def is_text(self, name: str) -> bool:
        """Whether a column of the tf.Examples is a text, so that rows can be sliced by its values."""
        feature = next((item for item in self.features if item.name == name), None)
        return name in self.carried if feature is None else kind_of(feature).is_text

    @property
    def kinds(self) -> list[Kind]:
        """The kinds that occur, in the order in which models see them."""
        return [kind for kind in KINDS.values() if self.of(kind.name)]

    @property
    def rows_scored(self) -> int:
        """Rows that a model scores at once."""
        return min((kind.rows_scored for kind in self.kinds), default=Kind.rows_scored)

    @property
    def rows_transformed(self) -> int:
        """Rows that are transformed at once."""
        return min((kind.rows_transformed for kind in self.kinds), default=Kind.rows_transformed)

    @property
    def files(self) -> list[Feature]:
        """Columns whose cells name files, which stand in the tf.Examples."""
        return [feature for feature in self.features if isinstance(kind_of(feature), Files)] + [
            *self.metadata_files
        ]

    @property
    def model_columns(self) -> list[str]:
        """Feature names in the order in which models see them (`ordered`)."""
        return [feature.name for feature in self.ordered]

    @property
    def ordered(self) -> list[Feature]:
        """The features as models see them: kind by kind."""
        return [feature for kind in self.kinds for feature in self.of(kind.name)]

    @property
    def input_names(self) -> dict[str, str]:
        """For each feature the name of its tensor in `serving_raw`.

        It is the column's name where TensorFlow allows that: letters, digits and _, a letter first.
        Other names get _ for every other character, and a number where two would be the same.
        """
        names: dict[str, str] = {}
        plain = {name for name in self.model_columns if PLAIN_NAME.fullmatch(name)}
        for name in self.model_columns:
            stem = alias = (
                name if name in plain else "column_" + re.sub(r"[^A-Za-z0-9_]", "_", name).strip("_")
            )
            number = 2
            while alias != name and alias in {*names.values(), *plain}:
                alias, number = f"{stem}_{number}", number + 1
            names[name] = alias
        return names

    @property
    def metadata_columns(self) -> list[str]:
        """Columns that are in the tf.Examples but not read by a model."""
        return [*([self.id] if self.id else []), *self.carried, *(f.name for f in self.metadata_files)]

    def to_json(self) -> str:
        """The specification as JSON, for a component's execution properties."""
        fields = dataclasses.asdict(self)
        fields |= {"task": self.task.to_json(), "further": [task.to_json() for task in self.further]}
        return json.dumps(fields, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> TableSpec:
        """The specification that `to_json` wrote."""
        raw = json.loads(text)
        read = {
            "task": task_from_json(raw["task"]),
            "features": tuple(map(_feature, raw["features"])),
            "metadata_files": tuple(map(_feature, raw["metadata_files"])),
            "carried": tuple(raw["carried"]),
            "further": tuple(map(task_from_json, raw.get("further", []))),
            "dialect": _dialect(raw.get("dialect", {})),
        }
        return cls(**{**raw, **read})


def _dialect(item: dict[str, Any]) -> Dialect:
    return Dialect(**{**item, **{name: tuple(item.get(name, ())) for name in ("missing", "names", "dates")}})


def _feature(item: dict[str, Any]) -> Feature:
    return Feature(**{**item, "domain": tuple(item["domain"]), "shape": tuple(item["shape"])})


def load_spec(model: Path) -> TableSpec:
    """The specification that an exported model carries.

    Raises:
        UserError: There is none, or not one of this version.
    """
    file = model / SPEC_FILE
    try:
        spec = TableSpec.from_json(file.read_text("utf-8"))
        if not {feature.kind for feature in spec.features} <= KINDS.keys():
            raise ValueError
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise UserError(
            f"{file}: not the specification of a model ({type(error).__name__}); delete the folder"
            f" {model} and run the pipeline again: solutionkit run."
        ) from None
    return spec


def infer_features(table: pa.Table, columns: Columns) -> tuple[list[Feature], dict[str, str]]:
    """Features of a table without a curated schema, and the columns left out with the reason.

    Declared columns keep their kind, others get the first kind that claims them. Constant columns, empty
    columns and text columns with a different value in nearly every row are left out.
    """
    features: list[Feature] = []
    ignored: dict[str, str] = dict.fromkeys(columns.ignore, "declared under columns.ignore")
    declared = columns.kinds
    for name in table.column_names:
        if name in columns.not_features:
            continue
        values = table[name]
        kind = claiming(values)
        if kind is None:
            ignored[name] = f"holds {values.type}, neither numbers nor text"
            continue
        kind = KINDS[declared[name]] if name in declared else kind
        inferred = kind.infer(name, values, declared=name in declared)
        if isinstance(inferred, Feature):
            features.append(kind.seen_from(inferred, columns.reference))
        else:
            ignored[name] = inferred
    return features, ignored

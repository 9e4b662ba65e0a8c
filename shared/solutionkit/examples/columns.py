"""Which column is what: the declaration, the schema and the data brought together.

The outcome is a `TableSpec`, the one description of a table that the encoder, Transform, both
models, the comparison and the explanations share.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.declaration import Columns
from solutionkit.errors import UserError

Kind = Literal["numeric", "categorical", "sequence", "image"]
# Where an exported model keeps its specification.
SPEC_FILE = "assets.extra/table_spec.json"
# Where the selected one keeps the threshold at which rows are flagged.
DECISION_FILE = "assets.extra/decision.json"
# What a signature's input may be called; `self` is taken.
PLAIN_NAME = re.compile(r"(?!self$)[A-Za-z][A-Za-z0-9_]*")

# A text column is taken for numbers when this share of its cells parse; the others are errors.
MOSTLY_NUMERIC = 0.9
# More distinct values than this and the rarest share one "unseen" id.
LARGEST_DOMAIN = 1000
# Of an inferred domain, the share of its training cells that other rows must reach.
LEAST_KNOWN = 0.95
LARGEST_WHOLE = 2.0**53
LONGEST_SHOWN = 60
# Cells of a numeric column that mean "not known".
MISSING_NUMBERS = ["NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "-", "?"]


@dataclass(frozen=True)
class Feature:
    """One column that a model reads.

    Attributes:
        name: The column.
        kind: How it is read.
        domain: The known values of a categorical column; position + 2 is a value's id.
        min_domain_mass: The least share of non-missing values that must be in the domain.
        min_fraction: The least share of rows that must have a value.
        shape: Height, width and channels to which an image is brought; steps and channels of a sequence.
        bits: Of an image's samples, 8 or 16.
        white: The largest value that an image's samples take; cameras of 12 bits fill a part of 16.
        group: Features that tell of the same thing; explanations add them up. By itself where empty.
        text: What a value means, for reason codes; `{value}` is the value.
        computed: Whether it is computed of the rows before, rather than a column of the data.
    """

    name: str
    kind: Kind
    domain: tuple[str, ...] = ()
    min_domain_mass: float = 0.95
    min_fraction: float = 0.5
    shape: tuple[int, ...] = ()
    bits: int = 8
    white: int = 255
    group: str = ""
    text: str = ""
    computed: bool = False

    @property
    def cardinality(self) -> int:
        """Number of ids: missing, unseen, and one a known value."""
        return len(self.domain) + 2


@dataclass(frozen=True)
class TableSpec:
    """What the columns of a table are.

    Attributes:
        label: The label column.
        classes: The label's values; the position is the class id. Of two, the second is the positive one.
        features: The columns that the models read, in order.
        id: A column that names a row, carried along but never read by a model.
        carried: Further columns carried along for slices.
        ignored: Columns left out, with the reason.
        detects: Whether the first class means that nothing was found, so that the others are positive.
        mask: A column that shows where in an image the label's reason is.
        history: What decides the computed columns (`history.history_facts`), if there are such.
    """

    label: str
    classes: tuple[str, ...]
    features: tuple[Feature, ...]
    id: str | None = None
    carried: tuple[str, ...] = ()
    ignored: dict[str, str] = dataclasses.field(default_factory=dict)
    detects: bool = True
    mask: str | None = None
    history: str = ""

    @property
    def outputs(self) -> int:
        """Probabilities a row: the positive class's of two classes, else one a class."""
        return 1 if len(self.classes) == 2 else len(self.classes)

    @property
    def positive_name(self) -> str | None:
        """What a flagged row is said to be; nothing, where no class means that nothing was found."""
        if not self.detects:
            return None
        return self.classes[1] if len(self.classes) == 2 else f"not {self.classes[0]}"

    @property
    def image(self) -> Feature | None:
        """The image, where rows are images."""
        return next((feature for feature in self.features if feature.kind == "image"), None)

    @property
    def sequence(self) -> Feature | None:
        """The sequence, where rows have one."""
        return next((feature for feature in self.features if feature.kind == "sequence"), None)

    @property
    def numeric(self) -> list[Feature]:
        """The numeric features, in order."""
        return [feature for feature in self.features if feature.kind == "numeric"]

    @property
    def categorical(self) -> list[Feature]:
        """The categorical features, in order."""
        return [feature for feature in self.features if feature.kind == "categorical"]

    @property
    def model_columns(self) -> list[str]:
        """Feature names in the order in which models see them (`ordered`)."""
        return [feature.name for feature in self.ordered]

    @property
    def ordered(self) -> list[Feature]:
        """The features as models see them: numeric, categorical, the sequence, the image."""
        single = [feature for feature in (self.sequence, self.image) if feature]
        return [*self.numeric, *self.categorical, *single]

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
    def passengers(self) -> list[str]:
        """Columns that are in the tf.Examples but not read by a model."""
        return [*([self.id] if self.id else []), *self.carried, *([self.mask] if self.mask else [])]

    def to_json(self) -> str:
        """The specification as JSON, for a component's execution properties."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> TableSpec:
        """The specification that `to_json` wrote."""
        raw = json.loads(text)
        features = tuple(
            Feature(**{**item, "domain": tuple(item["domain"]), "shape": tuple(item.get("shape", ()))})
            for item in raw["features"]
        )
        return cls(
            **{
                **raw,
                "features": features,
                "classes": tuple(raw["classes"]),
                "carried": tuple(raw["carried"]),
            }
        )


def load_spec(model: Path) -> TableSpec:
    """The specification that an exported model carries.

    Raises:
        UserError: There is none, or not one of this version.
    """
    file = model / SPEC_FILE
    try:
        spec = TableSpec.from_json(file.read_text("utf-8"))
        if not {feature.kind for feature in spec.features} <= set(get_args(Kind)):
            raise ValueError
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{file}: not the specification of a model ({type(error).__name__}); delete the folder"
            f" {model} and run the pipeline again: solutionkit run."
        ) from None
    return spec


def infer_features(table: pa.Table, columns: Columns) -> tuple[list[Feature], dict[str, str]]:
    """Features of a table without a curated schema, and the columns left out with the reason.

    Declared columns keep their kind; the others are numeric if (nearly) all their cells are
    numbers and categorical otherwise. Constant columns, empty columns and text columns with a
    different value in nearly every row are left out.
    """
    features: list[Feature] = []
    ignored: dict[str, str] = dict.fromkeys(columns.ignore, "declared under columns.ignore")
    for name in table.column_names:
        if name in columns.not_features:
            continue
        values = table[name]
        if (shape := sequence_shape(values.type)) is not None:
            features.append(Feature(name, "sequence", min_fraction=1.0, shape=shape))
            continue
        if not is_plain(values.type):
            ignored[name] = f"holds {values.type}, neither numbers nor text"
            continue
        kind: Kind | None = "numeric" if name in columns.numeric else None
        kind = "categorical" if name in columns.categorical else kind
        declared = kind is not None
        kind = kind or guess_kind(values)
        distinct = pc.count_distinct(values).as_py()
        if name == columns.amount:
            kind, declared = "numeric", True
        if not declared and distinct <= 1:
            ignored[name] = "constant" if distinct else "empty"
        elif not declared and kind == "categorical" and distinct > 0.5 * len(values) > LARGEST_DOMAIN / 20:
            ignored[name] = f"{distinct} distinct texts in {len(values)} rows: looks like an identifier"
        else:
            domain, share = most_frequent(values) if kind == "categorical" else ((), 1.0)
            features.append(Feature(name, kind, domain, min_domain_mass=round(LEAST_KNOWN * share, 4)))
    return features, ignored


def sequence_shape(kind: pa.DataType) -> tuple[int, int] | None:
    """Steps and channels of a column whose cells are sequences, i.e. lists of lists of a fixed size."""
    if not (pa.types.is_fixed_size_list(kind) and pa.types.is_fixed_size_list(kind.value_type)):
        return None
    return kind.list_size, kind.value_type.list_size


def sequence_values(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """`(rows, steps, channels)` float32 of a column of sequences."""
    shape = sequence_shape(column.type)
    assert shape is not None
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    flat = array.flatten().flatten()
    values: np.ndarray = flat.to_numpy(zero_copy_only=False).astype(np.float32).reshape(-1, *shape)
    return values


def sequence_array(values: np.ndarray) -> pa.Array:
    """A column of sequences, of `(rows, steps, channels)` numbers."""
    flat = pa.array(np.ascontiguousarray(values, np.float32).reshape(-1))
    steps = pa.FixedSizeListArray.from_arrays(flat, values.shape[2])
    return pa.FixedSizeListArray.from_arrays(steps, values.shape[1])


def take_rows(table: pa.Table, rows: np.ndarray) -> pa.Table:
    """The given rows, by position or by a mask.

    Arrow 18 reads the wrong memory where it takes or filters sequences that are a slice, or that stand beside
    columns cut into other chunks; so these are taken by NumPy.
    """
    rows = np.flatnonzero(rows) if rows.dtype == bool else rows
    columns = {
        name: sequence_array(sequence_values(table[name])[rows])
        if sequence_shape(table[name].type) is not None
        else table[name].take(pa.array(rows))
        for name in table.column_names
    }
    return pa.table(columns)


def is_plain(kind: pa.DataType) -> bool:
    """Whether a column's cells are numbers, texts, truth values or times."""
    return not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def nested_columns(table: pa.Table, names: Iterable[str]) -> list[str]:
    """Columns of some names whose cells are lists, structs or the like, one sentence each."""
    return [
        f"the column '{name}' holds {shortened(str(table[name].type))}, but a cell must be one value; write"
        " what it holds into columns of their own"
        for name in dict.fromkeys(names)
        if name in table.column_names
        and (pa.types.is_nested(table[name].type) or pa.types.is_interval(table[name].type))
    ]


def shortened(text: str) -> str:
    """A text of at most `LONGEST_SHOWN` characters."""
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def guess_kind(values: pa.ChunkedArray) -> Kind:
    """Numeric if the column's type is a number, or nearly all its texts are numbers."""
    if (
        pa.types.is_integer(values.type)
        or pa.types.is_floating(values.type)
        or pa.types.is_decimal(values.type)
    ):
        return "numeric"
    if not pa.types.is_string(values.type):
        return "categorical"
    known = values.drop_null()
    if len(known) == 0:
        return "categorical"
    parsed = pc.sum(pc.or_(is_number(known), pc.is_in(known, pa.array(MISSING_NUMBERS)))).as_py()
    return "numeric" if parsed >= MOSTLY_NUMERIC * len(known) else "categorical"


def is_number(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """For each text whether it is a decimal number."""
    return pc.match_substring_regex(texts, r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$")


def most_frequent(values: pa.ChunkedArray) -> tuple[tuple[str, ...], float]:
    """The distinct values as text, sorted, and the share of cells that have one of them.

    Of a large domain only the most frequent values are taken; the others share the unseen id.
    """
    counts = pc.value_counts(as_text(values).drop_null())
    pairs = zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)
    ranked = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
    kept = ranked[:LARGEST_DOMAIN]
    total = sum(count for _, count in ranked)
    return tuple(sorted(value for value, _ in kept)), sum(count for _, count in kept) / max(total, 1)


def as_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as text; whole numbers stored as floats lose their `.0`."""
    if pa.types.is_floating(values.type):
        whole = pc.and_(pc.equal(values, pc.floor(values)), pc.less(pc.abs(values), LARGEST_WHOLE))
        if pc.all(whole, min_count=0).as_py():
            values = values.cast(pa.int64())
    return values.cast(pa.string())

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from solutionkit.cells import sequence_array, sequence_values, take_rows
from solutionkit.declaration import Columns
from solutionkit.errors import UserError
from solutionkit.examples.columns import SPEC_FILE, TableSpec, infer_features, load_spec
from solutionkit.kinds import CATEGORICAL, Feature, claiming
from solutionkit.tasks.classification.task import Classification

SPEC_TEXT = TableSpec(Classification("y", ("0", "1")), (Feature("size", "numeric"),)).to_json().encode()


def chunked(values: list[object]) -> pa.ChunkedArray:
    return pa.chunked_array([values])


def test_rows_of_sequences_are_taken_from_slices_and_chunks() -> None:
    values = np.arange(60.0, dtype=np.float32).reshape(5, 4, 3)
    table = pa.table({"x": pa.chunked_array([[0, 1], [2, 3, 4]]), "s": sequence_array(values)})
    rows = np.array([2, 0])
    for part, first in ((table, 0), (table.slice(2), 2)):
        found = take_rows(part, rows)
        assert found["x"].to_pylist() == (rows + first).tolist()
        assert np.array_equal(sequence_values(found["s"]), values[rows + first])
    assert take_rows(table, np.array([True, False, False, True, False]))["x"].to_pylist() == [0, 3]


def test_kinds() -> None:
    def guess_kind(values: pa.ChunkedArray) -> str:
        kind = claiming(values)
        return kind.name if kind else "none"

    assert guess_kind(chunked([1, 2])) == "numeric"
    assert guess_kind(chunked(["1", "2.5", "-3e2", None])) == "numeric"
    assert guess_kind(chunked(["1", "NA", "3"])) == "numeric"
    assert guess_kind(chunked(["red", "1"])) == "categorical"
    assert guess_kind(chunked([b"x"])) == "none"
    assert guess_kind(pa.chunked_array([sequence_array(np.zeros((2, 3, 4)))])) == "sequence"
    assert guess_kind(chunked([True, False])) == "categorical"
    # One typing error in many numbers is an error to report, not another kind of column.
    assert guess_kind(chunked([*map(str, range(50)), "abc"])) == "numeric"


def test_inference_leaves_out_what_cannot_help() -> None:
    rows = 200
    table = pa.table(
        {
            "y": ["0", "1"] * 100,
            "key": [f"K{i}" for i in range(rows)],
            "same": ["x"] * rows,
            "gone": pa.nulls(rows, pa.string()),
            "size": [str(i % 7) for i in range(rows)],
            "colour": ["red", "blue"] * 100,
            "note": ["a"] * rows,
        }
    )
    features, ignored = infer_features(table, Columns(label="y", ignore=["note"]))
    assert [(f.name, f.kind) for f in features] == [("size", "numeric"), ("colour", "categorical")]
    assert features[1].domain == ("blue", "red")
    assert set(ignored) == {"key", "same", "gone", "note"}
    assert "identifier" in ignored["key"]


def test_declared_kinds_win() -> None:
    table = pa.table({"y": ["0", "1"], "code": ["10", "20"]})
    features, _ = infer_features(table, Columns(label="y", categorical=["code"]))
    assert features == [Feature("code", "categorical", ("10", "20"))]


def test_spec_survives_json() -> None:
    spec = TableSpec(
        Classification("y", ("no", "yes")),
        (Feature("a", "numeric"), Feature("b", "categorical", ("x",))),
        "id",
        ("c",),
    )
    assert TableSpec.from_json(spec.to_json()) == spec
    assert spec.model_columns == ["a", "b"]
    assert spec.metadata_columns == ["id", "c"]
    assert spec.of(CATEGORICAL)[0].cardinality == 3


def test_input_names_are_plain_and_unique() -> None:
    names = ["age", "Kundenalter (Jahre)", "größe/cm", "a b", "a_b", "a-b", "_x", "self", "城市", "城"]
    spec = TableSpec(Classification("y", ("0", "1")), tuple(Feature(name, "numeric") for name in names))
    aliases = spec.input_names
    assert aliases["age"] == "age"
    assert aliases["a_b"] == "a_b"
    assert aliases["Kundenalter (Jahre)"] == "column_Kundenalter__Jahre"
    assert len(set(aliases.values())) == len(names)
    assert all(re.fullmatch("[A-Za-z][A-Za-z0-9_]*", alias) and alias != "self" for alias in aliases.values())


def test_a_large_domain_keeps_its_frequent_values() -> None:
    values = [f"v{i % 3000}" for i in range(9000)] + ["often"] * 1000
    features, _ = infer_features(pa.table({"y": ["0"] * 10_000, "city": values}), Columns(label="y"))
    assert len(features[0].domain) == 1000
    assert "often" in features[0].domain
    assert features[0].min_domain_mass == pytest.approx(0.95 * (1000 + 999 * 3) / 10_000, abs=1e-4)


def test_nested_columns_are_left_out() -> None:
    table = pa.table({"y": ["0", "1"], "tags": [["a"], ["b"]], "blob": [b"x", b"y"], "on": [True, False]})
    features, ignored = infer_features(table, Columns(label="y"))
    assert [feature.name for feature in features] == ["on"]
    assert set(ignored) == {"tags", "blob"}


@pytest.mark.parametrize(
    "content", [None, b"", b'{"label": "y"', b"\xff", b"[]", b"{}", SPEC_TEXT.replace(b"numeric", b"number")]
)
def test_a_foreign_specification_says_what_to_do(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / SPEC_FILE
    file.parent.mkdir()
    file.write_bytes(SPEC_TEXT)
    assert load_spec(tmp_path).label == "y"
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(UserError, match=r"table_spec\.json: .*run the pipeline again"):
        load_spec(tmp_path)

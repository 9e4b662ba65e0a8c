import pyarrow as pa

from solutionkit.declaration import Columns
from solutionkit.examples.columns import Feature, TableSpec, guess_kind, infer_features


def chunked(values: list[object]) -> pa.ChunkedArray:
    return pa.chunked_array([values])


def test_kinds() -> None:
    assert guess_kind(chunked([1, 2])) == "numeric"
    assert guess_kind(chunked(["1", "2.5", "-3e2", None])) == "numeric"
    assert guess_kind(chunked(["1", "NA", "3"])) == "numeric"
    assert guess_kind(chunked(["red", "1"])) == "categorical"
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
        "y", ("no", "yes"), (Feature("a", "numeric"), Feature("b", "categorical", ("x",))), "id", ("c",)
    )
    assert TableSpec.from_json(spec.to_json()) == spec
    assert spec.model_columns == ["a", "b"]
    assert spec.passengers == ["id", "c"]
    assert spec.categorical[0].cardinality == 3

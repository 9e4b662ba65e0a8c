import numpy as np
import pyarrow as pa
import pytest

from solutionkit.declaration import Business, Columns, Data, Declaration
from solutionkit.tasks.base import task_from_json
from solutionkit.tasks.regression.task import Regression

DECLARATION = Declaration(data=Data(path="x.csv"), columns=Columns(label="price"))  # type: ignore[arg-type]


def cells(*values: object) -> pa.ChunkedArray:
    return pa.chunked_array([list(values)])


def found(values: pa.ChunkedArray, declaration: Declaration = DECLARATION) -> list[str]:
    _, problems = Regression.find(values, declaration)
    return [str(item) for item in problems]


def test_a_label_of_two_values_is_a_class() -> None:
    assert 'classes are told by [project] task = "classification"' in found(cells("1", "0", "1"))[0]


def test_decisions_mean_nothing() -> None:
    columns = Columns(label="price", positive="1")
    declared = DECLARATION.model_copy(update={"columns": columns, "business": Business()})
    assert [item.partition(" means")[0] for item in found(cells("1", "2", "3"), declared)] == [
        "columns.positive",
        "[business]",
    ]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (("1", "cheap", "3"), "holds text (row 2: 'cheap')"),
        (("1", None, "3"), "is missing in 1 rows (row 2"),
        (("1", "inf", "3"), "infinite or too large"),
    ],
)
def test_what_is_no_number_is_named(values: tuple[object, ...], says: str) -> None:
    _, problems = Regression("price").encode(cells(*values))
    assert len(problems) == 1
    assert says in str(problems[0])


def test_strata_are_tenths_also_of_a_label_that_is_mostly_zero() -> None:
    task = Regression("price")
    assert np.bincount(task.strata(np.arange(1000.0))).tolist() == [100] * 10
    assert set(task.strata(np.r_[np.zeros(900), np.arange(1.0, 101.0)])) >= {1, 2}


def test_the_trivial_predictor_and_its_metric_follow_the_quantile() -> None:
    labels, known = np.arange(101.0), ["rmse", "mae", "r2", "pinball"]
    assert Regression("price").trivial(labels) == [50.0]
    assert Regression("price").deciding_metric("roc_auc", known) == "rmse"
    assert Regression("price").deciding_metric("mae", known) == "mae"
    high = Regression("price", quantile=0.9)
    assert high.trivial(labels) == [90.0]
    assert high.deciding_metric("rmse", known) == "pinball"
    assert list(high.metrics()) == ["rmse", "mae", "r2", "pinball"]


def test_notable_rows_are_the_largest_errors_and_a_usual_one() -> None:
    labels, outputs = np.zeros(5), np.array([[1.0], [-9.0], [2.0], [8.0], [3.0]])
    assert Regression("price").notable(labels, outputs, {}) == {
        "too_high": [3],
        "too_low": [1],
        "typical": [4],
    }


def test_splits_in_which_nothing_varies_are_refused() -> None:
    splits = {"train": np.arange(50.0), "validation": np.arange(3.0), "eval": np.full(30, 7.0)}
    few, constant = Regression("price").split_problems(splits, "supervised")
    assert "there are 3 validation rows; at least 10" in str(few)
    assert "'price' is 7 in all eval rows (30)" in str(constant)


def test_it_survives_json() -> None:
    task = Regression("price", quantile=0.9)
    assert task_from_json(task.to_json()) == task
    with pytest.raises(ValueError, match="is no task"):
        task_from_json({"task": "pathlib:Path", "label": "x"})

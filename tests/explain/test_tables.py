"""Both models of a table explained on the same rows."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from solutionkit.examples.columns import TableSpec
from solutionkit.examples.encoding import unlabelled_examples
from solutionkit.explain.attribution import Attribution
from solutionkit.explain.evaluated import EvaluatedModels
from solutionkit.explain.tables import GLOBAL_ROWS, explain_tables, rows_to_draw
from solutionkit.kinds import Feature
from solutionkit.tasks.classification.task import Classification

CLASSES = ("a", "b", "c")


class Telling:
    """An explainer whose contributions name the target that was asked for."""

    method = "by hand"

    def explain(self, rows: Any, targets: np.ndarray) -> Attribution:
        values = np.stack([targets.astype(float), np.ones(len(targets))], axis=1)
        return Attribution(values, np.zeros(len(targets)), values.sum(axis=1))


@pytest.fixture(scope="module")
def explained() -> dict[str, Any]:
    random = np.random.default_rng(0)
    count = 60
    spec = TableSpec(
        Classification("y", CLASSES, has_negative_class=False),
        (Feature("size", "numeric"), Feature("city", "categorical", ("x", "y"))),
    )
    rows = pa.table({"size": random.normal(size=count), "city": random.choice(["x", "y"], count)})
    examples = unlabelled_examples(rows, spec)
    # The second class is told most often.
    outputs = np.eye(3)[np.where(np.arange(count) % 4 == 0, 0, np.where(np.arange(count) % 4 == 1, 2, 1))]
    outputs = 0.9 * outputs + 0.1 / 3
    model = SimpleNamespace(explainer=Telling(), spec=spec, transform=lambda examples: examples)
    labels = outputs.argmax(axis=1)
    models = {"baseline": model, "deep": model}
    both = dict.fromkeys(models, outputs)
    ids = [f"row {i}" for i in range(count)]
    return explain_tables(EvaluatedModels(examples, labels, ids, models, both, "deep", None, seed=1))


def test_a_curve_is_of_one_class(explained: dict[str, Any]) -> None:
    assert explained["dependence_of"] == "b"
    curve = explained["models"]["deep"]["dependence"]["size"]
    assert set(curve["effects"]) == {1.0}


def test_each_row_is_explained_for_the_class_that_it_was_told(explained: dict[str, Any]) -> None:
    ranked = {item["column"]: item["mean_abs"] for item in explained["models"]["deep"]["global"]}
    # Of each four rows one is told the first class, one the third, two the second.
    assert ranked["size"] == pytest.approx(1.0)
    assert {item["label"] for item in explained["single_rows"]} <= set(CLASSES)


def test_half_of_the_rows_drawn_are_marked_where_such_are_rare() -> None:
    marked = np.zeros(5000, bool)
    marked[:230] = True
    rows = rows_to_draw(marked, seed=0)
    assert (len(rows), marked[rows].sum()) == (GLOBAL_ROWS, GLOBAL_ROWS // 2)
    assert (np.diff(rows) > 0).all()
    plain = rows_to_draw(np.arange(5000) % 2 == 0, seed=0)
    assert abs((plain % 2 == 0).mean() - 0.5) < 0.1

"""What TFX's own components are told of the columns when they run."""

import pytest

from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import Feature
from solutionkit.pipeline.standard import eval_config
from solutionkit.tasks.classification.task import Classification
from solutionkit.tasks.regression.task import Regression

FEATURES = (Feature("contract", "categorical", domain=("monthly", "yearly")), Feature("age", "numeric"))


def test_bounds_are_held_on_the_side_that_is_worse() -> None:
    spec = TableSpec(Classification("churned", ("no", "yes")), FEATURES, carried=("region",))
    config = eval_config(spec, {"roc_auc": 0.7, "log_loss": 0.6}, ["contract", "age", "region"])
    found = {
        item.class_name: item.threshold.value_threshold
        for item in config.metrics_specs[0].metrics
        if item.HasField("threshold")
    }
    assert found["AUC"].lower_bound.value == 0.7
    assert found["BinaryCrossEntropy"].upper_bound.value == 0.6
    assert [list(spec.feature_keys) for spec in config.slicing_specs] == [[], ["contract"], ["region"]]


@pytest.mark.parametrize(
    ("task", "classes"),
    [
        (Regression("worth"), {"RootMeanSquaredError"}),
        (Classification("kind", ("a", "b", "c")), {"SparseCategoricalCrossentropy"}),
    ],
    ids=["regression", "classes"],
)
def test_each_task_has_its_own_metrics(task: Regression | Classification, classes: set[str]) -> None:
    config = eval_config(TableSpec(task, FEATURES), {}, [])
    assert {spec.label_key for spec in config.model_specs} == {task.label}
    assert {item.class_name for item in config.metrics_specs[0].metrics} > classes

"""The graph, and which of its nodes a change of the declaration reaches."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest

from solutionkit.examples.audit import audit
from solutionkit.pipeline.graph import build_pipeline, eval_config
from solutionkit.use_case import Project, load_project
from solutionkit.verbs.sample import write_sample

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("graph") / "demo"
    shutil.copytree(generated, folder)
    found = load_project(folder)
    write_sample(found, found.sample_path, 600)
    return found


def changed(original: Project, tables: dict[str, dict[str, Any]]) -> Project:
    kept = original.declaration
    update = {name: getattr(kept, name).model_copy(update=values) for name, values in tables.items()}
    return dataclasses.replace(original, declaration=kept.model_copy(update=update))


def properties(project: Project) -> dict[str, dict[str, Any]]:
    """What TFX's cache goes by, but for what comes from other nodes."""
    pipeline = build_pipeline(project, audit(project), project.folder / "schema.pbtxt")
    return {node.id: dict(node.exec_properties) for node in pipeline.components}


@pytest.fixture(scope="module")
def before(project: Project) -> dict[str, dict[str, Any]]:
    return properties(project)


def test_the_graph_in_order(before: dict[str, dict[str, Any]]) -> None:
    assert list(before) == [
        "ImportSchemaGen",
        "RowExampleGen",
        "StatisticsGen",
        "ExampleValidator",
        "AnomalyGate",
        "Transform",
        "Trainer.baseline",
        "Trainer.deep",
        "Evaluator",
        "Compare",
        "Explain",
        "WriteReport",
        "Pusher",
    ]


@pytest.mark.parametrize(
    ("tables", "reached"),
    [
        ({"project": {"title": "Leavers"}}, {"WriteReport"}),
        ({"training": {"epochs": 3}}, {"Trainer.baseline", "Trainer.deep", "Compare"}),
        ({"business": {"true_positive": 99.0}}, {"Compare", "WriteReport"}),
    ],
    ids=["title", "epochs", "business"],
)
def test_a_change_reaches_what_hangs_on_it(
    project: Project, before: dict[str, dict[str, Any]], tables: dict[str, dict[str, Any]], reached: set[str]
) -> None:
    after = properties(changed(project, tables))
    assert {name for name in before if before[name] != after[name]} == reached


def test_another_task_reaches_the_data(project: Project, before: dict[str, dict[str, Any]]) -> None:
    label = {"label": "tenure_months", "positive": None}
    other = changed(project, {"project": {"task": "regression"}, "columns": label})
    other = dataclasses.replace(
        other, declaration=other.declaration.model_copy(update={"business": None, "thresholds": {}})
    )
    after = properties(other)
    assert after["RowExampleGen"]["fingerprint"] != before["RowExampleGen"]["fingerprint"]
    assert after["RowExampleGen"]["declaration"] != before["RowExampleGen"]["declaration"]


def test_bounds_are_held_on_the_side_that_is_worse(project: Project) -> None:
    declaration = project.declaration.model_copy(update={"thresholds": {"roc_auc": 0.7, "log_loss": 0.6}})
    bounded = dataclasses.replace(project, declaration=declaration)
    config = eval_config(bounded, audit(bounded))
    found = {
        item.class_name: item.threshold.value_threshold
        for item in config.metrics_specs[0].metrics
        if item.HasField("threshold")
    }
    assert found["AUC"].lower_bound.value == 0.7
    assert found["BinaryCrossEntropy"].upper_bound.value == 0.6
    assert [list(spec.feature_keys) for spec in config.slicing_specs] == [[], ["contract"], ["service"]]

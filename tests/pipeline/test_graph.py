"""The graph, and which of its nodes a change of the declaration reaches."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest

from solutionkit.pipeline.graph import build_pipeline, input_hash
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
    pipeline = build_pipeline(project, input_hash(project))
    return {node.id: dict(node.exec_properties) for node in pipeline.components}


@pytest.fixture(scope="module")
def before(project: Project) -> dict[str, dict[str, Any]]:
    return properties(project)


def test_the_graph_in_order(before: dict[str, dict[str, Any]]) -> None:
    assert list(before) == [
        "RowExampleGen",
        "MetricGate",
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
        ({"training": {"epochs": 3}}, {"MetricGate", "Trainer.baseline", "Trainer.deep", "Compare"}),
        ({"business": {"true_positive": 99.0}}, {"MetricGate", "Compare", "WriteReport"}),
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
    assert properties(other)["RowExampleGen"]["declaration"] != before["RowExampleGen"]["declaration"]


def test_the_graph_needs_no_data(project: Project, before: dict[str, dict[str, Any]]) -> None:
    elsewhere = changed(project, {"data": {"path": project.folder / "nowhere.csv"}})
    nodes = {node.id for node in build_pipeline(elsewhere, "of another machine").components}
    assert nodes == before.keys()


def test_the_data_is_known_by_its_content(project: Project, tmp_path: Path) -> None:
    moved = shutil.copy(project.sample_path, tmp_path / "moved.csv")
    elsewhere = changed(project, {"data": {"path": Path(moved)}})
    assert input_hash(elsewhere) == input_hash(project)
    with Path(moved).open("a") as stream:
        stream.write("\n")
    assert input_hash(elsewhere) != input_hash(project)

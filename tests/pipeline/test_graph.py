"""The graph, and which of its nodes a change of the declaration reaches."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest

from solutionkit.pipeline.fingerprint import input_hash
from solutionkit.pipeline.graph import build_pipeline
from solutionkit.tasks.regression.task import Regression
from solutionkit.use_case import TABLES, Events, Project, UseCase, load_project
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
        "Trainer.simple",
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
        (
            {"training": {"epochs": 3}},
            {"MetricGate", "Trainer.simple", "Trainer.baseline", "Trainer.deep", "Compare"},
        ),
        ({"business": {"true_positive": 99.0}}, {"MetricGate", "Compare", "WriteReport"}),
    ],
    ids=["title", "epochs", "business"],
)
def test_a_change_reaches_what_hangs_on_it(
    project: Project, before: dict[str, dict[str, Any]], tables: dict[str, dict[str, Any]], reached: set[str]
) -> None:
    after = properties(changed(project, tables))
    assert {name for name in before if before[name] != after[name]} == reached


def with_use_case(original: Project, **changes: Any) -> Project:
    """A project whose package states something else."""

    class Changed(Project):
        @property
        def use_case(self) -> UseCase:
            return dataclasses.replace(original.use_case, **changes)

    return Changed(original.folder, original.declaration, original.package, original.name)


@dataclasses.dataclass(frozen=True)
class Own(Events):
    cutoff: float = 3.0


@pytest.mark.parametrize(
    ("changes", "reached"),
    [
        ({"title": "Leavers"}, {"WriteReport"}),
        ({"primary_metric": "log_loss"}, {"MetricGate", "Compare"}),
        ({"metrics": ("a:B",)}, {"MetricGate", "Compare"}),
        ({"modality": dataclasses.replace(TABLES, deep="a:train")}, {"Trainer.deep"}),
    ],
    ids=["title", "primary metric", "metrics", "network"],
)
def test_what_the_package_says_reaches_what_hangs_on_it(
    project: Project, before: dict[str, dict[str, Any]], changes: dict[str, Any], reached: set[str]
) -> None:
    after = properties(with_use_case(project, **changes))
    assert {name for name in before if before[name] != after[name]} == reached


def test_a_task_or_a_modality_of_another_kind_reaches_the_data(
    project: Project, before: dict[str, dict[str, Any]]
) -> None:
    seen = {before["RowExampleGen"]["code"]}
    for changes in ({"task": Regression}, {"modality": Own()}, {"modality": Own(cutoff=9.0)}):
        seen.add(properties(with_use_case(project, **changes))["RowExampleGen"]["code"])
    assert len(seen) == 4


def test_another_name_is_pushed_alone(project: Project, before: dict[str, dict[str, Any]]) -> None:
    after = properties(dataclasses.replace(project, name="other"))
    assert {name for name in before if before[name] != after[name]} == {"Pusher"}
    renamed = build_pipeline(dataclasses.replace(project, name="other"), "")
    assert renamed.pipeline_info.pipeline_name == project.package


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

"""The whole TFX graph on one page, the same for every use case."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tfx.components.example_validator.component import ExampleValidator
from tfx.components.pusher.component import Pusher
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.components.trainer.component import Trainer
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2, trainer_pb2

from solutionkit.declaration import FILE_NAME, READER, About, Declaration
from solutionkit.declaration_parts import Card, Kubeflow
from solutionkit.declared_file import moved
from solutionkit.errors import UserError, suggestion
from solutionkit.object_store import address
from solutionkit.pipeline import components, standard
from solutionkit.pipeline.fingerprint import (
    data_hash,
    own_sources,
    own_values,
    source_hash,
    stated_dependencies,
)
from solutionkit.pipeline.pusher import VersionPusher
from solutionkit.splits import TRAIN, VALIDATION
from solutionkit.use_case import Project


@dataclass(frozen=True)
class Place:
    """Where the nodes find the project, when they do not run in its folder.

    Attributes:
        folder: Of the project, in an image.
        models: Where the model goes that ships: a folder, or an object store's address.
        expected: Kinds of columns that the data must have, see `examples.changes.expected_features`.
    """

    folder: Path
    models: str
    expected: dict[str, str] = field(default_factory=dict)


def build_pipeline(project: Project, data: str, place: Place | None = None) -> Pipeline:
    """The pipeline of a project; the data need not be at hand.

    Args:
        project: Folder, declaration and use case.
        data: Names the data's content, see `input_hash`; as long as it is the same, and nothing else changed,
            nothing is computed again. Without it the data must not change.
        place: Where its nodes run, if not here.
    """
    place = place or Place(project.folder, str(project.models))
    training = moved(project.training, project.folder, place.folder).model_dump(mode="json")
    encoder = project.declaration.training.encoder
    encoder_files = sorted(Path(encoder).rglob("*")) if encoder else []
    project = replace(project, declaration=moved(project.declaration, project.folder, place.folder))
    use_case, declaration = project.use_case, project.declaration
    task_module = project.task.__module__
    # What the use case says where no file that is looked at says it.
    said = [f"{task_module}:{project.task.__qualname__}", *own_values(use_case.modality)]
    data_modules = [task_module, *use_case.modality.modules]

    def code(*rooms: str, own: Iterable[str] = (), names: Iterable[str] = ()) -> str:
        files = own_sources(project.folder, project.package, *own)
        beside = stated_dependencies(project.folder) if files else []
        return source_hash(*rooms, own=files, names=[*names, *beside])

    examples = components.RowExampleGen(
        project=str(place.folder),
        package=project.package,
        declaration=declaration_for_examples(project),
        data=data,
        expected=json.dumps(place.expected, sort_keys=True),
        code=code(
            "examples",
            "modalities",
            "tasks",
            own=data_modules,
            names=[*said, *use_case.modality.functions],
        ),
    )
    schema = examples.outputs["schema"]
    judging = {
        "project": str(place.folder),
        "package": project.package,
        "declaration": untitled(declaration).model_dump_json(by_alias=True),
        "code": code(
            "compare",
            "modalities",
            "tasks",
            own=[*data_modules, *use_case.metrics],
            names=[*said, use_case.primary_metric, *use_case.metrics],
        ),
    }
    metrics = components.MetricGate(schema=schema, **judging)
    # With the schema, because the bytes of an image are no text to count words in.
    statistics = StatisticsGen(examples=examples.outputs["examples"], schema=schema)
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema)
    gate = components.AnomalyGate(anomalies=validator.outputs["anomalies"], schema=schema)
    transform = standard.Transform(
        examples=examples.outputs["examples"],
        schema=gate.outputs["checked"],
        preprocessing_fn="solutionkit.transform.run.preprocessing_fn",
        custom_config={
            "function": use_case.modality.preprocessing,
            "project": str(place.folder),
            "code": code("transform", "pipeline/standard.py", own=[use_case.modality.preprocessing]),
        },
        materialize=False,
        disable_statistics=True,
    )

    def trainer(name: str, function: str) -> Trainer:
        return Trainer(
            run_fn="solutionkit.models.run.run_fn",
            examples=examples.outputs["examples"],
            transform_graph=transform.outputs["transform_graph"],
            schema=gate.outputs["checked"],
            train_args=trainer_pb2.TrainArgs(splits=[TRAIN]),
            eval_args=trainer_pb2.EvalArgs(splits=[VALIDATION]),
            custom_config={
                "train": function,
                "training": training,
                "repeats": declaration.compare.repeats,
                "leave_out": declaration.compare.leave_out,
                "encoder": data_hash(encoder_files),
                "project": str(place.folder),
                "code": code("models", "transform", "tasks", own=[function, task_module]),
            },
        ).with_id(name)

    trainers = {name: trainer(f"Trainer.{name}", function) for name, function in project.trainers.items()}
    for node in trainers.values():
        node.add_upstream_node(metrics)
    baseline, deep = trainers["baseline"], trainers["deep"]
    trained = {name: node.outputs["model"] for name, node in trainers.items()}
    runs = {f"{name}_run": node.outputs["model_run"] for name, node in trainers.items()}
    evaluator = standard.Evaluator(
        examples=examples.outputs["examples"],
        model=deep.outputs["model"],
        baseline_model=baseline.outputs["model"],
        schema=gate.outputs["checked"],
        thresholds=declaration.thresholds,
        slices=declaration.slices.columns,
        code=code("tasks", "pipeline/standard.py", own=[task_module]),
    )
    compare = components.Compare(
        examples=examples.outputs["examples"],
        **trained,
        **runs,
        evaluation=evaluator.outputs["evaluation"],
        **judging,
    )
    explain = components.Explain(
        examples=examples.outputs["examples"],
        **trained,
        comparison=compare.outputs["comparison"],
        function=use_case.modality.explanation,
        project=str(place.folder),
        seed=declaration.training.seed,
        code=source_hash(
            "explain",
            "tasks",
            # Explainers are known by name alone.
            own=[project.folder / project.package],
            names=stated_dependencies(project.folder),
        ),
    )
    report = components.WriteReport(
        comparison=compare.outputs["comparison"],
        explanations=explain.outputs["explanations"],
        data=examples.outputs["facts"],
        facts=json.dumps(report_facts(project), sort_keys=True),
        project=str(place.folder),
        package=project.package,
        code=code("report", "modalities", "tasks", own=data_modules, names=said),
    )
    pusher = Pusher(
        custom_executor_spec=ExecutorClassSpec(VersionPusher),
        model=compare.outputs["selected"],
        model_blessing=compare.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=f"{place.models}/{project.name}")
        ),
    )
    # A model goes live only when there is a report that says why.
    pusher.add_upstream_node(report)
    nodes: list[BaseComponent] = [examples, metrics, statistics, validator, gate, transform]
    nodes += [*trainers.values(), evaluator, compare, explain, report, pusher]
    give_beam_arguments(nodes, declaration.beam)
    return Pipeline(
        pipeline_name=project.package,
        pipeline_root=str(project.state / "artifacts"),
        metadata_connection_config=sqlite_metadata_connection_config(str(project.state / "metadata.sqlite")),
        components=nodes,
        enable_cache=True,
    )


# The key of a table of nodes that is meant for all that are not named.
DEFAULT = "default"


def give_beam_arguments(nodes: list[BaseComponent], arguments: dict[str, list[str]]) -> None:
    """Tell the nodes that are Beam pipelines how these run.

    Args:
        nodes: All nodes.
        arguments: Beam's arguments by a node's name, or by `default`.

    Raises:
        UserError: There is no such node, or it is none of Beam's.
    """
    by_beam = {node.id: node for node in nodes if isinstance(node, BaseBeamComponent)}
    refuse_unknown_nodes("beam", arguments, [READER, *by_beam])
    for name, node in by_beam.items():
        if told := arguments.get(name, arguments.get(DEFAULT)):
            node.with_beam_pipeline_args(told)


def refuse_unknown_nodes(table: str, named: Iterable[str], known: list[str]) -> None:
    """Check a table of `use_case.toml` that has nodes for keys.

    Raises:
        UserError: One is no such node.
    """
    for name in named:
        if name not in {DEFAULT, *known}:
            raise UserError(
                f"{FILE_NAME}: '{table}.{name}': there is no such node{suggestion(name, known)}; there are"
                f" {', '.join([DEFAULT, *known])}."
            )


def declaration_for_examples(project: Project) -> str:
    """The declaration as JSON, with what does not decide the examples left at its default."""
    kept: dict[str, Any] = project.declaration.model_dump(
        mode="json",
        by_alias=True,
        include={"data", "columns", "slices", "images", "text", "history", "forecast"},
    )
    if worth := project.declaration.business:
        # Whether there is a worth, and whether it hangs on an amount, which then goes along.
        kept["business"] = {"recovered": float(worth.recovered > 0)}
        costs = {"understock_cost": 1.0, "overstock_cost": 1.0, "misroute_cost": 2.0, "triage_cost": 1.0}
        kept["business"] |= {name: cost for name, cost in costs.items() if getattr(worth, name) is not None}
    about, training = project.declaration.project, project.declaration.training
    kept["project"] = {"task": about.task, "quantile": about.quantile}
    kept["training"] = {"seed": training.seed, "method": training.method}
    if told := project.declaration.beam.get(READER):
        kept["beam"] = {READER: told}
    return json.dumps(kept, sort_keys=True)


def untitled(declaration: Declaration) -> Declaration:
    """The declaration without what only people read, and without where nodes run."""
    about = declaration.project
    decides = About(task=about.task, quantile=about.quantile, primary_metric=about.primary_metric)
    elsewhere = {"beam": {}, "kubeflow": Kubeflow()}
    return declaration.model_copy(update={"project": decides, "card": Card(), **elsewhere})


def report_facts(project: Project) -> dict[str, Any]:
    """What the report tells about the project, beside `examples.facts` and the results."""
    use_case, declaration = project.use_case, project.declaration
    data, modality = declaration.data, use_case.modality
    return {
        "title": project.title,
        "question": project.question,
        "row": project.row,
        "project": project.folder.name,
        "data": " and ".join(address(item) for item in (data.path, data.train, data.eval) if item),
        "input": modality.input_in_words,
        "names": declaration.project.labels,
        "card": declaration.card.model_dump(),
        "clinical": declaration.clinical.model_dump() if declaration.clinical else None,
        "business": declaration.business.model_dump() if declaration.business else None,
        "seed": declaration.training.seed,
        "preset": project.training.preset,
        "minutes": project.training.minutes if project.training.by_folds else None,
        "calibrated": modality.calibrated(declaration.training.method),
        "unit": modality.unit(declaration),
        "amount": declaration.columns.amount,
    }

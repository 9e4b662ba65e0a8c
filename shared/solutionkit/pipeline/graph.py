"""The whole TFX graph on one page, the same for every use case."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tensorflow_model_analysis.proto import config_pb2
from tfx.components.evaluator.component import Evaluator
from tfx.components.example_validator.component import ExampleValidator
from tfx.components.pusher.component import Pusher
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.components.trainer.component import Trainer
from tfx.components.transform.component import Transform
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2, trainer_pb2

from solutionkit.declaration import About, Declaration
from solutionkit.examples.audit import AuditedTable
from solutionkit.pipeline import components
from solutionkit.pipeline.fingerprint import data_hash, own_sources, source_hash
from solutionkit.pipeline.pusher import VersionPusher
from solutionkit.splits import EVAL, TRAIN, VALIDATION
from solutionkit.use_case import Project


def build_pipeline(project: Project, audited: AuditedTable, schema: Path) -> Pipeline:
    """The pipeline of a project.

    Args:
        project: Folder, declaration and use case.
        audited: The data that fits the declaration.
        schema: The schema file to import, curated or inferred.
    """
    use_case, declaration = project.use_case, project.declaration
    task_module = type(audited.spec.task).__module__
    data_modules = [task_module, *use_case.modality.modules]
    train_baseline, train_deep = use_case.modality.trainers(declaration.training.method)

    def own(*modules: str) -> list[Path]:
        return own_sources(project.folder, project.package, *modules)

    spec = audited.spec.to_json()
    training = declaration.training.model_dump(mode="json")

    examples = components.RowExampleGen(
        project=str(project.folder),
        package=project.package,
        declaration=declaration_for_examples(project),
        fingerprint=input_hash(project, audited)
        + source_hash(
            "examples",
            "modalities",
            "tasks",
            own=own(*data_modules),
            names=[spec, *use_case.modality.functions],
        ),
    )
    schema_gen = ImportSchemaGen(schema_file=str(schema))
    # With the schema, because the bytes of an image are no text to count words in.
    statistics = StatisticsGen(examples=examples.outputs["examples"], schema=schema_gen.outputs["schema"])
    validator = ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema_gen.outputs["schema"]
    )
    gate = components.AnomalyGate(
        anomalies=validator.outputs["anomalies"], schema=schema_gen.outputs["schema"]
    )
    transform = Transform(
        examples=examples.outputs["examples"],
        schema=gate.outputs["checked"],
        preprocessing_fn="solutionkit.transform.run.preprocessing_fn",
        custom_config={
            "function": use_case.modality.preprocessing,
            "spec": spec,
            "project": str(project.folder),
            "code": source_hash("transform", own=own(use_case.modality.preprocessing)),
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
                "spec": spec,
                "training": training,
                "project": str(project.folder),
                "code": source_hash("models", "transform", "tasks", own=own(function, task_module)),
            },
        ).with_id(name)

    baseline = trainer("Trainer.baseline", train_baseline)
    deep = trainer("Trainer.deep", train_deep)
    evaluator = Evaluator(
        examples=examples.outputs["examples"],
        model=deep.outputs["model"],
        baseline_model=baseline.outputs["model"],
        example_splits=[EVAL],
        eval_config=eval_config(project, audited),
    )
    compare = components.Compare(
        examples=examples.outputs["examples"],
        baseline=baseline.outputs["model"],
        deep=deep.outputs["model"],
        baseline_run=baseline.outputs["model_run"],
        deep_run=deep.outputs["model_run"],
        evaluation=evaluator.outputs["evaluation"],
        project=str(project.folder),
        package=project.package,
        primary_metric=project.primary_metric(audited.spec.task),
        declaration=untitled(declaration).model_dump_json(by_alias=True),
        code=source_hash(
            "compare",
            "modalities",
            "tasks",
            own=own(*data_modules, *use_case.metrics),
            names=use_case.metrics,
        ),
    )
    explain = components.Explain(
        examples=examples.outputs["examples"],
        baseline=baseline.outputs["model"],
        deep=deep.outputs["model"],
        comparison=compare.outputs["comparison"],
        function=use_case.modality.explanation,
        project=str(project.folder),
        seed=declaration.training.seed,
        code=source_hash(
            "explain",
            "tasks",
            # Explainers are known by name alone.
            own=[project.folder / project.package],
        ),
    )
    report = components.WriteReport(
        comparison=compare.outputs["comparison"],
        explanations=explain.outputs["explanations"],
        facts=json.dumps(report_facts(project, audited), sort_keys=True),
        project=str(project.folder),
        package=project.package,
        code=source_hash("report", "modalities", "tasks", own=own(*data_modules)),
    )
    pusher = Pusher(
        custom_executor_spec=ExecutorClassSpec(VersionPusher),
        model=compare.outputs["selected"],
        model_blessing=compare.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(
                base_directory=str(project.models / project.package)
            )
        ),
    )
    # A model goes live only when there is a report that says why.
    pusher.add_upstream_node(report)
    nodes: list[BaseComponent] = [examples, schema_gen, statistics, validator, gate, transform]
    nodes += [baseline, deep, evaluator, compare, explain, report, pusher]
    return Pipeline(
        pipeline_name=project.package,
        pipeline_root=str(project.state / "artifacts"),
        metadata_connection_config=sqlite_metadata_connection_config(str(project.state / "metadata.sqlite")),
        components=nodes,
        enable_cache=True,
    )


def eval_config(project: Project, audited: AuditedTable) -> config_pb2.EvalConfig:
    """TFMA's configuration: the deep model against the baseline, overall and by slice."""
    metrics = []
    for metric in audited.spec.task.evaluator_metrics():
        metrics.append(config_pb2.MetricConfig(class_name=metric.tfma))
        if (bound := project.declaration.thresholds.get(metric.name)) is not None:
            side = "lower_bound" if metric.higher_is_better else "upper_bound"
            threshold = config_pb2.GenericValueThreshold(**{side: {"value": bound}})
            metrics[-1].threshold.value_threshold.CopyFrom(threshold)
    metrics.append(config_pb2.MetricConfig(class_name="ExampleCount"))
    spec = audited.spec
    sliced = [name for name in project.declaration.slices.columns if spec.is_text(name)]
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(
                name=name,
                signature_name="serving_default",
                label_key=audited.spec.label,
                model_type="tf_generic",
                is_baseline=name == "baseline",
            )
            for name in ("deep", "baseline")
        ],
        slicing_specs=[
            config_pb2.SlicingSpec(),
            *(config_pb2.SlicingSpec(feature_keys=[name]) for name in sliced),
        ],
        metrics_specs=[config_pb2.MetricsSpec(metrics=metrics)],
    )


def input_hash(project: Project, audited: AuditedTable) -> str:
    """Hash of the files whose content decides the examples, with their names where these say something."""
    declaration = project.declaration
    files, names = project.use_case.modality.files(audited, declaration)
    beside = [declaration.data.split_table] if declaration.data.split_table else []
    return data_hash([*files, *beside], names)


def declaration_for_examples(project: Project) -> str:
    """The declaration as JSON, with what does not decide the examples left at its default."""
    kept: dict[str, Any] = project.declaration.model_dump(
        mode="json", by_alias=True, include={"data", "columns", "slices", "images", "history"}
    )
    about, training = project.declaration.project, project.declaration.training
    kept["project"] = {"task": about.task, "quantile": about.quantile}
    kept["training"] = {"seed": training.seed, "method": training.method}
    return json.dumps(kept, sort_keys=True)


def untitled(declaration: Declaration) -> Declaration:
    """The declaration without what only people read."""
    about = declaration.project
    decides = About(task=about.task, quantile=about.quantile, primary_metric=about.primary_metric)
    return declaration.model_copy(update={"project": decides})


def report_facts(project: Project, audited: AuditedTable) -> dict[str, Any]:
    """What the report tells about project and data beside the results."""
    use_case, declaration = project.use_case, project.declaration
    data, spec = declaration.data, audited.spec
    modality = use_case.modality
    return {
        "title": project.title,
        "question": project.question,
        "row": project.row,
        "project": project.folder.name,
        "data": str(data.path) if data.path else f"{data.train} and {data.eval}",
        "rows": audited.rows(),
        "split_rule": audited.split_rule,
        "columns": modality.facts(audited),
        "input": modality.input_in_words,
        "output": spec.task.output,
        "task": spec.task.to_json(),
        "label": declaration.project.labels.get(spec.label, spec.label),
        "names": declaration.project.labels,
        "notes": list(audited.notes),
        "ignored": spec.ignored,
        "business": declaration.business.model_dump() if declaration.business else None,
        "seed": declaration.training.seed,
        "calibrated": modality.calibrated(declaration.training.method),
        "unit": modality.unit(declaration),
        "amount": declaration.columns.amount,
    }

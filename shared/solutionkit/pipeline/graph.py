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

from solutionkit.examples.audit import AuditedTable
from solutionkit.examples.reading import data_files
from solutionkit.examples.splitting import EVAL, TRAIN, VALIDATION
from solutionkit.pipeline import components
from solutionkit.pipeline.fingerprint import data_hash, source_hash
from solutionkit.pipeline.pusher import VersionPusher
from solutionkit.use_case import Project

EVALUATED_BINARY = ("AUC", "AUCPrecisionRecall", "BinaryCrossEntropy", "ExampleCount")
EVALUATED_CLASSES = ("SparseCategoricalAccuracy", "SparseCategoricalCrossentropy", "ExampleCount")
# Our metrics that TFMA can hold a threshold on as well.
TFMA_NAMES = {
    "roc_auc": "AUC",
    "average_precision": "AUCPrecisionRecall",
    "log_loss": "BinaryCrossEntropy",
    "accuracy": "SparseCategoricalAccuracy",
    "class_log_loss": "SparseCategoricalCrossentropy",
}


def build_pipeline(project: Project, audited: AuditedTable, schema: Path) -> Pipeline:
    """The pipeline of a project.

    Args:
        project: Folder, declaration and use case.
        audited: The data that fits the declaration.
        schema: The schema file to import, curated or inferred.
    """
    use_case, declaration = project.use_case, project.declaration
    package = project.folder / project.package
    spec = audited.spec.to_json()
    training = declaration.training.model_dump(mode="json")

    examples = components.RowExampleGen(
        project=str(project.folder),
        package=project.package,
        declaration=declaration_for_examples(project),
        fingerprint=input_hash(project, audited) + source_hash("examples", package=package),
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
            "function": use_case.family.preprocessing,
            "spec": spec,
            "project": str(project.folder),
            "code": source_hash("transform", package=package),
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
                "code": source_hash("models", "transform", package=package),
            },
        ).with_id(name)

    train_baseline, train_deep = use_case.family.trainers(declaration.training.method)
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
        package=project.package,
        primary_metric=use_case.deciding_metric(len(audited.spec.classes)),
        declaration=declaration.model_dump_json(by_alias=True),
        code=source_hash("compare"),
    )
    explain = components.Explain(
        examples=examples.outputs["examples"],
        baseline=baseline.outputs["model"],
        deep=deep.outputs["model"],
        comparison=compare.outputs["comparison"],
        seed=declaration.training.seed,
        code=source_hash("explain"),
    )
    report = components.WriteReport(
        comparison=compare.outputs["comparison"],
        explanations=explain.outputs["explanations"],
        facts=json.dumps(report_facts(project, audited), sort_keys=True),
        code=source_hash("report"),
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
    names = list(EVALUATED_CLASSES if audited.spec.outputs > 1 else EVALUATED_BINARY)
    metrics = [config_pb2.MetricConfig(class_name=name) for name in names]
    for metric, bound in project.declaration.thresholds.items():
        name = TFMA_NAMES.get(metric)
        if name in names:
            side = "upper_bound" if metric in {"log_loss", "class_log_loss"} else "lower_bound"
            threshold = config_pb2.GenericValueThreshold(**{side: {"value": bound}})
            metrics[names.index(name)].threshold.value_threshold.CopyFrom(threshold)
    categorical = {feature.name for feature in audited.spec.categorical} | set(audited.spec.carried)
    sliced = [name for name in project.declaration.slices.columns if name in categorical]
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
    """Hash of the files whose content decides the examples; of images with their names, for labels."""
    data, spec, names = project.declaration.data, audited.spec, None
    if audited.folder and spec.image:
        columns = [audited.table[name] for name in (spec.image.name, spec.mask) if name]
        names = [path for column in columns for path in column.to_pylist() if path]
        files = [audited.folder / name for name in names]
    else:
        sources = [data.path] if data.path else [data.train, data.eval]
        files = [file for source in sources if source for file in data_files(source)]
    return data_hash([*files, *(table for table in (data.split_table, data.labels) if table)], names)


def declaration_for_examples(project: Project) -> str:
    """The declaration as JSON, with what does not decide the examples left at its default."""
    kept: dict[str, Any] = project.declaration.model_dump(
        mode="json", by_alias=True, include={"data", "columns", "slices", "images", "history"}
    )
    training = project.declaration.training
    return json.dumps(
        {**kept, "training": {"seed": training.seed, "method": training.method}}, sort_keys=True
    )


def report_facts(project: Project, audited: AuditedTable) -> dict[str, Any]:
    """What the report tells about project and data beside the results."""
    use_case, declaration = project.use_case, project.declaration
    data = declaration.data
    return {
        "title": use_case.title,
        "question": use_case.question,
        "row": use_case.row,
        "project": project.folder.name,
        "data": str(data.path) if data.path else f"{data.train} and {data.eval}",
        "rows": audited.rows(),
        "split_rule": audited.split_rule,
        "schema": audited.schema_origin,
        "label": audited.spec.label,
        "positive": audited.spec.positive_name,
        "classes": list(audited.spec.classes),
        "image": list(audited.spec.image.shape) if audited.spec.image else None,
        "notes": list(audited.notes),
        "features": {"numeric": [f.name for f in audited.spec.numeric]}
        | {"categorical": [f.name for f in audited.spec.categorical]},
        "ignored": audited.spec.ignored,
        "business": declaration.business.model_dump() if declaration.business else None,
        "seed": declaration.training.seed,
        "method": declaration.training.method,
        "group": declaration.columns.group or ("day" if declaration.columns.card else None),
        "amount": declaration.columns.amount,
    }

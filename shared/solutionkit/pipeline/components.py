"""TFX components of our own: each reads its artifacts, calls one plain function, writes what it gives."""

# No `from __future__ import annotations` here: @component reads the annotations themselves.
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import (
    ExampleAnomalies,
    Examples,
    Model,
    ModelBlessing,
    ModelEvaluation,
    ModelRun,
    Schema,
)

from solutionkit.artifacts import Comparison, DataFacts, Explanations, Report
from solutionkit.examples.columns import DECISION_FILE, SERVING_FOLDER
from solutionkit.examples.facts import FILE_NAME as DATA_FILE


@component
def RowExampleGen(  # noqa: N802
    examples: OutputArtifact[Examples],
    schema: OutputArtifact[Schema],
    facts: OutputArtifact[DataFacts],
    project: Parameter[str],
    package: Parameter[str],
    declaration: Parameter[str],
    data: Parameter[str],
    expected: Parameter[str],
    code: Parameter[str],
) -> None:
    """Raw data -> audited tf.Examples with the splits train, validation and eval, and what they hold."""
    from solutionkit.declaration import Declaration
    from solutionkit.errors import UserError
    from solutionkit.examples import schema as schemas
    from solutionkit.examples.audit import audit
    from solutionkit.examples.changes import refuse_missing
    from solutionkit.examples.encoding import write_splits
    from solutionkit.examples.facts import data_facts
    from solutionkit.object_store import address
    from solutionkit.pipeline.fingerprint import input_hash
    from solutionkit.splits import SPLITS
    from solutionkit.use_case import Project

    described = Project(Path(project), Declaration.model_validate_json(declaration), package)
    audited = audit(described)
    if audited.inferred:
        refuse_missing(json.loads(expected), audited.spec, described.declaration)
    examples.split_names = artifact_utils.encode_split_names(list(SPLITS))
    write_splits(audited, Path(examples.uri))
    write_json(Path(facts.uri) / DATA_FILE, data_facts(audited, described.use_case.modality))
    for folder, content in (
        (schema.uri, schemas.with_specification(audited.spec)),
        (facts.uri, schemas.build_schema(audited.spec)),
    ):
        file = Path(folder) / schemas.FILE_NAME
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(schemas.schema_text(content), "utf-8")
    if data and data != input_hash(described):
        source = described.declaration.data.path or described.declaration.data.train or ""
        raise UserError(
            f"{address(source)}: not the data that the run began with; it changed since. Run again; where an"
            " image holds the data, build that anew before."
        )


@component
def AnomalyGate(  # noqa: N802
    anomalies: InputArtifact[ExampleAnomalies],
    schema: InputArtifact[Schema],
    checked: OutputArtifact[Schema],
) -> None:
    """Pass the schema on if ExampleValidator found nothing; else stop the run with one list."""
    from solutionkit.examples.anomalies import raise_for_anomalies

    raise_for_anomalies(Path(anomalies.uri))
    shutil.copytree(schema.uri, checked.uri, dirs_exist_ok=True)


@component
def MetricGate(  # noqa: N802
    schema: InputArtifact[Schema],
    project: Parameter[str],
    package: Parameter[str],
    declaration: Parameter[str],
    code: Parameter[str],
) -> None:
    """Stop the run before training if a metric is declared that means nothing for the label."""
    from solutionkit.declaration import Declaration
    from solutionkit.examples.schema import specification_of
    from solutionkit.use_case import Project

    described = Project(Path(project), Declaration.model_validate_json(declaration), package)
    described.refuse_unknown_metrics(specification_of(Path(schema.uri)).task)


@component
def Compare(  # noqa: N802
    examples: InputArtifact[Examples],
    baseline: InputArtifact[Model],
    deep: InputArtifact[Model],
    baseline_run: InputArtifact[ModelRun],
    deep_run: InputArtifact[ModelRun],
    evaluation: InputArtifact[ModelEvaluation],
    comparison: OutputArtifact[Comparison],
    selected: OutputArtifact[Model],
    blessing: OutputArtifact[ModelBlessing],
    project: Parameter[str],
    package: Parameter[str],
    declaration: Parameter[str],
    code: Parameter[str],
    simple: InputArtifact[Model] = None,
    simple_run: InputArtifact[ModelRun] = None,
) -> None:
    """Judge the models on the same rows, and bless the one that ships, if one does."""
    from solutionkit.compare.beside import told_beside
    from solutionkit.compare.comparison import shown_model
    from solutionkit.compare.exported import compare_exported
    from solutionkit.declaration import Declaration
    from solutionkit.use_case import Project

    models = folders(simple=simple, baseline=baseline, deep=deep)
    result, scores = compare_exported(
        project=Project(Path(project), Declaration.model_validate_json(declaration), package),
        examples=Path(examples.uri),
        models={name: folder / SERVING_FOLDER for name, folder in models.items()},
        records=folders(simple=simple_run, baseline=baseline_run, deep=deep_run),
        evaluation=Path(evaluation.uri),
    )
    write_json(Path(comparison.uri) / "comparison.json", result)
    np.savez(Path(comparison.uri) / "scores.npz", **scores)  # type: ignore[arg-type]
    shown = shown_model(result)
    shutil.copytree(models[shown], selected.uri, dirs_exist_ok=True)
    write_json(Path(selected.uri) / SERVING_FOLDER / DECISION_FILE, told_beside(result, shown))
    blessed = result["selected"] is not None
    name = "BLESSED" if blessed else "NOT_BLESSED"
    Path(blessing.uri).mkdir(parents=True, exist_ok=True)
    (Path(blessing.uri) / name).touch()
    blessing.set_int_custom_property("blessed", int(blessed))
    blessing.set_string_custom_property("current_model", selected.uri)


@component
def Explain(  # noqa: N802
    examples: InputArtifact[Examples],
    baseline: InputArtifact[Model],
    deep: InputArtifact[Model],
    comparison: InputArtifact[Comparison],
    explanations: OutputArtifact[Explanations],
    function: Parameter[str],
    project: Parameter[str],
    seed: Parameter[int],
    code: Parameter[str],
    simple: InputArtifact[Model] = None,
) -> None:
    """Explain the models on the same evaluation rows."""
    from solutionkit.dotted import import_from
    from solutionkit.explain.exported import explain_exported

    result = explain_exported(
        examples=Path(examples.uri),
        models={
            name: folder / SERVING_FOLDER
            for name, folder in folders(simple=simple, baseline=baseline, deep=deep).items()
        },
        comparison=Path(comparison.uri),
        function=import_from(Path(project), function),
        seed=seed,
    )
    write_json(Path(explanations.uri) / "explanations.json", result)


@component
def WriteReport(  # noqa: N802
    comparison: InputArtifact[Comparison],
    explanations: InputArtifact[Explanations],
    data: InputArtifact[DataFacts],
    report: OutputArtifact[Report],
    facts: Parameter[str],
    project: Parameter[str],
    package: Parameter[str],
    code: Parameter[str],
) -> None:
    """Write one offline HTML page and a model card."""
    from solutionkit.report.page import write_report
    from solutionkit.use_case import load_use_case

    modality = load_use_case(package, Path(project)).modality
    told = {**json.loads((Path(data.uri) / DATA_FILE).read_text("utf-8")), **json.loads(facts)}
    told["label"] = told["names"].get(told["label"], told["label"])
    write_report(Path(comparison.uri), Path(explanations.uri), told, modality, Path(report.uri))


def folders(**artifacts: Any) -> dict[str, Path]:
    """Where artifacts are, by name, of those that there are."""
    return {name: Path(artifact.uri) for name, artifact in artifacts.items() if artifact is not None}


def write_json(file: Path, content: dict[str, Any]) -> None:
    """Write JSON that people can read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")

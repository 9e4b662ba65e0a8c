"""The comparison of two exported models on a split of tf.Examples."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from solutionkit.compare.comparison import ScoredModel, compare
from solutionkit.compare.evaluation import EvaluationSet, few_shared
from solutionkit.compare.further import compare_further, rows_with_label
from solutionkit.compare.gates import Scrutiny
from solutionkit.compare.latency import latency_ms
from solutionkit.compare.left_out import LeftOut, compare_left_out
from solutionkit.compare.metrics import Metric
from solutionkit.compare.records import HeldOut, read_further, read_held_out, read_left_out, read_repeats
from solutionkit.dotted import import_from
from solutionkit.examples.alike import alike_rows
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import kind_of
from solutionkit.models.arrays import further_labels, parse_columns, read_serialized
from solutionkit.models.export import model_size
from solutionkit.models.run import FACTS_FILE
from solutionkit.models.saved import SavedScorer
from solutionkit.splits import EVAL, TRAIN, VALIDATION
from solutionkit.use_case import Project


def compare_exported(
    project: Project,
    examples: Path,
    models: dict[str, Path],
    records: dict[str, Path],
    evaluation: Path,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Score the evaluation rows with both SavedModels and compare.

    Args:
        project: Its declaration and use case.
        examples: An Examples artifact with the splits train, validation and eval.
        models: SavedModel folders by name.
        records: What training wrote, by name.
        evaluation: TFMA's output, for a second opinion.

    Returns:
        `comparison.json`'s content, and the arrays behind the report's charts.
    """
    declaration = project.declaration
    serialized = read_serialized([str(examples / f"Split-{EVAL}" / "*")])
    scorers = {name: SavedScorer(folder) for name, folder in models.items()}
    spec = next(iter(scorers.values())).spec
    held_out = read_held_out(records)
    judged = evaluation_set(project, spec, examples, serialized, held_out)
    scrutiny: dict[str, Scrutiny] = {}
    if project.use_case.modality.scrutiny:
        scrutinise = import_from(project.folder, project.use_case.modality.scrutiny)
        scoring = {name: scorer.score_examples for name, scorer in scorers.items()}
        scrutiny = scrutinise(serialized, judged, spec, scoring, declaration)
    answers = {name: scorer.answers_to_examples(serialized) for name, scorer in scorers.items()}
    scored = {
        name: ScoredModel(
            evaluation=answers[name][spec.label],
            validation=held_out.scores[name],
            latency_ms=latency_ms(scorer.score_examples, serialized),
            size_bytes=model_size(models[name]),
            facts=json.loads((records[name] / FACTS_FILE).read_text()),
            scrutiny=scrutiny.get(name, Scrutiny()),
        )
        for name, scorer in scorers.items()
    }
    primary = project.primary_metric(spec.task)
    repeats = [
        {name: SavedScorer(folder).score_examples(serialized) for name, folder in folders.items()}
        for folders in read_repeats(records)
    ]
    result = compare(project.package, primary, judged, scored, declaration, repeats)
    result["evaluator"] = second_opinion(evaluation, judged.metrics)
    outputs = {name: model.evaluation for name, model in scored.items()}
    if column := declaration.compare.leave_out:
        said = []
        for value, folders in read_left_out(records).items():
            rows = judged.slices[column].astype(str) == value
            asked = {name: SavedScorer(folder) for name, folder in folders.items()}
            told = {name: scorer.score_examples(serialized[rows]) for name, scorer in asked.items()}
            said.append(LeftOut(value, rows, told))
        seed = declaration.training.seed
        result["left_out"] = compare_left_out(judged, judged.metrics[primary], outputs, column, said, seed)
    if spec.further:
        result["further"] = further = {}
        preferred = project.use_case.primary_metric
        for number, task in enumerate(spec.further):
            labels = further_labels(serialized, task)
            of_label = read_further(records, number, held_out)
            known = of_label.labels, of_label.places
            own = rows_with_label(judged, task.asked(declaration.clinical), labels, *known)
            told = {name: item[task.label][labels >= 0] for name, item in answers.items()}
            further[task.label] = compare_further(own, told, of_label.scores, preferred, declaration)
    scores = {"labels": judged.labels, **outputs}
    if judged.units is not None:
        scores["units"] = judged.units
    return result, scores | judged.circumstances.kept


def evaluation_set(
    project: Project, spec: TableSpec, examples: Path, serialized: np.ndarray, held_out: HeldOut
) -> EvaluationSet:
    """What the models are judged on.

    Args:
        project: Its declaration and use case.
        spec: What the columns are.
        examples: An Examples artifact.
        serialized: `(eval rows,)` tf.Examples.
        held_out: The rows from which thresholds are chosen.
    """
    declaration, modality = project.declaration, project.use_case.modality
    names = modality.metadata_columns(declaration)
    wanted = dict.fromkeys([spec.label, *declaration.slices.columns, *names])
    columns = parse_columns(serialized, spec, list(wanted))
    validation = {}
    if names:
        rows = [read_serialized([str(examples / f"Split-{split}" / "*")]) for split in held_out.splits]
        validation = parse_columns(np.concatenate(rows)[held_out.kept], spec, names)
    around = modality.circumstances(columns, validation, declaration)
    unit = around.unit or modality.unit(declaration) or "row"
    if around.units is None and (codes := copied_rows(serialized, spec)) is not None:
        rows = [read_serialized([str(examples / f"Split-{split}" / "*")]) for split in held_out.splits]
        known = copied_rows(np.concatenate(rows)[held_out.kept], spec)
        around, unit = replace(around, units=codes, validation_units=known), "distinct row"
    return EvaluationSet(
        task=spec.task.asked(declaration.clinical),
        labels=columns[spec.label],
        validation_labels=held_out.labels,
        validation_folds=held_out.folds,
        train=sum(count_rows(examples / f"Split-{split}") for split in (TRAIN, VALIDATION)),
        slices={name: columns[name] for name in declaration.slices.columns},
        calibrated=modality.calibrated(declaration.training.method),
        false_alarm_rate=modality.false_alarm_rate(declaration),
        circumstances=around,
        own_metrics=project.use_case.own_metrics(),
        unit=unit,
    )


def copied_rows(serialized: np.ndarray, spec: TableSpec) -> np.ndarray | None:
    """`(rows,)` codes that copies of a row share; nothing where they are too few to widen an interval.

    Args:
        serialized: `(rows,)` tf.Examples.
        spec: What the columns are.
    """
    known = {feature.name: kind_of(feature).parsing_dense(feature) for feature in spec.ordered}
    encoded = []
    for column in tf.io.parse_example(serialized, known).values():
        values = column.numpy()
        cells = values if values.ndim == 1 else np.array([row.tobytes() for row in values], object)
        encoded.append(np.unique(cells, return_inverse=True)[1])
    # The same file is the same picture; cells of a table may be alike by chance.
    codes = encoded[0] if spec.files else alike_rows(encoded)
    return None if codes is None or few_shared(codes) else codes


def count_rows(folder: Path) -> int:
    """Number of records in a split's files."""
    files = [str(file) for file in sorted(folder.iterdir())]
    count: int = tf.data.TFRecordDataset(files).reduce(np.int64(0), lambda total, _: total + 1).numpy()
    return int(count)


def second_opinion(evaluation: Path, metrics: dict[str, Metric]) -> dict[str, dict[str, float]]:
    """TFMA's own figures of both models over all rows, beside ours: `{metric: {model: value}}`.

    Args:
        evaluation: TFMA's output.
        metrics: Ours, by name.
    """
    from tensorflow_model_analysis.proto import metrics_for_slice_pb2

    ours = {metric.second_opinion: name for name, metric in metrics.items() if metric.second_opinion}
    opinion: dict[str, dict[str, float]] = {}
    for file in sorted(evaluation.glob("metrics*")):
        for record in tf.data.TFRecordDataset(str(file)):
            message = metrics_for_slice_pb2.MetricsForSlice.FromString(record.numpy())
            if message.slice_key.single_slice_keys:
                continue
            for item in message.metric_keys_and_values:
                if item.key.name in ours and not item.key.is_diff:
                    name = item.key.model_name if item.key.model_name in {"baseline", "deep"} else "deep"
                    metric = opinion.setdefault(ours[item.key.name], {})
                    metric[name] = item.value.double_value.value
    return opinion

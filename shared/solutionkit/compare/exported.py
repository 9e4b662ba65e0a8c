"""The comparison of two exported models on a split of tf.Examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf

from solutionkit.compare.alerts import Alerts
from solutionkit.compare.comparison import Rows, ScoredModel, compare
from solutionkit.compare.latency import latency_ms
from solutionkit.compare.metrics import recall_rate
from solutionkit.declaration import Declaration
from solutionkit.examples.columns import TableSpec
from solutionkit.examples.splitting import EVAL, TRAIN, VALIDATION
from solutionkit.examples.times import DAY, microseconds
from solutionkit.models.arrays import read_serialized
from solutionkit.models.export import model_size
from solutionkit.models.run import FACTS_FILE, VALIDATION_FILE
from solutionkit.models.saved import SavedScorer

# What TFMA calls the metrics of which it gives a second opinion.
EVALUATOR_NAMES = {"auc": "roc_auc", "sparse_categorical_accuracy": "accuracy"}


def compare_exported(
    package: str,
    primary_metric: str,
    declaration: Declaration,
    examples: Path,
    models: dict[str, Path],
    records: dict[str, Path],
    evaluation: Path,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Score the evaluation rows with both SavedModels and compare.

    Args:
        package: The use case's name.
        primary_metric: The metric that decides.
        declaration: Business values, slices, thresholds and seed.
        examples: An Examples artifact with the splits train, validation and eval.
        models: SavedModel folders by name.
        records: What training wrote, by name.
        evaluation: TFMA's output, for the thresholds' second opinion.

    Returns:
        `comparison.json`'s content, and the arrays behind the report's charts.
    """
    serialized = read_serialized([str(examples / f"Split-{EVAL}" / "*")])
    scorers = {name: SavedScorer(folder) for name, folder in models.items()}
    spec = scorers["baseline"].spec
    group, card, time = declaration.columns.group, declaration.columns.card, declaration.columns.time
    amount = declaration.columns.amount if declaration.business and declaration.business.recovered else None
    wanted = [spec.label, *declaration.slices.columns]
    wanted += [name for name in (group, card, time if card else None, amount) if name]
    columns = parse_columns(serialized, spec, list(dict.fromkeys(wanted)))
    labels = columns[spec.label]
    groups = group_codes(columns[group]) if group else None
    held_out = [name for name in (time if card else None, amount) if name]
    validation = {}
    if held_out:
        rows_held_out = read_serialized([str(examples / f"Split-{VALIDATION}" / "*")])
        validation = parse_columns(rows_held_out, spec, held_out)
    alerts = None
    if card and time:
        days, names = day_codes(columns[time])
        # Rows of a day resemble each other, and a whole day is what is decided about.
        groups = days
        budget = declaration.business.alert_budget if declaration.business else None
        if budget:
            # A row without a card is a card of its own.
            named = [name or f"row {row}" for row, name in enumerate(columns[card])]
            cards = np.unique(np.array(named), return_inverse=True)[1]
            alerts = Alerts(days, names, cards, budget)
    scored, validation_labels = {}, np.array([])
    for name, scorer in scorers.items():
        with np.load(records[name] / VALIDATION_FILE) as stored:
            validation_scores, validation_labels = stored["scores"], stored["labels"]
        scored[name] = ScoredModel(
            evaluation=scorer.score_examples(serialized),
            validation=validation_scores,
            latency_ms=latency_ms(scorer.score_examples, serialized),
            size_bytes=model_size(models[name]),
            facts=json.loads((records[name] / FACTS_FILE).read_text()),
        )
    training_rows = sum(count_rows(examples / f"Split-{split}") for split in (TRAIN, VALIDATION))
    slices = {name: columns[name] for name in declaration.slices.columns}
    calibrated = declaration.training.method != "anomaly"
    rows = Rows(
        labels=labels,
        validation_labels=validation_labels,
        train=training_rows,
        slices=slices,
        classes=spec.classes,
        detects=spec.detects,
        groups=groups,
        calibrated=calibrated,
        amounts=np.nan_to_num(columns[amount]) if amount else None,
        validation_amounts=np.nan_to_num(validation[amount]) if amount else None,
        alerts=alerts,
        validation_days=len(day_codes(validation[time])[1]) if alerts and time else 0,
    )
    business, seed = declaration.business, declaration.training.seed
    rate = recall_rate(declaration)
    result = compare(package, primary_metric, rows, scored, business, seed, rate)
    result["broken_thresholds"] = broken_thresholds(result, declaration.thresholds)
    result["evaluator"] = second_opinion(evaluation)
    curves = {"labels": labels, **{name: model.evaluation for name, model in scored.items()}}
    if rows.amounts is not None:
        curves["amounts"] = rows.amounts
    return result, curves


def day_codes(times: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """`((rows,) codes from 0 in the order of time, the days' names)` of a time column's texts or numbers."""
    column = pa.table({"time": pa.array(times)})
    days, codes = np.unique(microseconds(column, "time", "the time column") // DAY, return_inverse=True)
    return codes, tuple(str(day) for day in days.astype("datetime64[D]"))


def group_codes(groups: np.ndarray) -> np.ndarray | None:
    """`(rows,)` codes from 0; nothing where each row is a group by itself."""
    names, codes = np.unique(groups, return_inverse=True)
    return codes if len(names) < len(groups) else None


def broken_thresholds(result: dict[str, Any], thresholds: dict[str, float]) -> list[str]:
    """What the selected model fails to keep, one sentence each."""
    found = []
    for name, bound in thresholds.items():
        value = result["models"][result["selected"]]["metrics"][name]["value"]
        higher = result["metrics"][name]["higher_is_better"]
        if (value < bound) if higher else (value > bound):
            found.append(
                f"{name} is {value:.4f}, the bound is {'at least' if higher else 'at most'} {bound:g}"
            )
    return found


def parse_columns(serialized: np.ndarray, spec: TableSpec, names: list[str]) -> dict[str, np.ndarray]:
    """Columns of serialized tf.Examples: the label as int64, numbers with NaN, text with "" for missing."""
    numeric = {feature.name for feature in spec.numeric}
    features: dict[str, Any] = {}
    for name in names:
        if name == spec.label:
            features[name] = tf.io.FixedLenFeature([], tf.int64)
        elif name in numeric:
            features[name] = tf.io.FixedLenFeature([], tf.float32, float("nan"))
        else:
            features[name] = tf.io.FixedLenFeature([], tf.string, "")
    parsed = {name: value.numpy() for name, value in tf.io.parse_example(serialized, features).items()}
    return {
        name: np.array([cell.decode("utf-8") for cell in column], object)
        if column.dtype.kind == "O"
        else column
        for name, column in parsed.items()
    }


def count_rows(folder: Path) -> int:
    """Number of records in a split's files."""
    files = [str(file) for file in sorted(folder.iterdir())]
    count: int = tf.data.TFRecordDataset(files).reduce(np.int64(0), lambda total, _: total + 1).numpy()
    return int(count)


def second_opinion(evaluation: Path) -> dict[str, dict[str, float]]:
    """TFMA's own figures of both models over all rows, beside ours: `{metric: {model: value}}`."""
    from tensorflow_model_analysis.proto import metrics_for_slice_pb2

    found: dict[str, dict[str, float]] = {}
    for file in sorted(evaluation.glob("metrics*")):
        for record in tf.data.TFRecordDataset(str(file)):
            message = metrics_for_slice_pb2.MetricsForSlice.FromString(record.numpy())
            if message.slice_key.single_slice_keys:
                continue
            for item in message.metric_keys_and_values:
                if item.key.name in EVALUATOR_NAMES and not item.key.is_diff:
                    name = item.key.model_name if item.key.model_name in {"baseline", "deep"} else "deep"
                    metric = found.setdefault(EVALUATOR_NAMES[item.key.name], {})
                    metric[name] = item.value.double_value.value
    return found

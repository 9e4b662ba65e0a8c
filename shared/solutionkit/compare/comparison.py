"""The whole comparison as `comparison.json` promises it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from solutionkit.compare import money
from solutionkit.compare.alerts import Alerts, alert_metrics, daily_report
from solutionkit.compare.bootstrap import Estimate, interval, paired_draws, resamples, two_sided_p
from solutionkit.compare.calibration import calibration
from solutionkit.compare.delong import delong
from solutionkit.compare.mcnemar import mcnemar_p
from solutionkit.compare.metrics import Metric, detected, detection_scores, metrics_for
from solutionkit.compare.slices import compare_slices, estimate
from solutionkit.compare.verdict import Cost, decide
from solutionkit.declaration import Business

BASELINE, DEEP, TRIVIAL = "baseline", "deep", "trivial"


@dataclass(frozen=True)
class ScoredModel:
    """A model's scores and costs.

    Attributes:
        evaluation: `(eval rows, outputs)` probabilities.
        validation: `(validation rows, outputs)` probabilities by a model not fitted on these rows.
        latency_ms: By batch, see `latency`.
        size_bytes: Of the SavedModel.
        facts: What training told; `train_seconds` among it.
    """

    evaluation: np.ndarray
    validation: np.ndarray
    latency_ms: dict[str, float]
    size_bytes: int
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def cost(self) -> Cost:
        """What decides a tie."""
        return Cost(self.latency_ms["batch_1"], self.size_bytes, self.facts["train_seconds"])


@dataclass(frozen=True)
class Rows:
    """What both models are judged on.

    Attributes:
        labels: `(eval rows,)` class ids.
        validation_labels: `(validation rows,)` class ids.
        train: Number of rows on the training side, validation rows included.
        slices: Columns to slice by, each `(eval rows,)`.
        classes: What the class ids mean.
        detects: Whether class 0 means that nothing was found, so that there is something to decide.
        groups: `(eval rows,)` codes from 0 of rows that resemble each other, if there are such.
        calibrated: Whether the models' outputs are meant as probabilities.
        amounts: `(eval rows,)` money at stake, if the worth depends on it.
        validation_amounts: `(validation rows,)`.
        alerts: Day and card of the eval rows, if alerts have a budget.
        validation_days: How many days the validation rows span.
    """

    labels: np.ndarray
    validation_labels: np.ndarray
    train: int
    slices: dict[str, np.ndarray] = field(default_factory=dict)
    classes: tuple[str, ...] = ("negative", "positive")
    detects: bool = True
    groups: np.ndarray | None = None
    calibrated: bool = True
    amounts: np.ndarray | None = None
    validation_amounts: np.ndarray | None = None
    alerts: Alerts | None = None
    validation_days: int = 0

    @property
    def outputs(self) -> int:
        """Probabilities a row."""
        return 1 if len(self.classes) == 2 else len(self.classes)


def compare(
    use_case: str,
    primary_metric: str,
    rows: Rows,
    models: dict[str, ScoredModel],
    business: Business | None,
    seed: int,
    false_alarm_rate: float | None = None,
) -> dict[str, Any]:
    """Compare the baseline and the deep model, with the trivial predictor beside them.

    Args:
        use_case: Its name.
        primary_metric: The metric that decides, one of those that the label allows (`metrics_for`).
        rows: What they are judged on.
        models: The scored models by name: `baseline` and `deep`.
        business: Worth of the outcomes, if declared.
        seed: Of the bootstrap.
        false_alarm_rate: The rate at which the recall is wanted, if it is.

    Returns:
        The content of `comparison.json`.
    """
    labels = rows.labels
    metrics = metrics_for(len(rows.classes), rows.detects, false_alarm_rate, rows.calibrated)
    if rows.alerts is not None:
        metrics |= alert_metrics(rows.alerts)
    primary = metrics[primary_metric]
    prior = class_shares(rows)
    scores = {BASELINE: models[BASELINE].evaluation, DEEP: models[DEEP].evaluation}
    scores[TRIVIAL] = np.tile(prior, (len(labels), 1))
    validation = {BASELINE: models[BASELINE].validation, DEEP: models[DEEP].validation}
    validation[TRIVIAL] = np.tile(prior, (len(rows.validation_labels), 1))

    estimates = {
        name: estimate(metric, labels, scores, seed, rows.groups) for name, metric in metrics.items()
    }
    decisions = _decisions(rows, scores, validation, business, false_alarm_rate, seed)
    result: dict[str, Any] = {"use_case": use_case, "run_id": "", "primary_metric": primary_metric}
    result["higher_is_better"] = primary.higher_is_better
    result["metrics"] = {
        name: {"title": metric.title, "higher_is_better": metric.higher_is_better}
        for name, metric in metrics.items()
    }
    result["classes"] = {name: int((labels == position).sum()) for position, name in enumerate(rows.classes)}
    result["rows"] = {
        "train": rows.train,
        "eval": len(labels),
        "validation": len(rows.validation_labels),
        "eval_positive": int(detected(labels).sum()) if rows.detects else None,
    }
    result["models"] = {
        name: {
            "metrics": {metric: found[name].to_json() for metric, found in estimates.items()},
            "business": decisions[name],
        }
        for name in scores
    }
    for name, model in models.items():
        facts = dict(model.facts)
        result["models"][name] |= {
            "train_seconds": round(facts.pop("train_seconds"), 3),
            "latency_ms": model.latency_ms,
            "size_bytes": model.size_bytes,
            "calibration": _calibration(rows, model.evaluation) if rows.calibrated else None,
            "training": facts,
        }
        if len(rows.classes) > 2:
            result["models"][name]["confusion"] = confusion(labels, model.evaluation)
    result["difference"] = difference(primary, labels, scores[BASELINE], scores[DEEP], seed, rows.groups)
    if business and rows.detects:
        result["business_difference"] = _business_difference(rows, scores, decisions, business, seed)
    both = {name: scores[name] for name in (BASELINE, DEEP)}
    result["slices"] = compare_slices(rows.slices, labels, both, primary, seed, rows.groups)
    if rows.alerts is not None:
        detection = {name: detection_scores(item) for name, item in both.items()}
        result["daily"] = daily_report(rows.alerts, detected(labels), detection)
    found = result["difference"]
    decision = decide(
        primary.title,
        found["value"],
        found["low"],
        found["high"],
        found["p_value"],
        primary.higher_is_better,
        models[BASELINE].cost,
        models[DEEP].cost,
    )
    result |= {"verdict": decision.verdict, "selected": decision.selected, "reason": decision.reason}
    return result


def class_shares(rows: Rows) -> np.ndarray:
    """`(outputs,)` the validation rows' shares of the classes, none quite zero: the trivial predictor."""
    counts = np.bincount(rows.validation_labels, minlength=len(rows.classes)).astype(float)
    shares = np.maximum(counts, 0.5) / np.maximum(counts, 0.5).sum()
    said: np.ndarray = shares[1:] if rows.outputs == 1 else shares
    return said


def confusion(labels: np.ndarray, probabilities: np.ndarray) -> list[list[int]]:
    """How many rows of each class (outer) were taken for which (inner)."""
    classes = probabilities.shape[1]
    cells = np.bincount(labels * classes + probabilities.argmax(axis=1), minlength=classes**2)
    table: list[list[int]] = cells.reshape(classes, classes).tolist()
    return table


def difference(
    metric: Metric,
    labels: np.ndarray,
    baseline: np.ndarray,
    deep: np.ndarray,
    seed: int,
    groups: np.ndarray | None = None,
) -> dict[str, Any]:
    """The deep model's metric minus the baseline's, with interval and paired test.

    DeLong's and McNemar's tests presume independent rows; with groups the bootstrap of whole groups tests.
    """
    if metric.name == "roc_auc" and groups is None:
        scores = np.stack([metric.scores(baseline), metric.scores(deep)])
        value, low, high, p_value = delong(metric.labels(labels), scores).difference()
        test = "delong"
    else:
        draws = paired_draws(metric, labels, [baseline, deep], seed, groups)
        value = metric.value(labels, deep) - metric.value(labels, baseline)
        found = interval(value, draws[1] - draws[0])
        low, high, p_value = found.low, found.high, two_sided_p(draws[1] - draws[0])
        test = "paired_bootstrap" if groups is None else "paired_group_bootstrap"
    if metric.name == "accuracy" and groups is None:
        right = [metric.scores(item).argmax(axis=1) == labels for item in (baseline, deep)]
        p_value, test = mcnemar_p(*right), "mcnemar_exact"
    return {"metric": metric.name, "value": value, "low": low, "high": high, "p_value": p_value, "test": test}


def _calibration(rows: Rows, probabilities: np.ndarray) -> dict[str, Any]:
    """Of the probability of being positive; without such a thing, of the likeliest class."""
    if rows.detects:
        return calibration(detected(rows.labels), detection_scores(probabilities))
    right = probabilities.argmax(axis=1) == rows.labels
    return calibration(right.astype(np.int64), probabilities.max(axis=1))


def _decisions(
    rows: Rows,
    scores: dict[str, np.ndarray],
    validation: dict[str, np.ndarray],
    business: Business | None,
    false_alarm_rate: float | None,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """Each model's threshold, what it leads to and what that is worth, if a worth is declared."""
    decisions: dict[str, dict[str, Any]] = {
        name: {"threshold": None, "value_per_1000": None, "outcomes": None} for name in scores
    }
    if not rows.detects:
        return decisions
    labels, validation_labels = detected(rows.labels), detected(rows.validation_labels)
    for name, probabilities in scores.items():
        score, held_out = detection_scores(probabilities), detection_scores(validation[name])
        if validation_labels.any():
            most = rows.alerts.budget * rows.validation_days if rows.alerts else None
            threshold = money.best_threshold(
                validation_labels, held_out, business, rows.validation_amounts, most
            )
        else:
            threshold = money.quiet_threshold(held_out, false_alarm_rate or money.FALSE_ALARM_RATE)
        decisions[name]["threshold"] = threshold
        decisions[name]["outcomes"] = money.outcomes(labels, score, threshold)
        if business:
            found = _value(rows, score, threshold, business, seed)
            decisions[name] |= {"value_per_1000": found.value, "low": found.low, "high": found.high}
            decisions[name]["currency"] = business.currency
    return decisions


def _value(rows: Rows, score: np.ndarray, threshold: float, business: Business, seed: int) -> Estimate:
    labels, amounts = detected(rows.labels), rows.amounts
    everything = np.ones((1, len(labels)))
    value = float(money.value_per_1000(labels, score, everything, threshold, business, amounts)[0])
    draws = [
        money.value_per_1000(labels, score, weights, threshold, business, amounts)
        for weights in resamples(labels, seed, groups=rows.groups)
    ]
    return interval(value, np.concatenate(draws))


def _business_difference(
    rows: Rows,
    scores: dict[str, np.ndarray],
    decisions: dict[str, dict[str, Any]],
    business: Business,
    seed: int,
) -> dict[str, Any]:
    """Value of 1,000 decisions: the deep model's minus the baseline's, by the paired bootstrap."""
    positive = detected(rows.labels)
    per_row = {
        name: money.row_values(
            positive, detection_scores(scores[name]) >= decisions[name]["threshold"], business, rows.amounts
        )
        for name in (BASELINE, DEEP)
    }
    gain = money.PER * (per_row[DEEP] - per_row[BASELINE])
    draws = np.concatenate(
        [weights @ gain / weights.sum(axis=1) for weights in resamples(positive, seed, groups=rows.groups)]
    )
    found = interval(float(gain.mean()), draws)
    return {
        **found.to_json(),
        "p_value": two_sided_p(draws),
        "currency": business.currency,
        "resamples": len(draws),
    }

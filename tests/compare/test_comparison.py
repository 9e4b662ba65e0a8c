import json

import numpy as np
import pytest

from solutionkit.compare.comparison import ScoredModel, compare
from solutionkit.compare.evaluation import EvaluationSet
from solutionkit.declaration import Business
from solutionkit.tasks.classification.task import Classification

TASK = Classification("y", ("0", "1"))
RANDOM = np.random.default_rng(0)
LABELS, VALIDATION_LABELS = RANDOM.integers(0, 2, 600), RANDOM.integers(0, 2, 200)


def scored(strength: float, seconds: float = 1.0) -> ScoredModel:
    def score(labels: np.ndarray) -> np.ndarray:
        return 1 / (
            1 + np.exp(-(strength * (labels - 0.5) + np.random.default_rng(1).normal(size=len(labels))))
        )

    facts = {"train_seconds": seconds, "algorithm": "test"}
    return ScoredModel(
        score(LABELS)[:, None],
        score(VALIDATION_LABELS)[:, None],
        {"batch_1": 1.0, "batch_128": 2.0},
        100,
        facts,
    )


def result(deep: float, metric: str = "roc_auc", business: Business | None = None) -> dict:
    rows = EvaluationSet(
        TASK, LABELS, VALIDATION_LABELS, train=1000, slices={"side": np.array(["l", "r"] * 300, object)}
    )
    models = {"baseline": scored(1.0), "deep": scored(deep, seconds=9.0)}
    return compare("any", metric, rows, models, business, seed=0)


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision", "log_loss"])
def test_a_better_deep_model_wins_on_any_metric(metric: str) -> None:
    found = result(3.0, metric)
    assert (found["verdict"], found["selected"]) == ("deep", "deep")
    assert found["difference"]["test"] == ("delong" if metric == "roc_auc" else "paired_bootstrap")
    assert found["difference"]["p_value"] < 0.05


def test_the_same_model_twice_is_a_tie() -> None:
    found = result(1.0)
    assert (found["verdict"], found["selected"]) == ("tie", "baseline")
    assert found["difference"]["value"] == 0.0


def test_contract_keys_and_no_eval_rows_in_the_threshold() -> None:
    found = result(3.0, business=Business(true_positive=5, false_positive=-1))
    json.dumps(found, allow_nan=False)
    assert found["rows"] == {
        "train": 1000,
        "eval": 600,
        "validation": 200,
        "eval_positive": int(LABELS.sum()),
    }
    model = found["models"]["deep"]
    assert set(model) >= {"metrics", "latency_ms", "size_bytes", "train_seconds", "business", "calibration"}
    assert set(model["metrics"]["roc_auc"]) == {"value", "low", "high"}
    assert sum(model["business"]["outcomes"].values()) == 600
    assert found["models"]["trivial"]["metrics"]["roc_auc"]["value"] == 0.5
    assert found["business_difference"]["value"] == pytest.approx(
        model["business"]["value_per_1000"] - found["models"]["baseline"]["business"]["value_per_1000"]
    )
    other = EvaluationSet(TASK, 1 - LABELS, VALIDATION_LABELS, 1000)
    flipped = compare("any", "roc_auc", other, {"baseline": scored(1.0), "deep": scored(3.0)}, None, 0)
    kept = compare(
        "any",
        "roc_auc",
        EvaluationSet(TASK, LABELS, VALIDATION_LABELS, 1000),
        {"baseline": scored(1.0), "deep": scored(3.0)},
        None,
        0,
    )
    assert (
        flipped["models"]["deep"]["business"]["threshold"] == kept["models"]["deep"]["business"]["threshold"]
    )

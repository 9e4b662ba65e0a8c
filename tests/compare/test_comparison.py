import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from solutionkit.compare.comparison import ScoredModel, compare
from solutionkit.compare.evaluation import Circumstances, EvaluationSet
from solutionkit.declaration import Business, Columns, Comparing, Data, Declaration
from solutionkit.tasks.classification.task import Classification

TASK = Classification("y", ("0", "1"))
RANDOM = np.random.default_rng(0)
LABELS, VALIDATION_LABELS = RANDOM.integers(0, 2, 600), RANDOM.integers(0, 2, 200)


def declared(business: Business | None = None, margin: float | None = None, **more: Any) -> Declaration:
    return Declaration(
        data=Data(path=Path("any")),
        columns=Columns(label="y"),
        business=business,
        compare=Comparing(margin=margin),
        **more,
    )


def scored(strength: float, seconds: float = 1.0, size: int = 100) -> ScoredModel:
    def score(labels: np.ndarray) -> np.ndarray:
        return 1 / (
            1 + np.exp(-(strength * (labels - 0.5) + np.random.default_rng(1).normal(size=len(labels))))
        )

    facts = {"train_seconds": seconds, "algorithm": "test"}
    return ScoredModel(
        score(LABELS)[:, None],
        score(VALIDATION_LABELS)[:, None],
        {"batch_1": 1.0, "batch_128": 2.0},
        size,
        facts,
    )


def result(deep: float, metric: str = "roc_auc", business: Business | None = None) -> dict:
    rows = EvaluationSet(
        TASK, LABELS, VALIDATION_LABELS, train=1000, slices={"side": np.array(["l", "r"] * 300, object)}
    )
    models = {"baseline": scored(1.0), "deep": scored(deep, seconds=9.0)}
    return compare("any", metric, rows, models, declared(business))


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision", "log_loss"])
def test_a_better_deep_model_wins_on_any_metric(metric: str) -> None:
    found = result(3.0, metric)
    assert (found["verdict"], found["selected"]) == ("deep", "deep")
    assert found["difference"]["test"] == ("delong" if metric == "roc_auc" else "paired_bootstrap")
    assert found["difference"]["p_value"] < 0.05
    assert all(gate["held"] for gate in found["gates"])


def test_the_same_model_twice_is_equivalent_and_the_simpler_one_ships() -> None:
    found = result(1.0)
    assert (found["verdict"], found["selected"]) == ("equivalent", "baseline")
    assert found["difference"]["value"] == 0.0
    assert found["reason"].endswith("The baseline ships, being the simpler of the two.")


def test_among_equals_sizes_decide_and_not_times() -> None:
    rows = EvaluationSet(TASK, LABELS, VALIDATION_LABELS, train=1000)
    for deep, expected in ((scored(1.0, 99.0, size=40), "deep"), (scored(1.0, 0.1, size=90), "baseline")):
        found = compare("any", "roc_auc", rows, {"baseline": scored(1.0), "deep": deep}, declared())
        assert (found["verdict"], found["selected"]) == ("equivalent", expected)


def test_two_useless_models_ship_nothing() -> None:
    models = {"baseline": scored(0.0), "deep": scored(0.0)}
    rows = EvaluationSet(TASK, LABELS, VALIDATION_LABELS, train=1000)
    found = compare("any", "roc_auc", rows, models, declared())
    assert found["selected"] is None
    assert found["preferred"] == "baseline"
    assert found["reason"].endswith("Nothing ships.")
    assert {gate["name"] for gate in found["gates"] if not gate["held"]} == {"beats_trivial"}


def test_where_the_better_model_breaks_a_bound_the_other_one_is_tried() -> None:
    rows = EvaluationSet(TASK, LABELS, VALIDATION_LABELS, train=1000)
    poor = replace(scored(3.0), evaluation=scored(3.0).evaluation ** 40)
    models = {"baseline": scored(2.0), "deep": poor}
    found = compare("any", "roc_auc", rows, models, declared(thresholds={"log_loss": 0.69}))
    assert (found["verdict"], found["selected"]) == ("deep", "baseline")
    assert "The deep model does not ship: log_loss is" in found["reason"]
    assert found["reason"].endswith("The baseline ships instead.")


def test_money_keeps_the_better_metric_from_shipping() -> None:
    """Errors that cost all the money weigh more than a higher ROC-AUC."""
    rows = EvaluationSet(TASK, LABELS, VALIDATION_LABELS, train=1000)
    deep = scored(3.0)
    # On evaluation rows its best scores are of negatives: hardly a loss of AUC, and all of them are flagged.
    said = deep.evaluation.copy()
    said[np.flatnonzero(LABELS == 0)[:25]] = 0.999
    models = {"baseline": scored(1.0), "deep": replace(deep, evaluation=said)}
    business = Business(true_positive=1.0, false_positive=-40.0)
    found = compare("any", "roc_auc", rows, models, declared(business))
    assert found["verdict"] == "deep"
    assert found["business_difference"]["p_value"] < 0.05
    assert found["selected"] != "deep"
    assert any(gate["name"] == "money" and not gate["held"] for gate in found["gates"])


def test_few_groups_give_no_verdict_and_ship_nothing() -> None:
    for groups in (1, 3):
        units = np.arange(600) % groups
        rows = EvaluationSet(
            TASK, LABELS, VALIDATION_LABELS, 1000, circumstances=Circumstances(units=units), unit="group"
        )
        found = compare("any", "roc_auc", rows, {"baseline": scored(1.0), "deep": scored(3.0)}, declared())
        assert (found["verdict"], found["selected"]) == ("undecided", None)
        assert found["units"] == {"name": "group", "eval": groups}
        assert f"{groups} unit{'s' * (groups > 1)} by 'group'" in found["reason"]


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
    flipped = compare("any", "roc_auc", other, {"baseline": scored(1.0), "deep": scored(3.0)}, declared())
    kept = compare(
        "any",
        "roc_auc",
        EvaluationSet(TASK, LABELS, VALIDATION_LABELS, 1000),
        {"baseline": scored(1.0), "deep": scored(3.0)},
        declared(),
    )
    assert (
        flipped["models"]["deep"]["business"]["threshold"] == kept["models"]["deep"]["business"]["threshold"]
    )


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision"])
def test_few_rows_all_told_rightly_are_no_equivalence(metric: str) -> None:
    labels = np.repeat([0, 1], [40, 8])
    rows = EvaluationSet(TASK, labels, labels, train=100)

    def perfect(slope: float) -> ScoredModel:
        said = (0.5 + slope * (labels - 0.5))[:, None]
        return replace(scored(1.0), evaluation=said, validation=said)

    found = compare("any", metric, rows, {"baseline": perfect(0.3), "deep": perfect(0.9)}, declared())
    assert found["verdict"] == "undecided"
    assert found["difference"]["low"] < -0.1 < 0.1 < found["difference"]["high"]
    assert found["difference"]["detectable"] > 0.1


def test_repeats_widen_the_verdict_and_are_told() -> None:
    rows = EvaluationSet(TASK, LABELS, VALIDATION_LABELS, train=1000)
    models = {"baseline": scored(1.0), "deep": scored(1.35)}
    alone = compare("any", "roc_auc", rows, models, declared())
    assert (alone["verdict"], alone["learning"]) == ("deep", None)
    repeats = [
        {"baseline": scored(1.4).evaluation, "deep": scored(1.0).evaluation},
        {"baseline": scored(1.2).evaluation, "deep": scored(1.3).evaluation},
    ]
    found = compare("any", "roc_auc", rows, models, declared(), repeats)
    assert found["verdict"] == "undecided"
    assert found["difference"]["value"] == alone["difference"]["value"]
    assert found["learning"]["source"] == "seeds"
    assert found["learning"]["deep_ahead"] == 2
    assert len(found["learning"]["differences"]) == 3


def test_folds_of_a_bag_are_told() -> None:
    codes = np.arange(len(VALIDATION_LABELS)) % 5
    rows = EvaluationSet(TASK, LABELS, VALIDATION_LABELS, train=1000, validation_folds=codes)
    models = {"baseline": scored(1.0), "deep": scored(3.0)}
    found = compare("any", "roc_auc", rows, models, declared())
    assert found["learning"]["source"] == "folds"
    assert found["learning"]["deep_ahead"] == 5
    assert found["verdict"] == "deep"


def ladder(simple: float, **more: Any) -> dict:
    rows = EvaluationSet(
        TASK, LABELS, VALIDATION_LABELS, train=1000, slices={"side": np.array(["l", "r"] * 300, object)}
    )
    models = {"simple": scored(simple), "baseline": scored(2.0), "deep": scored(2.0)}
    return compare("any", "roc_auc", rows, models, declared(**more))


def test_the_simplest_model_that_is_no_worse_ships() -> None:
    found = ladder(1.999)
    assert (found["verdict"], found["preferred"], found["selected"]) == ("equivalent", "simple", "simple")
    assert found["ladder"]["simple"]["no_worse"]
    assert found["ladder"]["simple"]["against"] == "baseline"
    assert "The simple model ships, shown to be worse than the baseline by less than" in found["reason"]
    assert {gate["model"] for gate in found["gates"]} == {"simple"}
    assert set(found["models"]) == {"simple", "baseline", "deep", "trivial"}
    assert found["slices"][0]["simple"]["value"] > 0.5


def test_a_simple_model_that_is_worse_or_may_be_does_not_ship() -> None:
    found = ladder(1.0)
    assert found["selected"] == "baseline"
    assert not found["ladder"]["simple"]["no_worse"]
    assert found["ladder"]["simple"]["high"] < 0.0


def test_a_simple_model_that_breaks_a_gate_gives_way() -> None:
    free = ladder(1.999)["models"]
    lows = {name: free[name]["metrics"]["roc_auc"]["low"] for name in ("simple", "baseline")}
    assert lows["simple"] < lows["baseline"]
    found = ladder(1.999, thresholds={"roc_auc": (lows["simple"] + lows["baseline"]) / 2})
    assert found["selected"] == "baseline"
    assert [(gate["model"], gate["held"]) for gate in found["gates"] if gate["name"] == "bounds"] == [
        ("simple", False),
        ("baseline", True),
    ]
    assert "The simple model does not ship" in found["reason"]

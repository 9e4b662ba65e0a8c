"""What handing unsure rows over to a person leads to, and what that is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from solutionkit.compare.decision import Decision
from solutionkit.compare.inference import Difference
from solutionkit.compare.metrics import difference, estimates
from solutionkit.compare.money import outcomes, worth_metric
from solutionkit.declaration import Business
from solutionkit.errors import Problem
from solutionkit.ranks import roc_auc
from solutionkit.tasks.decisions import Decisions, Scores

if TYPE_CHECKING:
    from solutionkit.compare.evaluation import EvaluationSet

# Of rows that belong somewhere, as many are refused where it is told how many of the others are.
REFUSED = 0.05


def ratio_of(business: Business | None) -> float | None:
    """The doubt from which on a person is cheaper; none where a cost is not declared."""
    if business is None or business.misroute_cost is None or business.triage_cost is None:
        return None
    return business.triage_cost / business.misroute_cost


def cost_problems(business: Business) -> list[Problem]:
    """Costs that are missing, or that lead to nothing."""
    ratio = ratio_of(business)
    if ratio is None:
        message = "[business] needs misroute_cost and triage_cost"
        return [Problem("missing_key", message, "name both, or leave the table out")]
    if ratio >= 1.0:
        message = "a person costs as much as a wrong way: then a person should look at everything"
        return [Problem("cost_ratio", message, "name a triage_cost below misroute_cost")]
    return []


def handed_over(judged: EvaluationSet, scores: Scores, business: Business, seed: int) -> Decisions:
    """What each model's answers lead to.

    Args:
        judged: The evaluation rows.
        scores: `(rows, classes)` by model.
        business: With both costs.
        seed: Of the bootstrap.
    """
    ratio = ratio_of(business)
    assert ratio is not None
    assert business.misroute_cost is not None
    assert business.triage_cost is not None
    costs, told = {}, {}
    worth = worth_metric()
    for name, outputs in scores.items():
        doubt = 1.0 - outputs.max(axis=1)
        wrong = outputs.argmax(axis=1) != judged.labels
        person = doubt >= ratio
        costs[name] = np.where(person, business.triage_cost, np.where(wrong, business.misroute_cost, 0.0))
        costs[name] = costs[name][:, None]
        routed = ~person
        told[name] = {
            **Decision(ratio).to_json(),
            "outcomes": outcomes(wrong.astype(np.int64), doubt, ratio),
            "to_person": float(person.mean()),
            "right_of_routed": float(1.0 - wrong[routed].mean()) if routed.any() else None,
        }
        if business.triage_minutes is not None:
            # Who gets a row that went the wrong way spends them all the same.
            right = float((routed & ~wrong).mean())
            told[name]["hours_saved_per_1000"] = right * 1000.0 * business.triage_minutes / 60.0
    for name, found in estimates(worth, judged.labels, costs, seed, judged.units).items():
        told[name] |= {"value_per_1000": found.value, "low": found.low, "high": found.high}
        told[name]["currency"] = business.currency

    def gain(first: str, second: str) -> Difference:
        return difference(worth, judged.labels, costs[first], costs[second], seed, judged.units)

    return Decisions(told, gain, business.currency)


def per_class(classes: Sequence[str], labels: np.ndarray, outputs: np.ndarray) -> dict[str, dict[str, Any]]:
    """Of each class how many rows there are, which share of them is found, and how often it is said rightly.

    Args:
        classes: Their names.
        labels: `(rows,)` class ids.
        outputs: `(rows, classes)` probabilities.
    """
    said, found = outputs.argmax(axis=1), {}
    for place, name in enumerate(classes):
        there, told = labels == place, said == place
        right = int((there & told).sum())
        found[name] = {
            "n": int(there.sum()),
            "recall": right / int(there.sum()) if there.any() else None,
            "precision": right / int(told.sum()) if told.any() else None,
        }
    return found


def refused(labels: np.ndarray, outputs: np.ndarray, out_of_scope: int) -> dict[str, float] | None:
    """How well rows that belong nowhere are told from others; None where one of both sorts is missing.

    Args:
        labels: `(rows,)` class ids.
        outputs: `(rows, classes)` probabilities.
        out_of_scope: The class of rows that belong nowhere.
    """
    strange = labels == out_of_scope
    if strange.all() or not strange.any():
        return None
    doubt = 1.0 - np.delete(outputs, out_of_scope, axis=1).max(axis=1)
    threshold = np.quantile(doubt[~strange], 1.0 - REFUSED)
    return {
        "roc_auc": roc_auc(strange, doubt),
        "others_refused": float((doubt[~strange] > threshold).mean()),
        "refused": float((doubt[strange] > threshold).mean()),
        "n": int(strange.sum()),
    }


def often_confused(labels: np.ndarray, outputs: np.ndarray) -> list[int]:
    """Of each pair of classes that is confused more than once the surest row, the most frequent pair first.

    Args:
        labels: `(rows,)` class ids.
        outputs: `(rows, classes)` probabilities.
    """
    said, surest = outputs.argmax(axis=1), outputs.max(axis=1)
    wrong = np.flatnonzero(said != labels)
    pairs = labels[wrong].astype(np.int64) * outputs.shape[1] + said[wrong]
    codes, counts = np.unique(pairs, return_counts=True)
    order = codes[np.argsort(-counts, kind="stable")][: int((counts > 1).sum())]
    found = []
    for pair in order:
        rows = wrong[pairs == pair]
        found.append(int(rows[np.argmax(surest[rows])]))
    return found


def in_words(models: dict[str, Any]) -> str:
    """Of each model how many rows a person looks at, how many others are right, and what it never finds.

    Args:
        models: That key of `comparison.json`.
    """
    told = []
    for name, model in models.items():
        if "per_class" not in model:
            continue
        parts, business = [], model["business"]
        if "to_person" in business:
            parts.append(f"{business['to_person']:.1%} go to a person")
            if business["right_of_routed"] is not None:
                parts.append(f"of the others {business['right_of_routed']:.1%} are sent the right way")
            if "hours_saved_per_1000" in business:
                parts.append(f"{business['hours_saved_per_1000']:,.1f} hours go into no triage per 1,000")
        parts.append(f"the right one is among the first three in {model['top_3']:.1%}")
        if strange := model.get("out_of_scope"):
            parts.append(
                f"of {strange['n']:,} that belong nowhere {strange['refused']:.1%} would be refused together"
                f" with {strange['others_refused']:.1%} of the others"
            )
        never = [value for value, item in model["per_class"].items() if item["n"] and not item["recall"]]
        if never:
            parts.append(f"never finds {', '.join(never[:5])}{' …' if len(never) > 5 else ''}")
        told.append(f"{name}: {', '.join(parts)}.")
    return " ".join(told)

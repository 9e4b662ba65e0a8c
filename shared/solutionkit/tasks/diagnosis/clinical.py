"""What a threshold means in care: sensitivity, specificity, net benefit, prevalences, gaps of groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

# At which the other one is told.
POINTS = (0.8, 0.9, 0.95)
# Chances of the finding from which on somebody would act.
ACTING = tuple(np.round(np.arange(0.05, 0.51, 0.05), 2).tolist())
LEVEL = 0.05
# Of each of two groups, to compare them.
FEWEST_PATIENTS = 10


@dataclass(frozen=True)
class Share:
    """A share of rows, of which those of a patient resemble each other.

    Attributes:
        value: The share.
        units: How many patients have such rows.
        effective: How many patients of one row each would tell as much.
        low: Of the 95 % interval.
        high: The same.
    """

    value: float
    units: int
    effective: float
    low: float
    high: float

    @classmethod
    def of(cls, right: np.ndarray, units: np.ndarray) -> Share | None:
        """Of `(rows,)` truth values and codes of patients; None without rows.

        The interval is that of C. Clopper and E. Pearson (Biometrika 26, 1934) of the effective number of
        patients: as many as would have this variance, and no more than there are (E. Korn, B. Graubard,
        "Confidence intervals for proportions with small expected number of positive counts estimated from
        survey data", Survey Methodology 24, 1998).
        """
        if not len(right):
            return None
        members = np.unique(units, return_inverse=True)[1]
        count, value = int(members.max()) + 1, float(right.mean())
        gaps = np.bincount(members, weights=right - value)
        variance = float((gaps**2).sum() * count / max(count - 1, 1)) / len(right) ** 2
        effective = min(float(count), value * (1.0 - value) / variance) if variance > 0.0 else float(count)
        found = value * effective
        low = float(stats.beta.ppf(LEVEL / 2, found, effective - found + 1)) if value > 0.0 else 0.0
        high = float(stats.beta.ppf(1 - LEVEL / 2, found + 1, effective - found)) if value < 1.0 else 1.0
        return cls(value, count, effective, low, high)

    def to_json(self) -> dict[str, float | int]:
        """For `comparison.json`."""
        return {"value": self.value, "low": self.low, "high": self.high, "units": self.units}


def unlike(first: Share, second: Share) -> float:
    """The p-value of two shares being the same.

    A. Agresti, B. Caffo, "Simple and effective confidence intervals for proportions and differences of
    proportions result from adding two successes and two failures", The American Statistician 54 (2000), of
    effective numbers of patients, with Student's t of the smaller.

    Args:
        first: One group's.
        second: The others'.
    """
    shares = [(item.value * item.effective + 1.0) / (item.effective + 2.0) for item in (first, second)]
    counts = [item.effective + 2.0 for item in (first, second)]
    error = sum(share * (1.0 - share) / count for share, count in zip(shares, counts, strict=True)) ** 0.5
    return float(2.0 * stats.t.sf(abs(shares[0] - shares[1]) / error, min(counts) - 1.0))


def rates(labels: np.ndarray, flagged: np.ndarray, units: np.ndarray) -> dict[str, Share | None]:
    """Sensitivity and specificity.

    Args:
        labels: `(rows,)` 0 or 1.
        flagged: `(rows,)`.
        units: `(rows,)` codes of patients.
    """
    there = labels == 1
    return {
        "sensitivity": Share.of(flagged[there].astype(float), units[there]),
        "specificity": Share.of((~flagged[~there]).astype(float), units[~there]),
    }


def threshold_for(labels: np.ndarray, scores: np.ndarray, sensitivity: float) -> float:
    """The largest threshold at which so many of held-out rows with the finding are flagged.

    Args:
        labels: `(rows,)` 0 or 1.
        scores: `(rows,)` probabilities of a model not fitted on them.
        sensitivity: The share.
    """
    own = np.sort(scores[labels == 1])[::-1]
    if not len(own):
        return 0.5
    return float(own[min(int(np.ceil(sensitivity * len(own) - 1e-9)), len(own)) - 1])


def operating_points(labels: np.ndarray, scores: np.ndarray, units: np.ndarray) -> list[dict[str, Any]]:
    """Sensitivity where so many without the finding are left alone, and the other way round.

    The thresholds are those of these very rows, as of a ROC curve's points.

    Args:
        labels: `(rows,)` 0 or 1.
        scores: `(rows,)` probabilities.
        units: `(rows,)` codes of patients.
    """
    there, points = labels == 1, []
    if there.all() or not there.any():
        return []
    for share in POINTS:
        least = threshold_for(labels, scores, share)
        # At so many below it none of them is flagged.
        order = np.sort(scores[~there])
        most = order[min(int(np.ceil(share * len(order) - 1e-9)), len(order)) - 1]
        found = {
            "specificity": (rates(labels, scores > most, units)["sensitivity"], "sensitivity"),
            "sensitivity": (rates(labels, scores >= least, units)["specificity"], "specificity"),
        }
        for fixed, (told, name) in found.items():
            if told is not None:
                points.append({"fixed": fixed, "at": share, "told": name, **told.to_json()})
    return points


def net_benefit(labels: np.ndarray, scores: np.ndarray) -> list[dict[str, float]]:
    """What acting by the model is worth, in findings found of all rows, by the chance from which on one acts.

    A. Vickers, E. Elkin, "Decision curve analysis", Medical Decision Making 26 (2006).

    Args:
        labels: `(rows,)` 0 or 1.
        scores: `(rows,)` calibrated probabilities.
    """
    curve = []
    for chance in ACTING:
        odds, acted = chance / (1.0 - chance), scores >= chance
        curve.append(
            {
                "at": chance,
                "model": float(((labels == 1) & acted).mean() - odds * ((labels == 0) & acted).mean()),
                "all": float((labels == 1).mean() - odds * (labels == 0).mean()),
            }
        )
    return curve


def at_prevalence(sensitivity: float, specificity: float, prevalence: float) -> dict[str, float | None]:
    """What a flag, and none, mean where the finding is so frequent (Bayes' rule).

    Args:
        sensitivity: Share of rows with the finding that are flagged.
        specificity: Share of the others that are not.
        prevalence: Share of rows with the finding.
    """
    flagged = sensitivity * prevalence + (1.0 - specificity) * (1.0 - prevalence)
    alone = 1.0 - flagged
    return {
        "prevalence": prevalence,
        "flagged": flagged,
        "of_flagged_true": sensitivity * prevalence / flagged if flagged > 0 else None,
        "of_others_true": specificity * (1.0 - prevalence) / alone if alone > 0 else None,
    }


def subgroup_gaps(
    labels: np.ndarray, flagged: np.ndarray, units: np.ndarray, slices: dict[str, np.ndarray]
) -> list[dict[str, Any]]:
    """Groups whose sensitivity or specificity differs from that of all others, with p-values corrected.

    Shares are compared by patients (`unlike`), p-values corrected over all groups (S. Holm, 1979); the
    clearest come first. Of a column with two values the worse one is told.

    Args:
        labels: `(rows,)` 0 or 1.
        flagged: `(rows,)`.
        units: `(rows,)` codes of patients.
        slices: Columns, each `(rows,)`.
    """
    found: list[dict[str, Any]] = []
    for column, values in slices.items():
        known = sorted(set(values.tolist()), key=str)
        for value in known[:1] if len(known) == 2 else known:
            rows = values == value
            own, other = (rates(labels[part], flagged[part], units[part]) for part in (rows, ~rows))
            for name in own:
                first, second, called = own[name], other[name], value
                if first is None or second is None or min(first.units, second.units) < FEWEST_PATIENTS:
                    continue
                if len(known) == 2 and second.value < first.value:
                    first, second, called = second, first, known[1]
                found.append(
                    {"column": column, "value": str(called), "rate": name, "gap": first.value - second.value}
                    | {"here": first.value, "elsewhere": second.value, "patients": first.units}
                    | {"p_value": unlike(first, second)}
                )
    order = np.argsort([item["p_value"] for item in found], kind="stable")
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(found[place]["p_value"] * (len(found) - rank), 1.0))
        found[place]["p_corrected"] = largest
        found[place]["flagged"] = largest < LEVEL
    return [found[place] for place in order]

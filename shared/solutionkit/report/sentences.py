"""What page and model card say of a comparison, in sentences."""

from __future__ import annotations

from typing import Any

from solutionkit.compare.gates import IN_WORDS
from solutionkit.compare.inference import LEVEL
from solutionkit.compare.learning import Learning
from solutionkit.compare.verdict import SHORT
from solutionkit.decimals import decimals
from solutionkit.splits import FEWEST_UNITS


def headline(compared: dict[str, Any]) -> str:
    """What was found, in a few words; where metric and money disagree, both."""
    said = SHORT[compared["verdict"]]
    gain = compared.get("business_difference")
    if gain is not None and gain["units"] >= FEWEST_UNITS and gain["p_value"] < LEVEL:
        richer = "deep" if gain["value"] > 0 else "baseline"
        if richer != compared["verdict"]:
            title = compared["metrics"][compared["primary_metric"]]["title"]
            said = f"{said} by {title}, but the {IN_WORDS[richer]} earns more"
    selected = compared["selected"]
    shipped = f"the {IN_WORDS[selected]} ships" if selected else "nothing ships"
    if objection := compared.get("objections", {}).get(selected):
        shipped += f", though {objection}"
    return f"{said}; {shipped}."


def learned_in_words(compared: dict[str, Any]) -> str:
    """In how many fits which model is ahead; nothing where there is one of each."""
    found = compared["learning"]
    if found is None:
        return ""
    learning = Learning(found["source"], tuple(found["differences"]), found["error"])
    told = learning.in_words(compared["higher_is_better"])
    if not found["error"]:
        return f"{told} They differ by no more than their rows explain: the interval is that of other rows."
    return (
        f"{told} The interval counts what other rows and what another training would show (a standard error"
        f" of {number(found['error'])} for the latter)."
    )


def ladder_in_words(compared: dict[str, Any]) -> str:
    """How far each simpler model is behind, and what follows; a sentence each, with a blank before it."""
    told, margin = "", compared["difference"]["margin"]
    for name, rung in compared["ladder"].items():
        worse = rung["high"] < 0.0 if compared["higher_is_better"] else rung["low"] > 0.0
        follows = f"it may be more than {margin:.3g} worse and is not taken for as good"
        if rung["no_worse"]:
            follows = f"it is less than {margin:.3g} worse and is taken for as good"
        elif worse:
            follows = "it is worse"
        told += (
            f" The {IN_WORDS[name]} differs from the {IN_WORDS[rung['against']]} by {number(rung['value'])},"
            f" at worst by {number(rung['at_worst'])} (one-sided, 95 %): {follows}."
        )
    return told


def calibration_in_words(models: dict[str, Any]) -> str:
    """What was done to each model's probabilities, and what that gained; nothing where nobody looked."""
    told = []
    for name, model in models.items():
        found = model.get("training", {}).get("calibration")
        if found and found["method"] == "none":
            told.append(f"{name}: left as they are")
        elif found:
            told.append(
                f"{name}: {found['method']}, log loss of held-out rows {found['before']:.4f} before,"
                f" {found['after']:.4f} after"
            )
    return "; ".join(told)


def number(value: Any, digits: int = 4) -> str:
    """A number for people; a dash for none."""
    if value is None:
        return "–"
    return decimals(float(value), digits)

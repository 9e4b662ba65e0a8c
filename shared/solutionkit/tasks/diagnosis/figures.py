"""Charts and sentences of a diagnosis."""

from __future__ import annotations

from typing import Any

from solutionkit.report.charts import COLOURS, drawing, svg
from solutionkit.report.figures import Figure, rungs
from solutionkit.tasks.classification.coverage import coverage_chart
from solutionkit.tasks.worths import CLINICAL_WARNING

# A larger share that goes to a person is said aloud.
MOST_REFERRED = 0.5


def figures(compared: dict[str, Any]) -> list[Figure]:
    """Accuracy by coverage, and net benefit where one class is negative.

    Args:
        compared: Content of `comparison.json`.
    """
    models = {name: compared["models"][name] for name in rungs(compared["models"])}
    curves = {
        name: [(item["share"], item["accuracy"]) for item in model["coverage"]]
        for name, model in models.items()
    }
    told = ", ".join(
        f"{name} {dict(curve)[0.8]:.1%} of 80 %, {dict(curve)[1.0]:.1%} of all"
        for name, curve in curves.items()
    )
    drawn = [Figure(coverage_chart(curves, "share of the surest rows"), f"Told rightly: {told}.")]
    benefits = {name: model["net_benefit"] for name, model in models.items() if model.get("net_benefit")}
    if benefits:
        caption = (
            "Net benefit: findings found of all rows, less what is flagged in vain at the odds from which on"
            " somebody would act. Above both grey lines (act on all, act on none) the model is of use."
        )
        drawn.append(Figure(benefit_chart(benefits), caption))
    return drawn


def benefit_chart(curves: dict[str, list[dict[str, float]]]) -> str:
    """Decision curves.

    Args:
        curves: By model what `clinical.net_benefit` gives.
    """
    with drawing(4.6, 3.0) as (figure, axes):
        for name, points in curves.items():
            axes.plot(
                [p["at"] for p in points], [p["model"] for p in points], color=COLOURS[name], label=name
            )
        points = next(iter(curves.values()))
        axes.plot([p["at"] for p in points], [p["all"] for p in points], color="0.6", ls="--", label="all")
        axes.axhline(0.0, color="0.6", lw=1.0)
        lowest = min(0.0, *(p["model"] for points in curves.values() for p in points))
        axes.set(xlabel="chance from which on one acts", ylabel="net benefit", ylim=(lowest - 0.02, None))
        axes.legend(fontsize=8)
        return svg(figure, f"Net benefit of {', '.join(curves)}")


def in_table(told_of: dict[str, Any]) -> tuple[tuple[str, ...], ...]:
    """Of each model what is referred, covered and flagged, and what that means elsewhere; a row a figure.

    Args:
        told_of: The part `models` of `comparison.json`, or of one of its further labels.
    """
    names = rungs(told_of)
    models = [told_of[name]["business"] for name in names]
    rows = [("", *names), ("referred", *(f"{model['referred']:.1%}" for model in models))]

    def shares(title: str, key: str) -> None:
        if all(model.get(key) and "value" in model[key] for model in models):
            rows.append((title, *(_share(model[key]) for model in models)))

    shares("right of those that are told", "right_of_told")
    shares("right of all", "right_of_all")
    shares(f"sets that hold the truth, of {models[0]['covered']['promised']:.0%} promised", "covered")
    shares("sensitivity at the threshold", "sensitivity")
    shares("specificity at the threshold", "specificity")
    if all(model.get("at_prevalence") for model in models):
        for place, item in enumerate(models[0]["at_prevalence"]):
            prevalence = item["prevalence"]
            told = [model["at_prevalence"][place]["of_flagged_true"] for model in models]
            title = f"flagged that have it, where {prevalence:.0%} have it"
            rows.append((title, *("–" if value is None else f"{value:.1%}" for value in told)))
    return tuple(rows)


def cautions(business: dict[str, Any], sensitivity: float, classes: tuple[str, ...]) -> list[str]:
    """What must be said with what a model's decisions lead to, a sentence each.

    Args:
        business: That part of a model's `comparison.json`.
        sensitivity: That was asked for.
        classes: The classes, the negative one first.
    """
    told = []
    covered, found = business["covered"], business.get("sensitivity")
    if covered.get("high", 1.0) < covered["promised"]:
        told.append(
            f"What it holds possible has the truth in {_share(covered)} of patients and classes, not in the"
            f" {covered['promised']:.0%} promised."
        )
    if found and found["high"] < sensitivity:
        told.append(f"Its sensitivity is {_share(found)}, below the {sensitivity:.0%} asked for.")
    always = [name for name, level in zip(classes, business["levels"], strict=True) if level == 0.0]
    if always:
        told.append(
            f"It holds {' and '.join(repr(name) for name in always)} possible of every scan: too few held-out"
            " patients of that class."
        )
    if business["referred"] > MOST_REFERRED:
        told.append(f"It refers {business['referred']:.0%} of the scans.")
    worse = [gap for gap in business.get("subgroup_gaps", []) if gap["flagged"] and gap["gap"] < 0]
    if worse:
        worst = min(worse, key=lambda gap: gap["gap"])
        told.append(
            f"Its {worst['rate']} of {worst['column']} = {worst['value']} is {worst['here']:.0%}, elsewhere"
            f" {worst['elsewhere']:.0%}{f' ({len(worse)} such gaps)' if len(worse) > 1 else ''}."
        )
    return told


def _share(item: dict[str, float]) -> str:
    return f"{item['value']:.1%} ({item['low']:.1%} to {item['high']:.1%})"


def gaps_in_table(told_of: dict[str, Any]) -> tuple[tuple[str, ...], ...]:
    """Groups for whom a model is shown to be worse, a row each; nothing where there are none.

    Args:
        told_of: The part `models` of `comparison.json`.
    """
    rows = [("group", "model", "rate", "here", "elsewhere", "patients", "p, corrected")]
    for name in rungs(told_of):
        for item in told_of[name]["business"].get("subgroup_gaps", []):
            if item["flagged"] and item["gap"] < 0:
                group, shares = f"{item['column']} = {item['value']}", (item["here"], item["elsewhere"])
                told = [f"{share:.1%}" for share in shares]
                rows.append(
                    (group, name, item["rate"], *told, f"{item['patients']:,}", f"{item['p_corrected']:.2g}")
                )
    return tuple(rows) if len(rows) > 1 else ()


def covered_in_table(told_of: dict[str, Any]) -> tuple[tuple[str, ...], ...]:
    """How often sets hold the truth in each group, a row each; nothing without groups.

    Args:
        told_of: The part `models` of `comparison.json`.
    """
    names = rungs(told_of)
    known = {
        name: {
            f"{item['column']} = {item['value']}": item["covered"]
            for item in told_of[name]["business"].get("covered", {}).get("by", [])
        }
        for name in names
    }
    groups = list(known[names[0]]) if names else []
    rows = [(group, *(_share(known[name][group]) for name in names)) for group in groups]
    return (("group", *names), *rows) if rows else ()


def in_words(compared: dict[str, Any]) -> str:
    """Whether groups for whom a model is worse were found, and what intervals are of.

    Args:
        compared: Content of `comparison.json`.
    """
    models = compared["models"]
    tested = sum(len(models[name]["business"].get("subgroup_gaps", [])) for name in rungs(models))
    told = "Groups for whom a model is shown to be worse are listed below."
    if not tested:
        told = "No groups were compared: there are none with patients enough."
    elif not gaps_in_table(models):
        told = "No group's sensitivity or specificity is shown to be lower than that of others."
    return (
        f"{told} Referred is what is not one class alone. Intervals count patients, not scans."
        f" {CLINICAL_WARNING}"
    )

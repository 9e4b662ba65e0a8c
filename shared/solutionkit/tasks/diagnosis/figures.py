"""Charts and sentences of a diagnosis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from solutionkit.report.charts import COLOURS, drawing, svg
from solutionkit.report.figures import Figure, rungs
from solutionkit.tasks.classification.coverage import coverage_chart

if TYPE_CHECKING:
    from solutionkit.tasks.diagnosis.task import Diagnosis

SHOWN = 5


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


def in_words(compared: dict[str, Any], task: Diagnosis) -> str:
    """Of each model what is referred, covered and flagged; groups for whom it is worse.

    Args:
        compared: Content of `comparison.json`.
        task: What was asked for.
    """
    told = []
    for name in rungs(compared["models"]):
        model = compared["models"][name]["business"]
        parts = [f"refers {model['referred']:.1%}"]
        if model["right_of_told"]:
            parts.append(f"of the others {model['right_of_told']['value']:.1%} are right")
        covered = model["covered"]
        if "value" in covered:
            parts.append(
                f"its sets hold the truth of {covered['value']:.1%} ({covered['low']:.1%} to"
                f" {covered['high']:.1%}) where {task.coverage:.0%} are promised"
            )
        if model.get("sensitivity") and model.get("specificity"):
            first, second = model["sensitivity"], model["specificity"]
            parts.append(
                f"flags {first['value']:.1%} ({first['low']:.1%} to {first['high']:.1%}) of the findings and"
                f" leaves {second['value']:.1%} ({second['low']:.1%} to {second['high']:.1%}) of the others"
                " alone"
            )
        for item in model.get("at_prevalence", []):
            if item["of_flagged_true"] is not None:
                parts.append(
                    f"where {item['prevalence']:.0%} have the finding {item['of_flagged_true']:.1%} of the"
                    " flagged have it"
                )
        gaps = [item for item in model.get("subgroup_gaps", []) if item["flagged"] and item["gap"] < 0]
        for item in gaps[:SHOWN]:
            parts.append(
                f"its {item['rate']} of {item['column']} = {item['value']} is {item['here']:.1%} and"
                f" {item['elsewhere']:.1%} elsewhere (p = {item['p_corrected']:.2g}, corrected)"
            )
        told.append(f"The {name} model {'; '.join(parts)}.")
    told.append("Intervals are exact, of as many patients as there are.")
    return " ".join(told)

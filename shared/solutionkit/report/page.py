"""Comparison and explanations -> one HTML page that needs no network, and a model card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from solutionkit import __version__
from solutionkit.compare import left_out
from solutionkit.compare.comparison import shown_model
from solutionkit.compare.decision import Decision
from solutionkit.compare.further import in_table as further_in_table
from solutionkit.compare.further import in_words as further_in_words
from solutionkit.compare.verdict import units_in_words
from solutionkit.decimals import decimals, p_in_words
from solutionkit.declaration_parts import Clinical
from solutionkit.modalities.base import Modality
from solutionkit.models.epochs import cut_short
from solutionkit.report import charts
from solutionkit.report.applied_card import applied_card
from solutionkit.report.explained import PARTS
from solutionkit.report.figures import Figure, Section, rungs
from solutionkit.report.markdown import markdown
from solutionkit.report.sentences import (
    calibration_in_words,
    headline,
    ladder_in_words,
    learned_in_words,
    number,
)
from solutionkit.splits import FEWEST_UNITS
from solutionkit.tasks.base import task_from_json
from solutionkit.tasks.worths import CLINICAL_WARNING

SHOWN_CONTRIBUTIONS = 8
GATE_NAMES = {
    "beats_trivial": "beats the trivial predictor",
    "money": "does not credibly earn less",
    "bounds": "keeps its bound",
    "slices": "no slice is worse than with the other model",
    "shortcut": "goes by no corner",
}


def write_report(
    comparison: Path, explanations: Path, facts: dict[str, Any], modality: Modality, folder: Path
) -> None:
    """Write `report.html`, `model_card.md` and `model_card.json`.

    Args:
        comparison: Folder of `comparison.json` and `scores.npz`.
        explanations: Folder of `explanations.json`.
        facts: What `report_facts` tells of project and data.
        modality: Adds sections of its own.
        folder: Where the files go.
    """
    compared = json.loads((comparison / "comparison.json").read_text())
    explained = with_names(json.loads((explanations / "explanations.json").read_text()), facts["names"])
    with np.load(comparison / "scores.npz") as stored:
        scores = {name: stored[name] for name in stored.files}
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("solutionkit.report", "templates"),
        autoescape=jinja2.select_autoescape(["html.j2"]),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"number": number, "interval": interval, "size": size, "share": "{:.1%}".format}
    environment.filters |= {
        "units": units_in_words,
        "signed": signed,
        "p_value": p_in_words,
        "by_loss": by_loss,
    }
    asked = Clinical(**facts["clinical"]) if facts["clinical"] else None
    task = task_from_json(facts["task"]).asked(asked)
    shown = shown_model(compared)
    decisions = {name: flagging(model["business"]) for name, model in compared["models"].items()}
    primary = compared["metrics"][compared["primary_metric"]]
    context = {
        "facts": facts,
        "result": compared,
        "shown": shown,
        "headline": headline(compared),
        "fewest_units": FEWEST_UNITS,
        "gate_names": GATE_NAMES,
        "explained": explained,
        "drawn": PARTS[explained["kind"]](explained),
        "words": task.words(facts["label"], facts["calibrated"]),
        "test": task.test_in_words(compared["difference"]["test"], compared["units"]["name"]),
        "figures": task.figures(compared, scores, facts["business"]),
        "sections": [
            *task.sections(compared),
            *modality.sections(compared),
            *further_sections(compared),
            *left_out_sections(compared),
        ],
        "rungs": rungs(compared["models"]),
        "decisions": decisions,
        "decision": decisions[shown],
        "decided": decisions[shown] is not None,
        "learned": learned_in_words(compared),
        "ladder": ladder_in_words(compared),
        "calibrated_order": any(
            model.get("training", {}).get("calibration", {}).get("method", "none") != "none"
            for model in compared["models"].values()
        ),
        "calibrated": calibration_in_words(compared["models"]),
        "difference": charts.difference_chart(
            [(primary["title"], compared["difference"])],
            "Difference of the primary metric, deep minus baseline",
            compared["difference"]["margin"],
        ),
        "gain": gain_chart(compared),
        "metrics": compared["metrics"],
        "shown_contributions": SHOWN_CONTRIBUTIONS,
        "cut_short": cut_short(compared["models"]["deep"]["training"]),
        "version": __version__,
        "warning": CLINICAL_WARNING if task.clinical else "",
        "stated": {name.replace("_", " "): text for name, text in facts["card"].items() if text},
    }
    folder.mkdir(parents=True, exist_ok=True)
    page = environment.get_template("report.html.j2").render(**context)
    (folder / "report.html").write_text(page, "utf-8")
    card = environment.overlay(finalize=markdown).get_template("model_card.md.j2").render(**context)
    (folder / "model_card.md").write_text(card, "utf-8")
    applied = applied_card(compared, facts, task, shown)
    (folder / "model_card.json").write_text(json.dumps(applied, indent=2, ensure_ascii=False), "utf-8")


def flagging(business: dict[str, Any]) -> Decision | None:
    """When a model flags rows, if it does."""
    decision = Decision.from_json(business)
    return decision if decision and decision.flags else None


def further_sections(compared: dict[str, Any]) -> list[Section]:
    """What the models say of further labels, where there are such."""
    further = compared.get("further", {})
    if not further:
        return []
    drawn = [
        charts.difference_chart(
            [(found["metrics"][found["primary_metric"]]["title"], found["difference"])],
            f"Difference in {label}, deep minus baseline",
            found["difference"]["margin"],
        )
        for label, found in further.items()
    ]
    figures = [
        Figure(svg, f"{label}: {found['reason']}")
        for svg, (label, found) in zip(drawn, further.items(), strict=True)
    ]
    text, table = further_in_words(further), further_in_table(further)
    return [Section("further", "Further labels", text, tuple(figures), table)]


def left_out_sections(compared: dict[str, Any]) -> list[Section]:
    """How well values are told that nothing was learned of, where some were left out."""
    if "left_out" not in compared:
        return []
    found, title = compared["left_out"], compared["metrics"][compared["primary_metric"]]["title"]
    table = left_out.in_table(found, rungs(compared["models"]))
    return [Section("left_out", "Where nothing was learned", left_out.in_words(found, title), table=table)]


def with_names(explained: Any, names: dict[str, str]) -> Any:
    """Explanations in which columns are called as `[project] labels` calls them."""
    if isinstance(explained, list):
        return [with_names(item, names) for item in explained]
    if not isinstance(explained, dict):
        return explained
    named = {name: with_names(item, names) for name, item in explained.items()}
    if "column" in named:
        named["column"] = names.get(named["column"], named["column"])
    if "dependence" in named:
        named["dependence"] = {names.get(name, name): item for name, item in named["dependence"].items()}
    return named


def gain_chart(compared: dict[str, Any]) -> str | None:
    """The difference in money, where decisions have a worth."""
    gain = compared.get("business_difference")
    if gain is None:
        return None
    title = f"{gain['currency']} per 1,000"
    return charts.difference_chart([(title, gain)], "Difference in money, deep minus baseline")


def by_loss(trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was tried, the best first; what came to nothing last."""
    return sorted(trials, key=lambda trial: (trial["loss"] is None, trial["loss"] or 0.0))


def signed(value: float) -> str:
    """A contribution in few characters."""
    return f"{value:+.2f}" if abs(value) < 100 else f"{value:+,.0f}"


def interval(estimate: dict[str, float], digits: int = 3) -> str:
    """A value with its interval."""
    values = [estimate[name] for name in ("value", "low", "high")]
    largest = max(map(abs, values))
    value, low, high = (decimals(item, digits, largest) for item in values)
    return f"{value} ({low} to {high})"


def size(count: int) -> str:
    """Bytes for people."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"

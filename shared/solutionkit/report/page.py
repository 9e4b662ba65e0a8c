"""Comparison and explanations -> one HTML page that needs no network, and a model card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from solutionkit import __version__
from solutionkit.compare.metrics import CARD_PRECISION, detected, detection_scores
from solutionkit.declaration import Business
from solutionkit.models.epochs import cut_short
from solutionkit.report import charts
from solutionkit.report.markdown import markdown
from solutionkit.report.overlays import with_overlays

MODELS = ("baseline", "deep")
KINDS = {
    "true_positive": "Rightly flagged",
    "false_positive": "Wrongly flagged",
    "false_negative": "Missed",
    "true_negative": "Rightly left alone",
    "borderline": "On the edge",
}
IMAGE_KINDS = {
    "true_positive": "Hits",
    "false_negative": "Misses",
    "false_positive": "False alarms",
    "right": "Rightly told",
    "confused": "Taken for another class",
}
SHOWN_CONTRIBUTIONS = 8


def write_report(comparison: Path, explanations: Path, facts: dict[str, Any], folder: Path) -> None:
    """Write `report.html` and `model_card.md`.

    Args:
        comparison: Folder of `comparison.json` and `curves.npz`.
        explanations: Folder of `explanations.json`.
        facts: What `report_facts` tells of project and data.
        folder: Where the files go.
    """
    compared = json.loads((comparison / "comparison.json").read_text())
    explained = json.loads((explanations / "explanations.json").read_text())
    with np.load(comparison / "curves.npz") as stored:
        curves = {name: stored[name] for name in stored.files}
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("solutionkit.report", "templates"),
        autoescape=jinja2.select_autoescape(["html.j2"]),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"number": number, "interval": interval, "size": size, "share": "{:.1%}".format}
    if explained["kind"] == "images":
        explained["single_rows"] = with_overlays(explained["single_rows"])
    context = {
        "facts": facts,
        "result": compared,
        "explained": explained,
        "metrics": compared["metrics"],
        "kinds": KINDS,
        "image_kinds": IMAGE_KINDS,
        "shown": SHOWN_CONTRIBUTIONS,
        "grouped": has_groups(explained),
        "cut_short": cut_short(compared["models"]["deep"]["training"]),
        "version": __version__,
    }
    folder.mkdir(parents=True, exist_ok=True)
    pictures = draw(compared, explained, curves, facts)
    page = environment.get_template("report.html.j2").render(**context, charts=pictures)
    (folder / "report.html").write_text(page, "utf-8")
    card = environment.overlay(finalize=markdown).get_template("model_card.md.j2").render(**context)
    (folder / "model_card.md").write_text(card, "utf-8")


def draw(
    compared: dict[str, Any], explained: dict[str, Any], curves: dict[str, np.ndarray], facts: dict[str, Any]
) -> dict[str, Any]:
    """All charts of the page."""
    primary = compared["metrics"][compared["primary_metric"]]
    found: dict[str, Any] = {
        "calibration": charts.calibration_chart(
            {name: compared["models"][name]["calibration"]["bins"] for name in MODELS}
        )
        if compared["models"]["deep"]["calibration"]
        else None,
        "difference": charts.difference_chart(
            [(primary["title"], compared["difference"])],
            "Difference of the primary metric, deep minus baseline",
        ),
        "confusion": {
            name: charts.confusion_chart(compared["models"][name]["confusion"], facts["classes"], name)
            for name in MODELS
            if "confusion" in compared["models"][name]
        },
    }
    if facts["positive"] is not None:
        found |= draw_detection(compared, curves, facts)
    if explained["kind"] == "columns":
        found["ranking"] = charts.ranking_chart(
            {name: explained["models"][name]["global"] for name in MODELS}
        )
        if has_groups(explained):
            found["groups"] = charts.ranking_chart(
                {name: explained["models"][name]["groups"] for name in MODELS}
            )
        by_model = {name: explained["models"][name]["dependence"] for name in MODELS}
        found["dependence"] = [
            charts.dependence_chart(column, {name: by_model[name][column] for name in MODELS})
            for column in by_model["baseline"]
        ]
    return found


def has_groups(explained: dict[str, Any]) -> bool:
    """Whether several columns tell of one subject, so that they are worth adding up."""
    model = explained["models"]["baseline"]
    return len(model.get("groups", [])) < len(model.get("global", []))


def draw_detection(
    compared: dict[str, Any], curves: dict[str, np.ndarray], facts: dict[str, Any]
) -> dict[str, Any]:
    """Charts of the decision, where some class means that nothing was found."""
    labels = detected(curves["labels"])
    scores = {name: detection_scores(curves[name]) for name in MODELS}
    found = {
        "roc": charts.roc_chart(labels, scores),
        "precision_recall": charts.precision_recall_chart(labels, scores),
    }
    if "daily" in compared:
        precision = {name: compared["models"][name]["metrics"][CARD_PRECISION] for name in MODELS}
        found["daily"] = charts.daily_chart(compared["daily"], precision)
    if facts["business"]:
        thresholds = {name: compared["models"][name]["business"]["threshold"] for name in MODELS}
        business = Business(**facts["business"])
        found["money"] = charts.money_chart(labels, scores, thresholds, business, curves.get("amounts"))
        found["money_difference"] = charts.difference_chart(
            [(f"{facts['business']['currency']} per 1,000", compared["business_difference"])],
            "Difference in money, deep minus baseline",
        )
    return found


def number(value: Any, digits: int = 4) -> str:
    """A number for people; a dash for none."""
    if value is None:
        return "–"
    return f"{value:,.{digits}f}"


def interval(found: dict[str, float], digits: int = 3) -> str:
    """A value with its interval."""
    return f"{found['value']:,.{digits}f} ({found['low']:,.{digits}f} to {found['high']:,.{digits}f})"


def size(count: int) -> str:
    """Bytes for people."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"

"""What the page draws of explanations, by their kind."""

from __future__ import annotations

from typing import Any

from solutionkit.report import charts
from solutionkit.report.figures import rungs
from solutionkit.report.overlays import with_overlays

# Columns that a model card names.
DRIVERS = 5
# Why a single row is shown, where explanations are of columns; and where they are of images.
ROW_TITLES = {
    "true_positive": "Rightly flagged",
    "false_positive": "Wrongly flagged",
    "false_negative": "Missed",
    "true_negative": "Rightly left alone",
    "borderline": "On the edge",
    "right": "Rightly told",
    "confused": "Taken for another class",
    "unsure": "Least sure",
    "too_high": "Predicted too high",
    "too_low": "Predicted too low",
    "typical": "A usual error",
    "best": "Among the best forecasts",
    "worst": "Among the worst forecasts",
}
IMAGE_TITLES = {
    "true_positive": "Hits",
    "false_negative": "Misses",
    "false_positive": "False alarms",
    "right": "Rightly told",
    "confused": "Taken for another class",
}


def of_columns(explained: dict[str, Any]) -> dict[str, Any]:
    """Rankings and dependence."""
    names = rungs(explained["models"])
    models = {name: explained["models"][name] for name in names}
    unit = explained["unit"]
    dependence = {name: model["dependence"] for name, model in models.items()}
    grouped = any(len(model["groups"]) < len(model["global"]) for model in models.values())
    return {
        "titles": ROW_TITLES,
        "names": names,
        "drivers": {
            name: [
                f"{item['column']} ({item['share']:.1%} of all contributions)"
                for item in model["global"][:DRIVERS]
            ]
            for name, model in explained["models"].items()
        },
        "grouped": grouped,
        "ranking": charts.ranking_chart({name: model["global"] for name, model in models.items()}, unit),
        "groups": charts.ranking_chart({name: model["groups"] for name, model in models.items()}, unit)
        if grouped
        else "",
        "dependence": [
            charts.dependence_chart(column, {name: dependence[name][column] for name in names})
            for column in dependence["baseline"]
        ],
    }


def of_images(explained: dict[str, Any]) -> dict[str, Any]:
    """Heat laid over the images."""
    drivers = {}
    for name, model in explained["models"].items():
        drivers[name] = ["See the heat maps in the report; there were no masks to judge them by."]
        if found := model.get("localisation"):
            drivers[name] = [
                f"Its heat maps point at the declared masks in {found['pointing_game']['value']:.1%} of"
                f" {found['images']} images (by chance {found['pointing_game_by_chance']:.1%})."
            ]
    return {
        "titles": IMAGE_TITLES,
        "names": rungs(explained["models"]),
        "drivers": drivers,
        "single_rows": with_overlays(explained["single_rows"]),
    }


def of_text(explained: dict[str, Any]) -> dict[str, Any]:
    """Words shaded by what they add, and the classes whose words are told."""
    names = rungs(explained["models"])
    single_rows = []
    for single in explained["single_rows"]:
        most = max([abs(word[name]) for word in single["words"] for name in names], default=0.0) or 1.0
        shaded = [
            {**word, "shade": {name: round(80.0 * abs(word[name]) / most) for name in names}}
            for word in single["words"]
        ]
        single_rows.append({**single, "words": shaded})
    targets = dict.fromkeys(target for name in names for target in explained["models"][name]["words"])
    drivers = {
        name: [
            f"{target}: {', '.join(item['word'] for item in words)}"
            for target, words in model["words"].items()
            if words
        ]
        or ["No word stands in two of the explained texts; see the report."]
        for name, model in explained["models"].items()
    }
    return {
        "titles": ROW_TITLES,
        "names": names,
        "drivers": drivers,
        "targets": list(targets),
        "single_rows": single_rows,
    }


PARTS = {"columns": of_columns, "images": of_images, "scans": of_images, "text": of_text}

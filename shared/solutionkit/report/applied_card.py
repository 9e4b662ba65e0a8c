"""The model card as JSON, in the order of the Coalition for Health AI's applied model card.

What only people know (`[card]` in use_case.toml) and nobody stated is said to be not stated.
"""

from __future__ import annotations

from typing import Any

from solutionkit import __version__
from solutionkit.tasks.base import Task
from solutionkit.tasks.worths import CLINICAL_WARNING

NOT_STATED = "not stated"


def applied_card(compared: dict[str, Any], facts: dict[str, Any], task: Task, shown: str) -> dict[str, Any]:
    """The card's content.

    Args:
        compared: Content of `comparison.json`.
        facts: What is told of project and data.
        task: What is predicted.
        shown: The model that ships, or would but for its gates.
    """
    card, model = facts["card"], compared["models"][shown]
    warnings = [CLINICAL_WARNING] if task.clinical else []
    warnings += compared["cautions"].get(shown, [])
    for label, found in compared.get("further", {}).items():
        warnings += [f"Of {label}: {told}" for told in found["cautions"].get(shown, [])]
    business = model["business"]
    return {
        "name": facts["title"],
        "developer": stated(card, "developer"),
        "contact": stated(card, "contact"),
        "version": {"run": compared["run_id"], "software": __version__, "selected": compared["selected"]},
        "summary": facts["question"],
        "uses_and_directions": {
            "intended_use": stated(card, "intended_use"),
            "intended_users": stated(card, "intended_users"),
            "target_population": stated(card, "population"),
            "cautioned_out_of_scope": stated(card, "out_of_scope"),
            "human_oversight": stated(card, "oversight"),
        },
        "warnings": {
            "known_risks_and_limitations": [*warnings, stated(card, "limits")],
            "notes_on_the_data": facts["notes"],
            "gates": compared["gates"],
        },
        "trust_ingredients": {
            "outcome_and_output": task.words(facts["label"], facts["calibrated"]).answer,
            "model_type": model.get("training", {}).get("algorithm"),
            "input": facts["input"],
            "development_data": {
                "source": facts["data"],
                "rows": facts["rows"],
                "split": facts["split_rule"],
                "described": dict(facts["columns"]),
            },
            "maintenance": stated(card, "maintenance"),
            "funding": stated(card, "funding"),
        },
        "key_metrics": {
            "usefulness_and_efficacy": {
                "primary_metric": compared["primary_metric"],
                "metrics": model["metrics"],
                "verdict": compared["verdict"],
                "reason": compared["reason"],
                "decision": business,
                "further_labels": {
                    label: {**found["models"][shown], "primary_metric": found["primary_metric"]}
                    for label, found in compared.get("further", {}).items()
                },
                "validation": f"evaluation rows that no model saw; units by {compared['units']['name']}",
            },
            "fairness_and_equity": {
                "slices": [
                    {
                        "column": item["column"],
                        "value": item["value"],
                        "n": item["n"],
                        "metric": item.get(shown),
                    }
                    for item in compared["slices"]
                ],
                "subgroup_gaps": business.get("subgroup_gaps", []),
            },
            "safety_and_reliability": {
                "calibration_error": (model.get("calibration") or {}).get("expected_calibration_error"),
                "by_chance": (model.get("calibration") or {}).get("by_chance"),
                "referred": business.get("referred"),
                "covered": business.get("covered"),
            },
        },
        "resources": {"report": "report.html", "comparison": "comparison.json"},
    }


def stated(card: dict[str, Any], key: str) -> str:
    """What was stated, or that nothing was."""
    return str(card.get(key) or NOT_STATED)

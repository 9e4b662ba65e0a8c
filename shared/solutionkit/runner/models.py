"""Where the models of a project are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from solutionkit.compare.beside import told_beside
from solutionkit.compare.decision import Decision
from solutionkit.errors import UserError
from solutionkit.examples.columns import DECISION_FILE, FURTHER, KEPT
from solutionkit.runner.publish import latest_record, read_record
from solutionkit.runner.serving import labels_of
from solutionkit.use_case import TRAINED, Project
from solutionkit.versions import newest_version


def model_folder(project: Project, name: str) -> Path:
    """The newest SavedModel called `baseline`, `deep` or `pushed`.

    Raises:
        UserError: There is none yet.
    """
    if name not in ("pushed", *TRAINED):
        raise UserError(f"there is no model '{name}'; there are pushed, {', '.join(TRAINED)}.")
    if name == "pushed":
        folder = live_model(project)
        remedy = (
            "nothing was pushed yet: run the pipeline, or see in its report why nothing ships; predict and"
            " explain have --model baseline and --model deep without that"
        )
    else:
        known = latest_record(project).get("models", {}).get(name)
        folder = project.folder / known["path"] if known else None
        remedy = "run the pipeline first: solutionkit run"
    if folder is None or not (folder / "saved_model.pb").is_file():
        raise UserError(f"{project.models}: no {name} model; {remedy}.")
    return folder


def live_model(project: Project) -> Path | None:
    """The pushed version that users get: the stable one of a rollout, else the newest."""
    base = project.models / project.name
    stable = labels_of(project).get("stable")
    return newest_version(base) if stable is None else base / str(stable)


def known_decision(project: Project, name: str, version: str | None = None) -> Decision | None:
    """When a model flags rows; None where that is not known.

    Args:
        project: The project.
        name: `baseline`, `deep` or `pushed`.
        version: Of the pushed model, if not the newest.
    """
    return Decision.from_json(_told(project, name, version))


def kept_beside(project: Project, name: str, version: str | None = None) -> Any:
    """What the comparison found out about a model that new rows' forecasts need; nothing where it kept none.

    Args:
        project: The project.
        name: `baseline`, `deep` or `pushed`.
        version: Of the pushed model, if not the newest.
    """
    return _told(project, name, version).get(KEPT)


def further_decisions(project: Project, name: str, version: str | None = None) -> dict[str, Decision]:
    """When a model flags rows by further labels, as far as that is known.

    Args:
        project: The project.
        name: `baseline`, `deep` or `pushed`.
        version: Of the pushed model, if not the newest.
    """
    told = _told(project, name, version).get(FURTHER, {})
    found = {label: Decision.from_json(item) for label, item in told.items()}
    return {label: decision for label, decision in found.items() if decision is not None}


def _told(project: Project, name: str, version: str | None) -> dict[str, Any]:
    """What stands beside a pushed model, or would beside another; nothing where nothing was written."""
    folder = model_folder(project, name)
    if name != "pushed":
        return told_beside(read_record(project.runs / "latest" / "comparison.json", "models"), name)
    file = (folder.parent / version if version else folder) / DECISION_FILE
    return read_record(file, "threshold") if file.is_file() else {}


def stated_decision(project: Project, name: str) -> Decision:
    """As `known_decision`, where there must be one.

    Raises:
        UserError: There is none: nothing means that nothing was found, or the model is of an earlier version.
    """
    decision = known_decision(project, name)
    if decision is None:
        folder = model_folder(project, name)
        raise UserError(f"{folder}: no threshold of a decision is known of this model; run the pipeline.")
    return decision

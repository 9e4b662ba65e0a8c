"""What a run leaves for people: `runs/<id>/` and `models/<name>/<version>/`, put in place in one step."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from solutionkit.errors import UserError
from solutionkit.examples.columns import SERVING_FOLDER
from solutionkit.use_case import Project
from solutionkit.versions import live_version, put_in_place

if TYPE_CHECKING:
    from solutionkit.runner.local import NodeResult

FILES = {
    "Compare": ("comparison", ["comparison.json"]),
    "Explain": ("explanations", ["explanations.json"]),
    "WriteReport": ("report", ["report.html", "model_card.md", "model_card.json"]),
    "RowExampleGen": ("facts", ["schema.pbtxt"]),
}
RECORD = "run.json"


def new_run_id(runs: Path) -> str:
    """The present time, made unique among the runs."""
    stem = run_id = time.strftime("%Y%m%d-%H%M%S")
    number = 2
    while (runs / run_id).exists():
        run_id, number = f"{stem}-{number}", number + 1
    return run_id


def publish(project: Project, run_id: str, results: dict[str, NodeResult], made_of: dict[str, Any]) -> Path:
    """Lay a finished run's files and models out.

    Args:
        project: The project.
        run_id: The run's name.
        results: `NodeResult`s by node.
        made_of: What `provenance` tells of the run.

    Returns:
        The run's folder.
    """
    folder, draft = project.runs / run_id, project.runs / f".{run_id}"
    clear_drafts(project.runs)
    draft.mkdir(parents=True)
    for node, (output, names) in FILES.items():
        source = results[node].outputs[output]
        for name in names:
            shutil.copy2(source / name, draft / name)
    stamp_run_id(draft / "comparison.json", run_id)
    stamp_run_id(draft / "model_card.json", run_id, "version", "run")
    models = {name: publish_model(project, name, results[f"Trainer.{name}"]) for name in project.trainers}
    pushed = pushed_model(project, results, draft / "comparison.json")
    record = {
        "run_id": run_id,
        "models": models,
        "pushed": str(pushed.relative_to(project.folder)) if pushed else None,
        "seconds": {name: round(result.seconds, 2) for name, result in results.items()},
        "cached": [name for name, result in results.items() if result.state == "cached"],
        **made_of,
    }
    (draft / RECORD).write_text(json.dumps(record, indent=2) + "\n")
    put_in_place(draft, folder)
    point_latest_at(folder)
    return folder


def clear_drafts(runs: Path) -> None:
    """Take away what a run left that was ended while it published."""
    for item in runs.glob(".[0-9]*-[0-9]*"):
        if item.is_dir() and not item.is_symlink():
            shutil.rmtree(item)


def stamp_run_id(file: Path, run_id: str, *place: str) -> None:
    """Name the run in a file of its own; a cached one comes from an earlier run.

    Args:
        file: JSON.
        run_id: The run's name.
        place: Keys that lead there; usually `run_id`.
    """
    content = json.loads(file.read_text("utf-8"))
    *way, last = place or ("run_id",)
    inner = content
    for key in way:
        inner = inner[key]
    inner[last] = run_id
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")


def publish_model(project: Project, name: str, result: NodeResult) -> dict[str, str]:
    """Copy a model to `models/<name>/<version>` unless it is the newest one there."""
    uri = str(result.outputs["model"])
    version = live_version(project.models / name, Path(uri) / SERVING_FOLDER)
    return {"artifact": uri, "path": str(version.relative_to(project.folder))}


def pushed_model(project: Project, results: dict[str, NodeResult], comparison: Path) -> Path | None:
    """The version that is live because of this run: what Compare selected, or None if it selected nothing.

    A cached Pusher pushes nothing, even if another model went live since; then it is pushed here.
    """
    if json.loads(comparison.read_text())["selected"] is None:
        return None
    selected = results["Compare"].outputs["selected"] / SERVING_FOLDER
    return live_version(project.models / project.name, selected)


def latest_record(project: Project) -> dict[str, Any]:
    """`run.json` of the latest run, or nothing.

    Raises:
        UserError: It is broken.
    """
    file = project.runs / "latest" / RECORD
    return read_record(file, "models", "pushed") if file.is_file() else {}


def read_record(file: Path, *keys: str) -> dict[str, Any]:
    """A JSON file that a run left, with the keys that are needed of it.

    Raises:
        UserError: It is missing or broken, or lacks a key.
    """
    remedy = "run the pipeline again: solutionkit run"
    try:
        record = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(f"{file}: no such file; {remedy}.") from None
    except ValueError as error:
        raise UserError(f"{file}: not readable as JSON ({error}); {remedy}.") from None
    missing = [key for key in keys if not isinstance(record, dict) or key not in record]
    if missing:
        raise UserError(f"{file}: lacks {', '.join(missing)}; {remedy}.")
    known: dict[str, Any] = record
    return known


def point_latest_at(folder: Path) -> None:
    """Make `runs/latest` a link to a run, in one step."""
    link = folder.parent / ".latest"
    link.unlink(missing_ok=True)
    link.symlink_to(folder.name)
    link.replace(folder.parent / "latest")

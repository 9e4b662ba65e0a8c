"""What a run was made of: data, code and configuration, so that two runs can be told apart later."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import solutionkit
from solutionkit.object_store import address
from solutionkit.pipeline.fingerprint import project_hash
from solutionkit.use_case import Project

SECONDS = 10


def provenance(project: Project, data: str) -> dict[str, Any]:
    """What goes into a run's record.

    Args:
        project: As it is run.
        data: The data's hash, see `input_hash`.
    """
    declared = project.declaration.data
    places = [place for place in (declared.path, declared.train, declared.eval) if place]
    return {
        "data": {"hash": data, "paths": [address(place) for place in places]},
        "code": {
            "hash": project_hash(project.folder, project.package),
            "commit": commit(project.folder),
            "solutionkit": solutionkit.__version__,
        },
        "declaration": json.loads(project.declaration.model_dump_json(by_alias=True)),
    }


def commit(folder: Path) -> str | None:
    """The commit that a folder is at, `+` behind it where files of the folder differ; None outside of Git."""
    known = _git(folder, "rev-parse", "--short=12", "HEAD")
    if not known:
        return None
    return f"{known}+" if _git(folder, "status", "--porcelain", "--", ".") else known


def _git(folder: Path, *arguments: str) -> str:
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""

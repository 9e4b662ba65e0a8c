"""A project of each past release is brought to this one by `cruft update`, and keeps what its user wrote."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from solutionkit.use_case import load_project
from support import BIN, ROOT, generate

pytestmark = pytest.mark.slow
WHO = {f"GIT_{role}_{part}": "user@example" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
ANSWERS = {"use_case": "customer_churn", "project_name": "Old", "project_slug": "old"}
NETWORK = '"""Ours."""\n\n\ndef train(*arguments):\n    raise NotImplementedError\n'


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, **WHO}
    ).stdout


def cruft(folder: Path, *arguments: str) -> None:
    command = [str(BIN / "cruft"), *arguments]
    environment = {**os.environ, **WHO, "PATH": f"{BIN}:{os.environ['PATH']}"}
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def releases() -> dict[str, str]:
    """The commit that began each release in CHANGELOG.md, by version; nothing where the history is not here."""
    try:
        if git(ROOT, "rev-parse", "--is-shallow-repository").strip() != "false":
            return {}
    except (OSError, subprocess.CalledProcessError):
        return {}
    found = {}
    for version in re.findall(r"^## (\d+\.\d+\.\d+)$", (ROOT / "CHANGELOG.md").read_text(), re.M):
        log = git(ROOT, "log", "--reverse", "--format=%H", f"-S## {version}\n", "--", "CHANGELOG.md")
        if log:
            found[version] = log.split()[0]
    return found


@pytest.mark.parametrize("version", releases() or [pytest.param("", marks=pytest.mark.skip("no history"))])
def test_a_project_of_an_older_release_is_brought_here(tmp_path: Path, version: str) -> None:
    context = json.dumps(ANSWERS)
    create = [
        "create",
        str(ROOT),
        "--checkout",
        releases()[version],
        "--no-input",
        "--extra-context",
        context,
    ]
    cruft(tmp_path, *create)
    project = tmp_path / "old"
    git(project, "init")
    git(project, "add", "-A")
    git(project, "commit", "-m", "generated")
    declaration = project / "use_case.toml"
    text = declaration.read_text()
    assert "true_positive = 60" in text
    declaration.write_text(text.replace("true_positive = 60", "true_positive = 75") + "\n# of ours\n")
    (project / "customer_churn" / "network.py").write_text(NETWORK)
    git(project, "add", "-A")
    git(project, "commit", "-m", "ours")
    # To the newest commit, as a user gets it.
    cruft(project, "update", "--skip-apply-ask")
    left = git(project, "status", "--porcelain").splitlines()
    assert not [line for line in left if line.startswith(("UU", "AA", "DU", "UD"))]
    assert not list(project.rglob("*.rej"))
    newest = git(ROOT, "rev-parse", "HEAD").strip()
    assert json.loads((project / ".cruft.json").read_text())["commit"] == newest
    for name in ("requirements.lock", "bootstrap.py"):
        assert (project / name).read_text() == git(ROOT, "show", f"HEAD:{name}")
    (wheel,) = (project / "wheels").glob("*.whl")
    stated = re.search(r'"solutionkit==([^"]+)"', (project / "pyproject.toml").read_text())
    assert stated
    assert wheel.name == f"solutionkit-{stated[1]}-py3-none-any.whl"
    updated = load_project(project)
    assert updated.declaration.business
    assert updated.declaration.business.true_positive == 75
    assert "# of ours" in declaration.read_text()
    assert (project / "customer_churn" / "network.py").read_text() == NETWORK


@pytest.mark.skipif(not releases(), reason="no history")
def test_a_new_project_says_where_it_came_from(generated: Path) -> None:
    origin = json.loads((generated / ".cruft.json").read_text())
    assert origin["commit"] == git(ROOT, "rev-parse", "HEAD").strip()
    assert origin["context"]["cookiecutter"]["project_slug"] == "demo"
    assert (generated / ".git").is_dir()


@pytest.mark.parametrize("license", ["MIT", "BSD-3-Clause", "Proprietary"])
def test_a_licence_of_choice(tmp_path: Path, license: str) -> None:
    assert generate(tmp_path, license=license).returncode == 0
    text = (tmp_path / "demo" / "LICENSE").read_text()
    assert "the authors of Demo" in text.splitlines()[0]
    assert "Apache" not in text

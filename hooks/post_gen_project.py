"""Lay the use case, the library's wheel, the lock and the set-up script into the new project."""

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

# JSON, because an answer may hold quotes.
REPOSITORY = Path(json.loads(r""" {{ repository | tojson }} """))
USE_CASE = json.loads(r""" {{ cookiecutter.use_case | tojson }} """)
PROJECT_NAME = json.loads(r""" {{ cookiecutter.project_name | tojson }} """)
SLUG = json.loads(r""" {{ cookiecutter.project_slug | tojson }} """)
LICENSE = json.loads(r""" {{ cookiecutter.license | tojson }} """)
# What running a use case where it stands leaves in its folder; a package may have folders of these names.
LEFT_BY_RUNS = {"data", "runs", "models"}

# What the user makes their own; the project's tests keep the sample's, to check the sample by.
DECLARED = ("use_case.toml", "schema.pbtxt")

# Where a use case's README goes on further down in the project's.
OWN_DATA = "## Use your own data\n"


def not_copied(folder: str, names: list[str]) -> set[str]:
    """The names in a folder of the use case that are no part of it."""
    left = {name for name in names if name == "__pycache__" or name.startswith(".") or name.endswith(".pyc")}
    top = Path(folder) == REPOSITORY / "templates" / USE_CASE
    return left | (LEFT_BY_RUNS & set(names) if top else set())


def lay_sample(project: Path) -> None:
    """Keep the sample's own declaration and schema beside the project's tests."""
    kept = project / "tests" / "sample"
    kept.mkdir()
    for name in DECLARED:
        if (project / name).is_file():
            shutil.copy2(project / name, kept / name)


def lay_serving(source: Path, target: Path, model: str) -> None:
    """Copy the deployment files, with the model's name in the place of `my_model` and `my-model`."""
    for file in sorted(source.rglob("*")):
        if file.is_file():
            copy = target / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            text = file.read_text("utf-8").replace("my_model", model)
            copy.write_text(text.replace("my-model", model.replace("_", "-")), "utf-8")


def lay_license(project: Path) -> None:
    """The licence of what the user writes; the wheel has the library's own."""
    if LICENSE == "Apache-2.0":
        shutil.copy2(REPOSITORY / "LICENSE", project / "LICENSE")
        return
    text = (REPOSITORY / "hooks" / "licenses" / f"{LICENSE}.txt").read_text("utf-8")
    whose = f"Copyright (c) {time.strftime('%Y')}, the authors of {PROJECT_NAME}"
    (project / "LICENSE").write_text(f"{whose}\n\n{text}", "utf-8")


def note_origin(project: Path) -> None:
    """Say which commit of the template the project is of, as `cruft update` reads it; nothing without Git."""
    commit = git(REPOSITORY, "rev-parse", "HEAD")
    if not commit:
        return
    remote = git(REPOSITORY, "remote", "get-url", "origin")
    remote = re.sub(r"//[^/@]*@", "//", remote)
    template = remote if "://" in remote or "@" in remote else str(REPOSITORY)
    answers = {
        "use_case": USE_CASE,
        "project_name": PROJECT_NAME,
        "project_slug": SLUG,
        "license": LICENSE,
        "_template": template,
        "_commit": commit,
    }
    origin = {
        "template": template,
        "commit": commit,
        "checkout": None,
        "context": {"cookiecutter": answers},
        "directory": None,
    }
    (project / ".cruft.json").write_text(json.dumps(origin, indent=2) + "\n", "utf-8")


def begin_history(project: Path) -> None:
    """Make the project a Git repository, unless it lies in one."""
    if git(project, "--version") and not git(project, "rev-parse", "--show-toplevel"):
        git(project, "init", "--quiet")


def git(folder: Path, *arguments: str) -> str:
    """What Git answers; nothing where it is not there, or says no."""
    try:
        answer = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True)
    except OSError:
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def main() -> None:
    """Complete the project in the present folder."""
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(REPOSITORY / "hooks"))
    from wheel import build_wheel

    project = Path.cwd()
    use_case = REPOSITORY / "templates" / USE_CASE
    readme = (project / "README.md").read_text("utf-8")
    about, heading, own_data = (use_case / "README.md").read_text("utf-8").partition(OWN_DATA)
    shutil.copytree(use_case, project, dirs_exist_ok=True, ignore=not_copied)
    lay_sample(project)
    readme = readme.replace("<!-- use case -->\n\n", about).replace("<!-- own data -->\n", heading + own_data)
    (project / "README.md").write_text(readme, "utf-8")
    for name in ("requirements.lock", "bootstrap.py"):
        shutil.copy2(REPOSITORY / name, project / name)
    lay_license(project)
    lay_serving(REPOSITORY / "serving" / "deploy", project / "serving", SLUG)
    wheel = build_wheel(REPOSITORY, project / "wheels")
    settings = (project / "pyproject.toml").read_text("utf-8")
    (project / "pyproject.toml").write_text(settings.replace("<version>", wheel.name.split("-")[1]), "utf-8")
    note_origin(project)
    begin_history(project)
    print(f"{PROJECT_NAME}: in {SLUG}/. Next: cd {SLUG} && make setup run")


if __name__ == "__main__":
    main()

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from support import BIN, ROOT, generate, solutionkit
from wheel import build_wheel

COMBINATIONS = [
    {"use_case": use_case, "project_name": name, "project_slug": slug}
    for use_case in sorted(item.name for item in (ROOT / "templates").iterdir() if item.is_dir())
    for name, slug in (("Demo", "demo"), ('Kündigungen 🚀 & "A\\B" Co.', "kuendigungen_2027"))
]
REFUSED = [
    ({"use_case": "customer_chrun"}, "customer_chrun"),
    ({"project_slug": "My-Project"}, "must be a Python and a Docker name"),
    ({"project_slug": "2fast"}, "must be a Python and a Docker name"),
    ({"project_slug": "class"}, "is a Python keyword"),
    ({"project_slug": "json"}, "another Python package"),
    ({"project_slug": "customer_churn"}, "another Python package"),
    ({"project_slug": "deep"}, "one of its models"),
    ({"project_slug": "simple"}, "one of its models"),
    ({"project_slug": "a" * 51}, "longer than 50"),
    ({"project_name": " "}, "project_name"),
    ({"project_name": "two\nlines"}, "project_name"),
]
EXPECTED = {
    "Containerfile", "Makefile", "README.md", "bootstrap.py", "pyproject.toml", "requirements.lock",
    "use_case.toml", "tests", "wheels", ".gitignore", ".github", "LICENSE",
}  # fmt: skip


@pytest.mark.parametrize(
    "answers", COMBINATIONS, ids=lambda item: f"{item['use_case']}-{item['project_slug']}"
)
def test_every_combination_is_complete(tmp_path: Path, answers: dict[str, str]) -> None:
    answer = generate(tmp_path, **answers)
    assert answer.returncode == 0, answer.stderr
    project = tmp_path / answers["project_slug"]
    found = {item.name for item in project.iterdir()}
    assert found >= EXPECTED | {answers["use_case"]}
    # Images have no curated schema, and columns computed of a history follow the declaration.
    assert ("schema.pbtxt" in found) == (answers["use_case"] == "customer_churn")
    for file in project.rglob("*"):
        if (
            file.is_file()
            and file.suffix not in {".whl", ".lock"}
            and not {".github", "grafana"} & set(file.parts)
        ):
            text = file.read_text("utf-8")
            assert "{{" not in text, f"{file} was not rendered"
            assert "<!--" not in text, f"{file} has a mark left"
            if file.suffix == ".py":
                ast.parse(text)
    settings = tomllib.loads((project / "pyproject.toml").read_text())
    assert settings["project"]["description"] == answers["project_name"]
    (wheel,) = (project / "wheels").glob("*.whl")
    name, _, version = settings["project"]["dependencies"][0].partition("==")
    assert wheel.name.startswith(f"{name}-{version}-")
    assert answers["project_name"] in (project / "README.md").read_text("utf-8")


def test_what_a_project_runs_of_others_is_pinned(generated: Path) -> None:
    text = (generated / ".github" / "workflows" / "ci.yml").read_text()
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    used = [line for line in text.splitlines() if "uses:" in line]
    assert len(used) == 2
    assert all(re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line) for line in used)
    image = (generated / "Containerfile").read_text()
    assert re.search(r"^ARG BASE_IMAGE=\S+:3\.12\.\d+-slim-trixie@sha256:[0-9a-f]{64}$", image, re.M)


@pytest.mark.parametrize(("answers", "message"), REFUSED)
def test_wrong_answers_leave_nothing_behind(tmp_path: Path, answers: dict[str, str], message: str) -> None:
    answer = generate(tmp_path, **answers)
    assert answer.returncode != 0
    assert message in answer.stdout + answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "mine.txt").write_text("mine")
    answer = generate(tmp_path)
    assert answer.returncode != 0
    assert "already exists" in answer.stdout + answer.stderr
    assert [item.name for item in (tmp_path / "demo").iterdir()] == ["mine.txt"]


def test_a_relative_template_path(tmp_path: Path) -> None:
    command = [str(BIN / "cookiecutter"), ".", "--no-input", "--output-dir", str(tmp_path)]
    answer = subprocess.run([*command, "project_name=Here"], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert (tmp_path / "here" / "customer_churn" / "sample_data.py").is_file()


def test_the_wheel_is_repeatable_and_installs(tmp_path: Path) -> None:
    first = build_wheel(ROOT, tmp_path / "first")
    second = build_wheel(ROOT, tmp_path / "second")
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        names = archive.namelist()
    assert "solutionkit/report/templates/report.html.j2" in names
    assert not any("__pycache__" in name for name in names)
    target = tmp_path / "installed"
    command = [
        str(BIN / "uv"),
        "pip",
        "install",
        "--no-deps",
        "--offline",
        "--target",
        str(target),
        str(first),
    ]
    subprocess.run(command, check=True, capture_output=True)
    code = "import solutionkit; print(solutionkit.__file__, solutionkit.__version__)"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.startswith(str(target))
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.M)
    assert version is not None
    assert answer.stdout.split()[1] == version[1]


@pytest.mark.slow
def test_a_generated_project_passes_its_own_tests(generated: Path, tmp_path: Path) -> None:
    project = tmp_path / "demo"
    subprocess.run(["cp", "-r", str(generated), str(project)], check=True)
    answer = subprocess.run(
        ["make", "test", f"BIN={BIN}"], cwd=project, capture_output=True, text=True, timeout=900
    )
    assert answer.returncode == 0, answer.stdout[-4000:] + answer.stderr[-2000:]
    assert "2 passed" in answer.stdout
    assert solutionkit(project, "doctor").returncode == 0

"""`runs` and `models` as a user reads them."""

import json

import pytest
from test_finished import make_run, project, serving

from solutionkit import cli
from solutionkit.use_case import Project

__all__ = ["project"]
COMPARED = {"roc_auc": {"value": 0.8, "low": 0.7, "high": 0.9}}


@pytest.fixture
def folder(project: Project, capsys: pytest.CaptureFixture[str]) -> str:
    """A project with three finished runs, and its files that say so."""
    (project.folder / "use_case.toml").write_text('[data]\npath = "rows.csv"\n[columns]\nlabel = "y"\n')
    (project.folder / "pyproject.toml").write_text(
        '[tool.solutionkit]\nuse_case = "customer_churn"\nname = "churn"\n'
    )
    for number, run in enumerate(sorted(project.runs.iterdir()), start=1):
        record = json.loads((run / "run.json").read_text())
        record |= {
            "data": {"hash": "aaaa1111" if number < 3 else "bbbb2222", "paths": ["rows.csv"]},
            "code": {"hash": "c0de", "commit": None, "solutionkit": f"0.{number}"},
            "declaration": {"training": {"seed": number}, "columns": {"label": "y"}},
        }
        (run / "run.json").write_text(json.dumps(record))
        compared = json.loads((run / "comparison.json").read_text())
        for model in compared["models"].values():
            model["business"] = {"value_per_1000": 100.0 * number, "currency": "EUR"}
        (run / "comparison.json").write_text(json.dumps(compared))
    return str(project.folder)


def told(capsys: pytest.CaptureFixture[str], folder: str, *arguments: str) -> str:
    code = cli.main(["--project", folder, *arguments])
    captured = capsys.readouterr()
    assert code == (1 if captured.err else 0)
    return captured.out + captured.err


def test_runs_are_listed_newest_first(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    heading, newest, *_, oldest = told(capsys, folder, "runs", "list").splitlines()
    assert heading.split() == ["run", "data", "metric", "baseline", "deep", "verdict", "pushed"]
    assert newest.split() == [
        "20260103-091500", "bbbb2222", "roc_auc", "0.8300", "0.8300", "deep", "deep", "3",
    ]  # fmt: skip
    assert oldest.startswith("20260101-091500")


def test_two_runs_are_compared(folder: str, project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    told_ = told(capsys, folder, "runs", "compare")
    assert "20260102-091500  ->  20260103-091500" in told_
    assert "aaaa1111  ->  bbbb2222" in told_
    assert "training.seed  2  ->  3" in told_
    assert "code solutionkit  0.2  ->  0.3" in told_
    assert "+0.0100" in told_
    assert "+100" in told_
    assert "a difference may be one of the rows" in told_
    first = project.runs / "20260101-091500" / "comparison.json"
    compared = json.loads(first.read_text())
    for model in compared["models"].values():
        # Before there was a worth.
        model["business"] = {"value_per_1000": None}
    first.write_text(json.dumps(compared))
    told_ = told(capsys, folder, "runs", "compare", "20260101", "latest")
    assert "deep EUR per 1,000" in told_
    same = told(capsys, folder, "runs", "compare", "latest", "20260103")
    assert "the same" in same
    assert "->  20260103-091500" in same
    assert "may be one of the rows" not in same


def test_what_can_go_is_told_before_it_goes(
    folder: str, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    serving(project, 'version_labels { key: "stable" value: 1 }')
    told_ = told(capsys, folder, "runs", "prune", "--keep", "1")
    assert "run      20260102-091500" in told_
    assert "model    models/deep/2" in told_
    assert "--yes" in told_
    assert (project.runs / "20260102-091500").is_dir()
    assert "are free" in told(capsys, folder, "runs", "prune", "--keep", "1", "--yes")
    assert not (project.runs / "20260102-091500").exists()
    assert "nothing to take away" in told(capsys, folder, "runs", "prune", "--keep", "1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "latest"], "takes no names"),
        (["show", "a", "b"], "takes at most 1 names"),
        (["show", "nothing"], "there is no run 'nothing'"),
        (["prune", "--keep", "0"], "--keep must be at least 1"),
    ],
)
def test_wrong_questions(
    folder: str, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = told(capsys, folder, "runs", *arguments)
    assert answer.startswith("error: ")
    assert message in answer


def test_models_say_where_they_came_from(
    folder: str, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(project, "20260104-091500", 4)
    (project.runs / "20260104-091500" / "run.json").unlink()
    heading, newest, second, *_ = told(capsys, folder, "models", "list").splitlines()
    assert heading.split()[:4] == ["version", "pushed", "label", "run"]
    assert newest.split()[0] == "4"
    assert "live" in newest
    assert newest.split()[-1] == "-"
    assert second.split()[-5:] == ["bbbb2222", "deep", "roc_auc", "0.8300", "deep"]

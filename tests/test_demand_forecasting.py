"""A generated project of series: the contract, then its verbs and its server, on one run."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from solutionkit import Project as Notebook
from solutionkit import testing
from solutionkit.use_case import Project
from solutionserve.embedded import running
from support import CHROMIUM, generate, opened, solutionkit

pytestmark = pytest.mark.slow

HORIZON, SERIES = 14, 60


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that keeps the contract, with its run."""
    folder = tmp_path_factory.mktemp("series")
    answer = generate(folder, "sales", use_case="demand_forecasting")
    assert answer.returncode == 0, answer.stderr
    return testing.check_use_case(folder / "sales", folder / "workspace")


@pytest.fixture(scope="module")
def to_forecast(project: Project) -> Path:
    return project.use_case.modality.scoring_source(project)


def read(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_better_than_the_last_value_and_than_each_series_by_itself(project: Project) -> None:
    compared = json.loads((project.runs / "latest" / "comparison.json").read_text())
    wape = {name: model["metrics"]["wape"]["value"] for name, model in compared["models"].items()}
    assert max(wape["baseline"], wape["deep"]) < 0.85 * min(wape["simple"], wape["trivial"]), wape
    assert compared["units"] == {"name": "series", "eval": SERIES}
    for name in ("simple", "baseline", "deep"):
        model = compared["models"][name]
        assert len(model["wape_by_step"]) == HORIZON
        assert 0.65 < model["intervals"]["0.80"]["covered"] < 0.92
        assert 0.5 < model["business"]["service_level"] <= 1.0
        assert model["business"]["quantile"] == 0.75
    assert "business_difference" in compared
    for levels in compared["totals"]["models"].values():
        assert [item["level"] for item in levels] == ["all", "category", "category / store", "series"]
        assert levels[0]["wape"] < levels[-1]["wape"]


def test_a_promotion_is_told_to_raise_sales(project: Project) -> None:
    explained = json.loads((project.runs / "latest" / "explanations.json").read_text())
    for model in explained["models"].values():
        curve = model["dependence"]["promotion"]
        values, effects = np.array(curve["values"]), np.array(curve["effects"])
        assert np.corrcoef(values, effects)[0, 1] > 0.4
        assert model["residual"]["max_abs"] < 1e-3 * max(model["residual"]["output_std"], 1.0)


def test_predict_writes_a_row_a_step_with_what_to_order(
    project: Project, to_forecast: Path, tmp_path: Path
) -> None:
    output = tmp_path / "forecast.csv"
    answer = solutionkit(project.folder, "predict", "--input", str(to_forecast), "--output", str(output))
    assert answer.returncode == 0, answer.stderr
    rows, totals = [], []
    for row in read(output):
        (rows if row["level"] == "series" else totals).append(row)
    assert len(rows) == HORIZON * SERIES
    named = ["level", "category", "store", "item", "date", "cutoff", "step", "q0.05"]
    assert list(rows[0])[:8] == named
    for level in ("category", "category / store"):
        for step in ("1", str(HORIZON)):
            parts = [float(row["q0.5"]) for row in totals if row["level"] == level and row["step"] == step]
            whole = [float(row["q0.5"]) for row in totals if row["level"] == "all" and row["step"] == step]
            assert len(whole) == 1
            assert sum(parts) == pytest.approx(whole[0], rel=1e-6)
            items = [float(row["q0.5"]) for row in rows if row["step"] == step]
            assert sum(items) == pytest.approx(whole[0], rel=1e-5)
    assert [row["step"] for row in rows[:HORIZON]] == [str(step) for step in range(1, HORIZON + 1)]
    for row in rows:
        assert float(row["q0.05"]) <= float(row["q0.5"]) <= float(row["q0.75"]) <= float(row["q0.95"])
        assert float(row["order_up_to"]) == pytest.approx(float(row["q0.75"]), rel=1e-5, abs=1e-5)


def test_a_server_and_a_notebook_say_the_same(project: Project, to_forecast: Path, tmp_path: Path) -> None:
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    predict = ("predict", "--input", str(to_forecast))
    assert solutionkit(project.folder, *predict, "--output", str(here)).returncode == 0
    base = f"--model_base_path={project.models / project.name}"
    with running(f"--model_name={project.name}", base) as server:
        address = server.grpc
        answer = solutionkit(project.folder, *predict, "--output", str(there), "--server", address)
        assert answer.returncode == 0, answer.stderr
    first, second = read(here), read(there)
    frame = Notebook.load(project.folder).predict(to_forecast)
    assert {row["level"] for row in second} == {"all", "category", "category / store", "series"}
    for ours, theirs, noted in zip(first, second, frame.to_dict("records"), strict=True):
        assert float(ours["q0.5"]) == pytest.approx(float(theirs["q0.5"]), rel=1e-4, abs=1e-4)
        assert float(ours["q0.5"]) == pytest.approx(noted["q0.5"], rel=1e-4, abs=1e-4)


def test_without_rows_of_the_steps_to_come_nothing_is_written(project: Project, tmp_path: Path) -> None:
    output = tmp_path / "none.csv"
    answer = solutionkit(
        project.folder, "predict", "--input", str(project.sample_path), "--output", str(output)
    )
    assert answer.returncode == 1
    assert "must be known for 14 steps after the last 'sales'" in answer.stderr
    assert not output.exists()


def test_explain_adds_up_to_the_forecast(project: Project, to_forecast: Path, tmp_path: Path) -> None:
    output = tmp_path / "why.csv"
    answer = solutionkit(project.folder, "explain", "--input", str(to_forecast), "--output", str(output))
    assert answer.returncode == 0, answer.stderr
    for row in read(output):
        told = ("level", "category", "store", "item", "forecast")
        parts = [float(value) for name, value in row.items() if name not in told]
        assert sum(parts) == pytest.approx(float(row["forecast"]), rel=1e-3, abs=1e-2)


@pytest.mark.skipif(CHROMIUM is None, reason="no browser")
def test_the_report_shows_fans(project: Project, tmp_path: Path) -> None:
    page = opened((project.runs / "latest" / "report.html").resolve(), tmp_path / "profile")
    assert page.count("steps, 1 is the first forecast") >= 3
    assert "EUR per 1,000 steps" in page
    assert "repeats each series' last value" in page

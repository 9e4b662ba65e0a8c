"""A company's own file, as it is, from a first look to predictions: German, cp1252, semicolons and dates."""

import csv
import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from support import solutionkit

pytestmark = pytest.mark.slow
ROWS = 1500


def german(value: float) -> str:
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


@pytest.fixture(scope="module")
def company(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project pointed at such a file by `init`, with a finished run."""
    project = tmp_path_factory.mktemp("company") / "demo"
    shutil.copytree(generated, project)
    random = np.random.default_rng(1)
    days = random.integers(0, 2000, ROWS)
    fees = random.gamma(2.0, 900.0, ROWS)
    left = random.random(ROWS) < 1 / (1 + np.exp(days / 250 - fees / 2000 - 0.5))
    seen = [date(2025, 6, 1) + timedelta(days=int(day)) for day in random.integers(0, 90, ROWS)]
    header = ["Kundennr", "Stichtag", "Vertragsbeginn", "Gebühr", "Ort", "Kuendigung"]
    rows = [
        [
            f"K{row:05}",
            f"{seen[row]:%d.%m.%Y}",
            f"{seen[row] - timedelta(days=int(days[row])):%d.%m.%Y}",
            german(fees[row]),
            ["Köln", "Düren"][row % 2],
            "yes" if left[row] else "no",
        ]
        for row in range(ROWS)
    ]
    with (project / "kunden.csv").open("w", encoding="cp1252", newline="") as stream:
        csv.writer(stream, delimiter=";").writerows([header, *rows])
    with (project / "neue.csv").open("w", encoding="cp1252", newline="") as stream:
        csv.writer(stream, delimiter=";").writerows([header[:-1], *(row[:-1] for row in rows[:20])])
    answer = solutionkit(project, "init", str(project / "kunden.csv"), "--write")
    assert answer.returncode == 0, answer.stderr
    with (project / "use_case.toml").open("a") as stream:
        stream.write('[training]\npreset = "quick"\n')
    answer = solutionkit(project, "run")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "'Gebühr' is read as numbers like 1.234,5" in answer.stdout
    assert "2 date: Stichtag, Vertragsbeginn" in answer.stdout
    return project


def test_dates_are_learned_from_and_told_as_one_column(company: Path) -> None:
    explained = json.loads((company / "runs" / "latest" / "explanations.json").read_text())
    compared = json.loads((company / "runs" / "latest" / "comparison.json").read_text())
    for name in ("simple", "baseline", "deep"):
        assert compared["models"][name]["metrics"]["roc_auc"]["value"] > 0.8
        told = [item["column"] for item in explained["models"][name]["groups"]]
        assert told[:2] == ["Vertragsbeginn", "Gebühr"]
        assert sorted(told[2:]) == ["Ort", "Stichtag"]
        curve = explained["models"][name]["dependence"]["Vertragsbeginn"]
        assert curve["kind"] == "numeric"
        assert all(2019 < year < 2026 for year in curve["values"])


def test_new_rows_are_read_as_the_old_ones_were(company: Path, tmp_path: Path) -> None:
    """Even of one row, whose cells could mean two things."""
    lines = (company / "neue.csv").read_text("cp1252").splitlines()
    one = tmp_path / "one.csv"
    one.write_text(f"{lines[0]}\nK1;05.06.2025;03.04.2025;1.234;Köln\n", "cp1252")
    output = tmp_path / "scores.csv"
    answer = solutionkit(
        company, "predict", "--input", str(one), "--output", str(output), "--model", "baseline"
    )
    assert answer.returncode == 0, answer.stderr
    same = tmp_path / "same.csv"
    same.write_text(f"{lines[0].replace(';', ',')}\nK1,2025-06-05,2025-04-03,1234.0,Köln\n")
    again = tmp_path / "again.csv"
    assert (
        solutionkit(
            company, "predict", "--input", str(same), "--output", str(again), "--model", "baseline"
        ).returncode
        == 0
    )
    assert output.read_text() == again.read_text()

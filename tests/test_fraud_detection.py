"""A generated project of card transactions: the contract, then what is particular to it, on one run."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from solutionkit import testing
from solutionkit.models.saved import SavedScorer
from solutionkit.runner.models import model_folder, stated_decision
from solutionkit.use_case import Project, read_new
from solutionserve.client import Client
from solutionserve.embedded import running
from support import CHROMIUM, generate, opened, solutionkit

pytestmark = pytest.mark.slow
LEAK = """
    made = rolling_features(events, history, label_delay)
    return made.append_column("card_total", pa.array([float(len(events))] * len(events)))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that keeps the contract, with its run."""
    folder = tmp_path_factory.mktemp("fraud")
    answer = generate(folder, "cards", use_case="fraud_detection")
    assert answer.returncode == 0, answer.stderr
    return testing.check_use_case(folder / "cards", folder / "workspace")


def read(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def compared(project: Project) -> dict:
    return json.loads((project.runs / "latest" / "comparison.json").read_text())


def test_alerts_are_judged_day_by_day(project: Project) -> None:
    found = compared(project)
    days, budget = found["daily"]["days"], found["daily"]["budget"]
    assert len(days) >= 20
    assert days == sorted(days)
    assert sum(found["daily"]["positives"]) == found["rows"]["eval_positive"]
    for name in ("baseline", "deep"):
        metrics = found["models"][name]["metrics"]
        precision = found["daily"]["models"][name]["precision"]
        assert metrics["card_precision_at_budget"]["value"] == pytest.approx(np.mean(precision))
        assert max(found["daily"]["models"][name]["found"]) <= budget
        assert 0 < metrics["recall_at_alert_budget"]["value"] <= 1
    assert found["difference"]["test"] == "paired_group_bootstrap"


def test_what_could_not_be_known_is_left_out(project: Project) -> None:
    answer = solutionkit(project.folder, "check")
    assert answer.returncode == 0, answer.stderr
    assert "their labels were not known before the evaluation begins (data.label_delay = 7d)" in answer.stdout
    assert "evaluation rows are left out: a fraud of their card was known by then" in answer.stdout


def test_predict_gives_reasons_for_alerts_alone(project: Project, tmp_path: Path) -> None:
    output = tmp_path / "scores.csv"
    command = ["predict", "--input", "data/sample.csv", "--output", str(output), "--reasons", "2"]
    answer = solutionkit(project.folder, *command)
    assert answer.returncode == 0, answer.stderr
    decision, rows = stated_decision(project, "pushed"), read(output)
    assert decision.expected is not None
    amounts = pa.csv.read_csv(project.sample_path)["amount"].to_numpy()
    worth = decision.expected(np.array([float(row["probability"]) for row in rows]), amounts)
    alerts = [row for row in rows if row["alert"] == "yes"]
    assert 0 < len(alerts) < len(rows) / 10
    for row, added in zip(rows, worth, strict=True):
        assert (row["alert"] == "yes") == (added >= decision.threshold) or abs(
            added - decision.threshold
        ) < 1e-3
        assert bool(row["reasons"]) == (row["alert"] == "yes")
    assert all(row["reasons"].count("; ") <= 1 for row in alerts)
    told = " ".join(row["reasons"] for row in alerts)
    assert "with known labels" in told
    assert "x this card's usual" in told or "x this card's largest" in told


def test_new_rows_need_their_history_and_nothing_else(project: Project, tmp_path: Path) -> None:
    """The last day alone, against the whole file; then with a history of its own, and with none that helps."""
    table = pa.csv.read_csv(project.sample_path)
    new = tmp_path / "new.csv"
    pa.csv.write_csv(table.slice(table.num_rows - 50).drop_columns(["fraud"]), new)
    whole, alone, other = tmp_path / "whole.csv", tmp_path / "alone.csv", tmp_path / "other.csv"
    sample = str(project.sample_path)
    assert solutionkit(project.folder, "predict", "--input", sample, "--output", str(whole)).returncode == 0
    answer = solutionkit(project.folder, "predict", "--input", str(new), "--output", str(alone))
    assert answer.returncode == 0, answer.stderr
    for ours, theirs in zip(read(whole)[-50:], read(alone), strict=True):
        assert ours["transaction_id"] == theirs["transaction_id"]
        assert float(ours["probability"]) == pytest.approx(float(theirs["probability"]), abs=1e-6)
    short = tmp_path / "short.csv"
    pa.csv.write_csv(table.slice(0, 10), short)
    command = ["predict", "--input", str(new), "--output", str(other), "--history", str(short)]
    assert solutionkit(project.folder, *command).returncode == 0
    assert [row["probability"] for row in read(other)] != [row["probability"] for row in read(alone)]


def test_a_server_takes_computed_columns(project: Project, tmp_path: Path) -> None:
    """gRPC and REST, by the command and by a client that sends what `KnownRows` computes."""
    table = pa.csv.read_csv(project.sample_path)
    new = tmp_path / "new.csv"
    pa.csv.write_csv(table.slice(table.num_rows - 20).drop_columns(["fraud"]), new)
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    assert solutionkit(project.folder, "predict", "--input", str(new), "--output", str(here)).returncode == 0
    pushed = f"--model_base_path={project.models / project.name}"
    with running(f"--model_name={project.name}", pushed) as server:
        for address in (server.grpc, server.rest):
            command = ["predict", "--input", str(new), "--output", str(there), "--server", address]
            answer = solutionkit(project.folder, *command)
            assert answer.returncode == 0, answer.stderr
            for ours, theirs in zip(read(here), read(there), strict=True):
                assert float(ours["probability"]) == pytest.approx(float(theirs["probability"]), abs=1e-6)
        spec = SavedScorer(model_folder(project, "pushed")).spec
        computed = read_new(project, new, spec).table.to_pandas()
        computed["recent"] = [np.array([list(step) for step in cell]) for cell in computed["recent"]]
        with Client(server.grpc, project.name) as client:
            columns = {name: np.stack(computed[name].to_list()) for name in spec.model_columns}
            answers = client.predict(columns)["probability"][:, 0]
        assert answers == pytest.approx([float(row["probability"]) for row in read(here)], abs=1e-6)


def test_reasons_are_refused_where_there_are_none(project: Project, tmp_path: Path) -> None:
    output = tmp_path / "scores.csv"
    command = ["predict", "--input", "data/sample.csv", "--output", str(output), "--reasons"]
    for more, says in (("--server", "leave out --server"), ("0", "--reasons must be positive")):
        wrong = [*command, "--server", "localhost:1"] if more == "--server" else [*command, more]
        answer = solutionkit(project.folder, *wrong)
        assert answer.returncode == 1
        assert says in answer.stderr
    assert not output.exists()


def test_explain_prints_a_sequence_as_its_length(project: Project) -> None:
    answer = solutionkit(
        project.folder, "explain", "--input", "data/sample.csv", "--rows", "1", "--model", "deep"
    )
    assert answer.returncode == 0, answer.stderr
    assert "probability" in answer.stdout


def test_a_leak_planted_in_the_projects_code_stops_the_run(project: Project, tmp_path: Path) -> None:
    copy = testing.copy_project(project.folder, tmp_path / "copy").folder
    file = copy / "fraud_detection" / "history.py"
    file.write_text(
        file.read_text().replace("\n    return rolling_features(events, history, label_delay)\n", LEAK)
    )
    shutil.copytree(project.folder / "data", copy / "data")
    for verb in ("check", "run"):
        answer = solutionkit(copy, verb)
        assert answer.returncode == 1
        assert answer.stderr.count("error:") == 1
        assert "'card_total' sees the future" in answer.stderr
    assert not (copy / "models").exists()


def test_a_leak_planted_in_the_data_stops_the_run(project: Project, tmp_path: Path) -> None:
    table = pa.csv.read_csv(project.sample_path)
    refunded = [1.0 if label == "yes" else 0.0 for label in table["fraud"].to_pylist()]
    file = tmp_path / "leaking.csv"
    pa.csv.write_csv(table.append_column("refunded", pa.array(refunded)), file)
    answer = solutionkit(project.folder, "check", "--data", str(file))
    assert answer.returncode == 1
    assert "'refunded' tells 'fraud' all alone (100.00% of pairs" in answer.stderr


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_report_opens_in_a_browser(project: Project, tmp_path: Path) -> None:
    dom = opened(project.runs / "latest" / "report.html", tmp_path)
    assert "Day by day" in dom
    assert "The strongest alerts and their reasons" in dom
    assert "paired bootstrap of whole units, by day" in dom

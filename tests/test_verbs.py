"""predict and explain on a finished project."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from support import solutionkit

pytestmark = pytest.mark.slow


@pytest.fixture
def rows(finished: Path, tmp_path: Path) -> Path:
    file = tmp_path / "rows.csv"
    pd.read_csv(finished / "data" / "sample.csv").drop(columns="churned").head(7).to_csv(file, index=False)
    return file


@pytest.mark.parametrize("model", ["baseline", "deep", "pushed"])
def test_predict_and_explain_agree(finished: Path, rows: Path, tmp_path: Path, model: str) -> None:
    scores, reasons = tmp_path / "scores.csv", tmp_path / "reasons.csv"
    for verb, output in (("predict", scores), ("explain", reasons)):
        answer = solutionkit(finished, verb, "--input", str(rows), "--output", str(output), "--model", model)
        assert answer.returncode == 0, answer.stdout + answer.stderr
    predicted, explained = pd.read_csv(scores), pd.read_csv(reasons)
    assert list(predicted.columns) == ["customer_id", "probability", "alert"]
    assert list(predicted.customer_id) == list(explained.customer_id)
    np.testing.assert_allclose(predicted.probability, explained.probability, atol=1e-5)
    total = explained.base + explained.drop(columns=["customer_id", "probability", "base"]).sum(axis=1)
    log_odds = np.log(predicted.probability / (1 - predicted.probability))
    np.testing.assert_allclose(total, log_odds, atol=0.2 if model == "deep" else 1e-3)


def test_values_never_seen_are_noted(finished: Path, rows: Path, tmp_path: Path) -> None:
    table = pd.read_csv(rows)
    table.loc[0, "contract"] = "weekly"
    table.to_csv(rows, index=False)
    answer = solutionkit(finished, "predict", "--input", str(rows), "--output", str(tmp_path / "out.csv"))
    assert answer.returncode == 0, answer.stderr
    assert "note: 'contract' has 1 values that the model has never seen, e.g. 'weekly'" in answer.stdout


def test_explain_prints_a_table(finished: Path, rows: Path) -> None:
    answer = solutionkit(finished, "explain", "--input", str(rows), "--rows", "2")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.count("probability") == 2
    assert "contract" in answer.stdout


def test_a_wrong_column_is_named(finished: Path, rows: Path, tmp_path: Path) -> None:
    table = pd.read_csv(rows).rename(columns={"tenure_months": "tenure_month"})
    table.to_csv(rows, index=False)
    answer = solutionkit(finished, "predict", "--input", str(rows), "--output", str(tmp_path / "out.csv"))
    assert answer.returncode == 1
    assert "'tenure_months' is missing (did you mean 'tenure_month'?)" in answer.stderr
    assert not (tmp_path / "out.csv").exists()

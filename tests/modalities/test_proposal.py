"""What a first look at a table guesses, and that a run can start from it."""

import shutil
import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from solutionkit import cli
from solutionkit.declaration import Declaration
from solutionkit.errors import UserError
from solutionkit.modalities.table.proposal import proposed, words

ROWS = 600
RANDOM = np.random.default_rng(4)


DECLARATION = Declaration.model_validate({"data": {"path": "rows.csv"}, "columns": {"label": "y"}})


def table(**more: Any) -> pa.Table:
    age = RANDOM.normal(50, 10, ROWS).round(1)
    left = np.where(age + RANDOM.normal(0, 10, ROWS) > 62, "yes", "no")
    columns = {
        "customerID": [f"C{row}" for row in range(ROWS)],
        "age": age,
        "since": [
            (date(2020, 1, 1) + timedelta(days=int(day))).isoformat()
            for day in RANDOM.integers(0, 1500, ROWS)
        ],
        "vip": RANDOM.choice(["Y", "N"], ROWS),
        "churned": left,
    }
    return pa.table({**columns, **more})


def look(folder: Path, rows: pa.Table, label: str | None = None) -> tuple[dict[str, Any], str]:
    file = folder / "rows.csv"
    pa.csv.write_csv(rows, file)
    text = proposed(file, file, label, DECLARATION)
    return tomllib.loads(text), text


def test_words_of_a_name() -> None:
    assert words("isFraud") == {"is", "fraud"}
    assert words("default.payment.next.month") == {"default", "payment", "next", "month"}


def test_label_and_id_are_told_by_name_and_values(tmp_path: Path) -> None:
    found, text = look(tmp_path, table())
    assert found["columns"] == {"label": "churned", "positive": "yes", "id": "customerID"}
    assert found["data"]["split"] == "stratified"
    assert "# its name says so" in text
    assert "another value in every row" in text


def test_a_label_that_is_said(tmp_path: Path) -> None:
    assert look(tmp_path, table(), "vip")[0]["columns"]["label"] == "vip"
    found = look(tmp_path, table(), "age")[0]
    assert found["project"] == {"task": "regression"}
    assert found["data"]["split"] == "random"
    assert "positive" not in found["columns"]
    with pytest.raises(UserError, match="did you mean 'age'"):
        look(tmp_path, table(), "agee")


def test_no_label(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="say which one is to be predicted: --label"):
        look(tmp_path, table().select(["customerID", "age", "since"]))


def test_rows_of_the_same_customer_stay_together(tmp_path: Path) -> None:
    owners = [f"A{row // 3}" for row in range(ROWS)]
    found, text = look(tmp_path, table(account_id=owners))
    assert found["columns"]["group"] == "account_id"
    assert found["data"]["split"] == "group"
    assert "3.0 rows each" in text


def test_the_latest_date_is_what_rows_are_seen_from(tmp_path: Path) -> None:
    found, _ = look(tmp_path, table(snapshot=["2025-01-01", "2025-02-01"] * (ROWS // 2)))
    assert found["columns"]["reference"] == "snapshot"


def test_one_date_that_says_when(tmp_path: Path) -> None:
    renamed = table().rename_columns(["customerID", "age", "created_at", "vip", "churned"])
    found, _ = look(tmp_path, renamed)
    assert found["columns"]["time"] == "created_at"
    assert found["data"]["split"] == "time"


def test_leaks_are_left_out_or_doubted(tmp_path: Path) -> None:
    rows = table()
    told = (np.array(rows["churned"].to_pylist()) == "yes").astype(float)
    rows = rows.append_column("refund", pa.array(told * 20))
    rows = rows.append_column("closing_calls", pa.array(told + RANDOM.normal(0, 0.6, ROWS)))
    found, text = look(tmp_path, rows)
    assert found["columns"]["ignore"] == ["refund"]
    assert "'closing_calls' alone tells much of 'churned'" in text


def test_what_could_mean_two_things_is_asked_first(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="day or month first"):
        look(tmp_path, table(seen=["01/02/2025", "03/04/2025"] * (ROWS // 2)))


def test_a_proposal_put_in_place_is_one_that_check_accepts(
    generated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = tmp_path / "demo"
    shutil.copytree(generated, copied)
    file = copied / "own.csv"
    pa.csv.write_csv(table(), file)
    before = (copied / "use_case.toml").read_text()
    project = ["--project", str(copied)]
    assert cli.main([*project, "init", str(file)]) == 0
    assert 'label = "churned"' in capsys.readouterr().out
    assert (copied / "use_case.toml").read_text() == before
    assert cli.main([*project, "init", str(file), "--write"]) == 0
    assert (copied / "use_case.before.toml").read_text() == before
    assert not (copied / "schema.pbtxt").exists()
    assert (copied / "schema.before.pbtxt").is_file()
    assert cli.main([*project, "check"]) == 0
    assert "1 date: since" in capsys.readouterr().out
    assert cli.main([*project, "init", str(file), "--label", "vip", "--write"]) == 0
    assert (copied / "use_case.before.toml").read_text() == before

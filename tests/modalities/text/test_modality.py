"""What `check` says of texts, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from solutionkit.declaration import Declaration
from solutionkit.errors import UserError
from solutionkit.examples.audit import AuditedTable, audit
from solutionkit.examples.facts import lines
from solutionkit.kinds import TEXT
from solutionkit.use_case import Project

WORDS = {"billing": "invoice", "delivery": "parcel", "technical": "crash"}


def table(rows: int = 120) -> pa.Table:
    queues = [list(WORDS)[number % 3] for number in range(rows)]
    return pa.table(
        {
            "id": [f"t{number}" for number in range(rows)],
            "subject": [None if number % 5 == 0 else f"about it {number * 7919}" for number in range(rows)],
            "body": [
                f"Dear Zed, {WORDS[queue]} {'x' * (number % 40)}, a{number}@b.example"
                for number, queue in enumerate(queues)
            ],
            "tier": [("free", "plus")[number % 2] for number in range(rows)],
            "queue": queues,
        }
    )


def project_of(folder: Path, rows: pa.Table, name: str = "tickets.csv", **tables: Any) -> Project:
    file = folder / name
    if file.suffix == ".csv":
        pa.csv.write_csv(rows, file)
    elif file.suffix == ".parquet":
        pa.parquet.write_table(rows, file)
    else:
        file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows.to_pylist()))
    declared = {
        "data": {"path": str(file), "split": "stratified"},
        "columns": {"label": "queue", "text": ["subject", "body"], "id": "id"},
        "slices": {"columns": ["tier", "text_length"]},
        **tables,
    }
    return Project(folder, Declaration.model_validate_json(json.dumps(declared)), "support_tickets")


def audited(folder: Path, rows: pa.Table, **tables: Any) -> AuditedTable:
    return audit(project_of(folder, rows, **tables))


@pytest.mark.parametrize("name", ["tickets.csv", "tickets.parquet", "tickets.jsonl"])
def test_texts_are_read_from_each_format_and_masked(tmp_path: Path, name: str) -> None:
    found = audit(project_of(tmp_path, table(), name))
    assert [(feature.name, feature.kind) for feature in found.spec.features] == [
        ("subject", TEXT),
        ("body", TEXT),
    ]
    body = found.table["body"].to_pylist()
    assert all(text.startswith("\x02Dear _name_,") and text.endswith("_email_") for text in body)
    assert found.table["subject"].null_count == 24
    assert set(found.table["text_length"].to_pylist()) == {"short", "medium", "long"}


def test_lines_say_what_is_read_and_what_is_taken_out(tmp_path: Path) -> None:
    project = project_of(tmp_path, table(), text={"clean": ["html"], "mask": ["email"]})
    told = "\n".join(lines(audit(project), project.use_case.modality))
    assert "subject, body;" in told
    assert "of html, email" in told
    assert "rows without: subject 24" in told


def test_nothing_is_taken_out_if_nothing_is_wanted(tmp_path: Path) -> None:
    found = audited(tmp_path, table(), text={"clean": [], "mask": []})
    assert found.table["body"][0].as_py().startswith("\x02Dear Zed,")


def test_texts_that_differ_in_numbers_alone_stay_on_one_side(tmp_path: Path) -> None:
    rows = table()
    doubled = pa.concat_tables([rows, rows, rows])
    found = audited(tmp_path, doubled.set_column(0, "id", pa.array([f"t{n}" for n in range(360)])))
    sides: dict[str, set[str]] = {}
    for body, side in zip(found.table["body"].to_pylist(), found.splits.tolist(), strict=True):
        sides.setdefault(body, set()).add("eval" if side == "eval" else "train")
    assert all(len(item) == 1 for item in sides.values())
    assert any("have the text of another one" in note for note in found.notes)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"columns": {"label": "queue"}}, "columns.text is missing"),
        (
            {"columns": {"label": "queue", "text": ["boddy"]}},
            "'boddy' .columns.text. is missing .did you mean 'body'",
        ),
        ({"business": {"misroute_cost": 3.0}}, "needs misroute_cost and triage_cost"),
        ({"business": {"misroute_cost": 3.0, "triage_cost": 3.0}}, "a person should look at everything"),
        ({"columns": {"label": "queue", "text": ["body"], "numeric": ["id"]}}, "columns.numeric is not read"),
        (
            {"project": {"task": "regression"}, "columns": {"label": "queue", "text": ["body"]}},
            "told by class",
        ),
        (
            {"business": {"misroute_cost": 3.0, "triage_cost": 1.0, "true_positive": 7.0}},
            "true_positive means",
        ),
        (
            {
                "project": {"task": "classification"},
                "columns": {"label": "queue", "text": ["body"], "negative": "billing"},
                "business": {"triage_cost": 1.0},
            },
            "business.triage_cost means nothing for the task",
        ),
        ({"slices": {"columns": ["body"]}}, "'body', which is a text"),
        ({"forecast": {"horizon": 3}}, r"\[forecast\] is not read"),
    ],
)
def test_what_is_declared_wrongly_is_named(tmp_path: Path, tables: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        audited(tmp_path, table(), **tables)


def test_a_rare_queue_and_an_empty_column_are_named(tmp_path: Path) -> None:
    rows = table()
    queues = ["rare" if number < 3 else queue for number, queue in enumerate(rows["queue"].to_pylist())]
    with pytest.raises(UserError, match="only 3 rows have queue = 'rare'"):
        audited(tmp_path, rows.set_column(4, "queue", pa.array(queues)))
    with pytest.raises(UserError, match="'subject' is empty in all rows"):
        audited(tmp_path, rows.set_column(1, "subject", pa.nulls(120, pa.string())))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"body": "x"\n', "not a readable JSON lines file"),
        (b"", "the file is empty"),
        (b'{"body": "\xff"}\n', "UTF-8"),
    ],
)
def test_a_broken_file_of_json_lines_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    project = project_of(tmp_path, table(), "tickets.jsonl")
    (tmp_path / "tickets.jsonl").write_bytes(content)
    with pytest.raises(UserError, match=message):
        audit(project)


def test_nested_text_is_named(tmp_path: Path) -> None:
    rows = table().set_column(2, "body", pa.array([{"text": "x"}] * 120))
    with pytest.raises(UserError, match="'body'"):
        audit(project_of(tmp_path, rows, "tickets.jsonl"))


def test_short_texts_that_differ_in_digits_alone_are_no_copies(tmp_path: Path) -> None:
    rows = table()
    short = rows.set_column(2, "body", pa.array([f"invoice {number}" for number in range(120)]))
    short = short.set_column(1, "subject", pa.nulls(120, pa.string()))
    project = project_of(tmp_path, short, columns={"label": "queue", "text": ["body"], "id": "id"})
    assert not any("text of another" in note for note in audit(project).notes)


def test_queues_that_a_split_lacks_are_told_once(tmp_path: Path) -> None:
    rows = table().append_column(
        "split", pa.array(["eval" if number > 80 else "train" for number in range(120)])
    )
    queues = ["early" if number < 20 else queue for number, queue in enumerate(rows["queue"].to_pylist())]
    project = project_of(
        tmp_path,
        rows.set_column(4, "queue", pa.array(queues)),
        data={"path": str(tmp_path / "tickets.csv"), "split": "column"},
        columns={"label": "queue", "text": ["body"], "id": "id", "split": "split"},
    )
    with pytest.raises(UserError, match=r"the eval rows \(39\) hold nothing of 1 values of 'queue': 'early'"):
        audit(project)


def test_languages_are_told_where_results_are_sliced_by_them(tmp_path: Path) -> None:
    words = {"billing": "Your invoice is wrong and I want my money back now, please answer me soon",
             "delivery": "Mein Paket ist immer noch nicht angekommen, bitte helfen Sie mir schnell weiter",
             "technical": "Le logiciel ne marche plus depuis hier matin, pouvez-vous m'aider rapidement"}  # fmt: skip
    rows = table()
    bodies = [f"{words[queue]} {'x' * number}" for number, queue in enumerate(rows["queue"].to_pylist())]
    rows = rows.set_column(2, "body", pa.array(bodies)).drop_columns(["subject"])
    project = project_of(
        tmp_path,
        rows,
        columns={"label": "queue", "text": "body", "id": "id"},
        slices={"columns": ["text_language"]},
    )
    found = audit(project).table
    told = dict(zip(found["queue"].to_pylist(), found["text_language"].to_pylist(), strict=True))
    assert told == {0: "en", 1: "de", 2: "fr"}

"""The report in a real browser, without a network."""

import json
import shutil
from pathlib import Path

import pytest

from solutionkit.declaration import Business
from solutionkit.report.page import interval, number, signed, size, with_names, write_report
from solutionkit.tasks.classification.task import Classification
from solutionkit.use_case import TABLES
from support import CHROMIUM, opened, solutionkit


def test_numbers_for_people() -> None:
    assert (number(1234.5678, 1), number(None)) == ("1,234.6", "–")
    assert interval({"value": 0.5, "low": 0.25, "high": 0.75}) == "0.500 (0.250 to 0.750)"
    assert (size(2_500_000), size(123_456)) == ("2.5 MB", "123 kB")


@pytest.mark.slow
def test_the_page_stands_alone(finished: Path) -> None:
    page = (finished / "runs" / "latest" / "report.html").read_text("utf-8")
    assert len(page.encode()) < 5_000_000
    for outside in ("<script", "<link", "src=", "@import", "url(http"):
        assert outside not in page


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_page_opens_in_a_browser(finished: Path, tmp_path: Path) -> None:
    result = json.loads((finished / "runs" / "latest" / "comparison.json").read_text())
    dom = opened(finished / "runs" / "latest" / "report.html", tmp_path)
    assert result["reason"] in dom
    assert (
        dom.count("<svg")
        == 8
        + len(
            {
                column
                for model in json.loads((finished / "runs" / "latest" / "explanations.json").read_text())[
                    "models"
                ].values()
                for column in model["dependence"]
            }
        )
        - 1
    )
    # The last two list the penalties of the simple model and the settings of trees that competed.
    assert dom.count("<details") == 7


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a|b`c\nd",
    "[l](javascript:x) *b* $x_1$",
)


@pytest.mark.slow
def test_names_from_the_data_are_text_and_never_markup(finished: Path, tmp_path: Path) -> None:
    names = dict(zip(("contract", "tenure_months", "support_calls", "monthly_charge"), HOSTILE, strict=True))
    names["month_to_month"] = HOSTILE[1]
    run, folders = (
        finished / "runs" / "latest",
        {"comparison": tmp_path / "c", "explanations": tmp_path / "e"},
    )
    for name, folder in folders.items():
        text = (run / f"{name}.json").read_text()
        for plain, hostile in names.items():
            text = text.replace(json.dumps(plain), json.dumps(hostile))
        folder.mkdir()
        (folder / f"{name}.json").write_text(text)
    artifacts = (finished / ".pipeline" / "artifacts" / "Compare" / "comparison").glob("*/scores.npz")
    shutil.copy(max(artifacts, key=lambda file: int(file.parent.name)), folders["comparison"])
    facts = {
        "title": HOSTILE[0],
        "question": HOSTILE[1],
        "row": "customer",
        "project": HOSTILE[0],
        "seed": 1,
        "preset": "standard",
        "minutes": 10,
    }
    facts |= {
        "data": "".join(HOSTILE),
        "rows": {"eval": 3},
        "split_rule": HOSTILE[1],
        "names": {},
        "card": {"limits": HOSTILE[1]},
        "clinical": None,
    }
    facts |= {"label": HOSTILE[0], "task": Classification(HOSTILE[0], (HOSTILE[2], HOSTILE[1])).to_json()}
    facts |= {"notes": list(HOSTILE), "columns": [("Columns", HOSTILE[0])], "input": "columns", "unit": None}
    facts |= {"ignored": {HOSTILE[0]: HOSTILE[1]}, "business": Business(currency=HOSTILE[2]).model_dump()}
    facts |= {"calibrated": True, "amount": None, "output": "probability"}
    write_report(folders["comparison"], folders["explanations"], facts, TABLES, tmp_path)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "&lt;script&gt;alert(1)" in page
    card = (tmp_path / "model_card.md").read_text("utf-8")
    for markup in ("<script", "<img"):
        assert markup not in page
        assert markup not in card
    assert "a\\|b\\`c d" in card
    assert "\\[l\\](javascript:x)" in card
    table = [line for line in card.splitlines() if line.startswith("|")]
    assert len(table) == 6
    assert len({line.replace("\\|", "").count("|") for line in table}) == 1
    # Where nothing ships both still tell of the model that would have.
    compared = json.loads((folders["comparison"] / "comparison.json").read_text())
    (folders["comparison"] / "comparison.json").write_text(json.dumps({**compared, "selected": None}))
    write_report(folders["comparison"], folders["explanations"], facts, TABLES, tmp_path)
    assert "nothing ships." in (tmp_path / "report.html").read_text("utf-8")
    assert "**Nothing is selected, nothing pushed**" in (tmp_path / "model_card.md").read_text("utf-8")


def test_columns_are_called_as_the_project_calls_them() -> None:
    explained = {
        "models": {"deep": {"global": [{"column": "a"}], "dependence": {"a": {"kind": "numeric"}, "b": {}}}},
        "single_rows": [{"columns": [{"column": "b", "value": "a"}]}],
    }
    assert with_names(explained, {"a": "Age"}) == {
        "models": {
            "deep": {"global": [{"column": "Age"}], "dependence": {"Age": {"kind": "numeric"}, "b": {}}}
        },
        "single_rows": [{"columns": [{"column": "b", "value": "a"}]}],
    }


def test_contributions_of_any_size_are_short() -> None:
    assert [signed(value) for value in (0.123, -99.5, 1234.5)] == ["+0.12", "-99.50", "+1,234"]


@pytest.mark.slow
def test_report_command(finished: Path) -> None:
    answer = solutionkit(finished, "report")
    assert answer.returncode == 0
    assert "verdict" in answer.stdout
    assert "report.html" in answer.stdout

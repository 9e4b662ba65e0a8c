"""The report in a real browser, without a network."""

import json
from pathlib import Path

import pytest

from solutionkit.report.page import interval, number, size
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
    assert dom.count("<details") == 5


@pytest.mark.slow
def test_report_command(finished: Path) -> None:
    answer = solutionkit(finished, "report")
    assert answer.returncode == 0
    assert "verdict" in answer.stdout
    assert "report.html" in answer.stdout

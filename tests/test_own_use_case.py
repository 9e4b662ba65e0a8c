"""A use case with a task and a network of its own keeps the contract, and touches no file of the library."""

import json
from pathlib import Path

import pytest

from solutionkit import testing

pytestmark = pytest.mark.slow
FOLDER = Path(__file__).parent / "own_use_case"


def test_it_keeps_the_contract(tmp_path: Path) -> None:
    lines = (FOLDER / "satisfaction" / "__init__.py").read_text().splitlines()
    assert len(lines) < 200
    project = testing.check_use_case(FOLDER, tmp_path)
    found = json.loads((project.runs / "latest" / "comparison.json").read_text())
    assert found["primary_metric"] == "quadratic_kappa"
    assert found["models"]["deep"]["training"]["algorithm"] == "One layer"
    assert found["learning"]["source"] == "seeds"
    assert len(found["learning"]["differences"]) == 2
    assert found["left_out"]["column"] == "season"
    assert sorted(item["value"] for item in found["left_out"]["values"]) == ["summer", "winter"]
    for item in found["left_out"]["values"]:
        # What guests dislike hangs on no season; the network of one layer knows nothing of a new one.
        baseline, deep = item["models"]["baseline"], item["models"]["deep"]
        assert abs(baseline["without"]["value"] - baseline["with"]["value"]) < 0.1
        assert deep["without"]["value"] < deep["with"]["value"] - 0.1
    assert "Where nothing was learned" in (project.runs / "latest" / "report.html").read_text()
    card = (project.runs / "latest" / "model_card.md").read_text()
    assert "the expected" in card

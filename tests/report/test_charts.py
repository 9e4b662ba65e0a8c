import pytest

from solutionkit.report import charts


@pytest.mark.parametrize(
    "name", ["$10% ^ - $20", "cost_$ / rev_$", 'a "b" <script>alert(1)</script>', "größe {cm}"]
)
def test_any_name_can_be_drawn(name: str) -> None:
    groups = [
        {"value": name, "n": 1, "mean": 0.5, "std": 0.0},
        {"value": "other", "n": 1, "mean": -0.5, "std": 0.0},
    ]
    found = {model: {"kind": "categorical", "groups": groups} for model in ("baseline", "deep")}
    picture = charts.dependence_chart(name, found)
    assert picture.startswith("<svg")
    assert "<script>" not in picture
    ranking = {model: [{"column": name, "mean_abs": 1.0}] for model in ("baseline", "deep")}
    assert "<svg" in charts.ranking_chart(ranking, "log odds")

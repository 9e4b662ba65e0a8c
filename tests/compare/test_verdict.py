import pytest

from solutionkit.compare.verdict import Cost, decide

CHEAP, DEAR = Cost(0.5, 400_000, 1.0), Cost(2.0, 300_000, 20.0)


def verdict(difference: float, p_value: float, higher: bool = True, swap: bool = False) -> tuple[str, str]:
    baseline, deep = (DEAR, CHEAP) if swap else (CHEAP, DEAR)
    found = decide("M", difference, difference - 0.1, difference + 0.1, p_value, higher, baseline, deep)
    assert f"p = {p_value:.3g}" in found.reason
    return found.verdict, found.selected


@pytest.mark.parametrize(
    ("difference", "p_value", "higher", "expected"),
    [
        (0.02, 0.001, True, ("deep", "deep")),
        (-0.02, 0.001, True, ("baseline", "baseline")),
        (-0.02, 0.001, False, ("deep", "deep")),
        (0.02, 0.001, False, ("baseline", "baseline")),
        (0.02, 0.06, True, ("tie", "baseline")),
    ],
)
def test_verdicts(difference: float, p_value: float, higher: bool, expected: tuple[str, str]) -> None:
    assert verdict(difference, p_value, higher) == expected


def test_a_tie_ships_the_cheaper_model_whichever_it_is() -> None:
    assert verdict(0.0, 0.9) == ("tie", "baseline")
    assert verdict(0.0, 0.9, swap=True) == ("tie", "deep")


@pytest.mark.parametrize(
    ("baseline", "deep", "expected"),
    [
        (CHEAP, DEAR, "the baseline ships because it is cheaper."),
        (DEAR, CHEAP, "the deep model ships because it is cheaper."),
        (CHEAP, CHEAP, "because it is the simpler model and the deep one is not clearly cheaper."),
        (Cost(2.0, 400_000, 1.0), Cost(0.5, 410_000, 1.1), "the deep one is not clearly cheaper."),
    ],
)
def test_a_tie_calls_a_model_cheaper_only_where_it_is(baseline: Cost, deep: Cost, expected: str) -> None:
    assert decide("M", 0.0, -0.1, 0.1, 0.9, True, baseline, deep).reason.endswith(expected)

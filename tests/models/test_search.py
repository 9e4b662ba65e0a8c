"""The search finds what is better than chance, repeats itself, and survives what fails."""

import numpy as np
import pytest

from solutionkit.models.search import Span, Trial, search

SPACE = {
    "width": Span(1, 64, logarithmic=True, whole=True),
    "rate": Span(1e-4, 1.0, logarithmic=True),
    "share": Span(0.0, 1.0),
    "kind": ("round", "square"),
}


def judge(settings: dict) -> float:
    far = np.log(settings["rate"] / 0.01) ** 2 + (settings["share"] - 0.7) ** 2
    return float(far + (settings["kind"] == "round") + abs(settings["width"] - 8) / 8)


def test_it_comes_closer_than_chance_and_repeats_itself() -> None:
    trials = search(SPACE, judge, 14, 0)
    assert len(trials) == 14
    assert all(trial.loss == judge(trial.settings) for trial in trials)
    assert min(trial.loss for trial in trials[5:]) < min(trial.loss for trial in trials[:5])
    assert [trial.settings for trial in search(SPACE, judge, 6, 0)] == [
        trial.settings for trial in search(SPACE, judge, 6, 0)
    ]
    for trial in trials:
        assert isinstance(trial.settings["width"], int)
        assert 1e-4 <= trial.settings["rate"] <= 1.0


def test_a_trial_that_came_to_nothing_is_told_and_does_not_end_it() -> None:
    trials = search(SPACE, lambda settings: float("nan") if settings["share"] < 0.5 else 1.0, 6, 0)
    assert len(trials) == 6
    assert any(np.isnan(trial.loss) for trial in trials)
    assert {trial.facts["loss"] for trial in trials} == {None, 1.0}


@pytest.mark.parametrize("count", [0, 1])
def test_few_trials(count: int) -> None:
    assert len(search(SPACE, judge, count, 0)) == count


def test_what_is_told() -> None:
    assert Trial({"rate": 0.0123456, "kind": "round"}, 0.123456789).facts == {
        "settings": {"rate": 0.0123, "kind": "round"},
        "loss": 0.12346,
    }

"""Shapley values of a window's parts against their definition, and on a model whose effects are known."""

from itertools import permutations

import numpy as np
import pytest

from solutionkit.examples.columns import TableSpec
from solutionkit.explain.series import NEWEST, OLDER, WHEN, Players, exact, explained
from solutionkit.kinds import FUTURE, PAST, Feature
from solutionkit.tasks.forecast.task import Forecast

LOOKBACK, HORIZON = 12, 3
PAST_NAMES = ("observed", "value", "offer", "event = no", "event = fair", "weather")
FUTURE_NAMES = ("calendar: weekday", "offer", "event = no", "event = fair")


def spec_of(extra: int = 0) -> TableSpec:
    more = tuple(f"extra {number}" for number in range(extra))
    past, future = (*PAST_NAMES, *more), (*FUTURE_NAMES, *more)
    return TableSpec(
        Forecast("sales", HORIZON, (0.1, 0.5, 0.9), (4,)),
        (
            Feature(PAST, PAST, past, shape=(LOOKBACK, len(past))),
            Feature(FUTURE, FUTURE, future, shape=(HORIZON, len(future))),
        ),
    )


def windows_of(spec: TableSpec) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    shapes = {name: spec.only(name).shape for name in (PAST, FUTURE)}
    found = {name: random.random((2, *shape)).astype(np.float32) for name, shape in shapes.items()}
    found[PAST][:, :, 0] = 1.0
    return found


def test_values_of_one_column_are_one_player() -> None:
    assert Players.of(spec_of()).names == (NEWEST, OLDER, "offer", "event", "weather", WHEN)


def test_values_are_those_of_the_definition() -> None:
    count, random = 4, np.random.default_rng(1)
    said = random.normal(size=2**count)

    def worth(members: set[int]) -> float:
        return float(said[sum(1 << (count - 1 - player) for player in members)])

    expected = np.zeros(count)
    orders = list(permutations(range(count)))
    for order in orders:
        members: set[int] = set()
        for player in order:
            expected[player] += worth(members | {player}) - worth(members)
            members.add(player)
    assert exact(said, count) == pytest.approx(expected / len(orders))


@pytest.mark.parametrize("extra", [0, 4])
def test_effects_of_a_known_model_are_found(extra: int) -> None:
    """Of more than eight parts orders are drawn; what adds up is told exactly all the same."""
    spec = spec_of(extra)
    windows = windows_of(spec)

    def model(columns: dict[str, np.ndarray]) -> np.ndarray:
        level = columns[PAST][:, :, 1].mean(axis=1)
        point = level[:, None] + 10.0 * columns[FUTURE][:, :, 1]
        return np.repeat(point[:, :, None], 3, axis=2).reshape(len(point), -1)

    found = explained(model, windows, spec, windows[FUTURE])
    names = list(Players.of(spec).names)
    offer = names.index("offer")
    usual = np.median(windows[PAST][:, :, 2], axis=1)
    expected = 10.0 * (windows[FUTURE][:, :, 1] - usual[:, None]).sum(axis=1)
    assert found.values[:, offer] == pytest.approx(expected, rel=1e-3, abs=1e-4)
    assert np.abs(found.residual).max() < 1e-3
    others = [place for place, name in enumerate(names) if name not in ("offer", NEWEST, OLDER)]
    assert np.abs(found.values[:, others]).max() < 1e-4

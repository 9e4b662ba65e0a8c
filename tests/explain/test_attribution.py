import numpy as np

from solutionkit.examples.columns import TableSpec
from solutionkit.explain.attribution import Attribution
from solutionkit.kinds import Feature
from solutionkit.tasks.classification.task import Classification

FOUND = Attribution(np.array([[1.0, -2.0], [0.5, 0.5]]), np.array([3.0, 0.0]), np.array([2.0, 1.5]))


def test_the_residual_is_what_is_missed() -> None:
    assert FOUND.residual.tolist() == [0.0, 0.5]
    maps = Attribution(FOUND.values[:, None, :], FOUND.base, FOUND.output)
    assert maps.residual.tolist() == [0.0, 0.5]


def test_rows_are_taken_together() -> None:
    last = FOUND.take(slice(1, None))
    assert (last.values.tolist(), last.base.tolist(), last.output.tolist()) == ([[0.5, 0.5]], [0.0], [1.5])


def test_reliability_is_that_of_the_whole_and_not_of_its_halves() -> None:
    random = np.random.default_rng(0)
    true = random.normal(size=(400, 30))
    first, second, whole = (true + random.normal(0, noise, true.shape) for noise in (1.0, 1.0, 0.5**0.5))
    another = true + random.normal(0, 0.5**0.5, true.shape)
    expected = np.mean([np.corrcoef(ours, theirs)[0, 1] for ours, theirs in zip(whole, another, strict=True)])
    found = Attribution((first + second) / 2, np.zeros(400), np.zeros(400), np.stack([first, second]))
    assert found.reliability is not None
    assert abs(found.reliability - expected) < 0.02


def test_what_was_not_drawn_has_no_reliability() -> None:
    assert FOUND.reliability is None
    half = np.array([[[1.0, 2.0, 3.0]], [[1.0, 1.0, 1.0]]])
    assert Attribution(half.mean(axis=0), np.zeros(1), np.zeros(1), half).reliability == 0.0
    nothing = np.zeros((2, 1, 3))
    assert Attribution(nothing[0], np.zeros(1), np.zeros(1), nothing).reliability is None


def test_the_parts_of_a_date_are_added_up() -> None:
    spec = TableSpec(
        Classification("left", ("no", "yes")),
        (
            Feature("town", "categorical", ("Rom",)),
            Feature("since", "date", ("days", "month"), reference="seen"),
            Feature("seen", "date", ()),
            Feature("size", "numeric"),
        ),
    )
    # As models see columns: size, both parts of since, none of seen, town.
    values = np.array([[1.0, 2.0, 3.0, 4.0]])
    found = Attribution(values, np.zeros(1), np.array([10.0]), np.stack([values, 2 * values])).by_column(spec)
    assert spec.model_columns == ["size", "since", "seen", "town"]
    assert found.values.tolist() == [[1.0, 5.0, 0.0, 4.0]]
    assert found.halves is not None
    assert found.halves[1].tolist() == [[2.0, 10.0, 0.0, 8.0]]
    assert found.residual.tolist() == [0.0]

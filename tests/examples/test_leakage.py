import numpy as np
import pyarrow as pa
import pytest

from solutionkit.examples.columns import TableSpec
from solutionkit.examples.leakage import gap_notes, leakage_notes, leakage_problems
from solutionkit.kinds import Feature
from solutionkit.ranks import roc_auc
from solutionkit.tasks.classification.task import Classification

RANDOM = np.random.default_rng(0)
LABELS = (RANDOM.random(2000) < 0.02).astype(int)
SPEC = TableSpec(
    Classification("y", ("0", "1")), (Feature("n", "numeric"), Feature("c", "categorical", ("a", "b")))
)
NOISE = RANDOM.normal(size=2000)


def problems(numbers: np.ndarray, categories: np.ndarray, trusted: list[str] | None = None) -> list[str]:
    table = pa.table({"n": pa.array(numbers, from_pandas=True), "c": pa.array(categories, from_pandas=True)})
    return [str(item) for item in leakage_problems(table, LABELS > 0, SPEC, trusted or [])]


@pytest.mark.parametrize(
    "numbers",
    [LABELS * 1.0, -5.0 * LABELS + 0.01 * NOISE, np.where(LABELS == 1, NOISE, np.nan)],
    ids=["the label", "upside down", "known of positives alone"],
)
def test_a_column_that_tells_the_label_is_named(numbers: np.ndarray) -> None:
    found = problems(numbers, RANDOM.choice(["a", "b"], 2000))
    assert len(found) == 1
    assert "'n' tells 'y' all alone" in found[0]
    assert "columns.ignore" in found[0]
    assert problems(numbers, RANDOM.choice(["a", "b"], 2000), ["n"]) == []


def test_a_category_that_tells_the_label_is_named() -> None:
    assert "'c' tells" in problems(NOISE, np.where(LABELS == 1, "b", "a"))[0]


def test_strong_columns_and_many_rare_values_are_no_problem() -> None:
    names = np.array([f"v{i}" for i in range(2000)])
    assert problems(NOISE + 3.0 * LABELS, names) == []


def test_ties_count_half() -> None:
    assert roc_auc(np.array([True, False, False]), np.array([1.0, 1.0, 0.0])) == 0.75


def test_a_large_table_with_its_positives_last_is_drawn_from_both() -> None:
    labels = np.concatenate([np.zeros(250_000, int), np.ones(500, int)])
    table = pa.table({"n": labels.astype(float), "c": pa.array(["a"] * len(labels))})
    assert len(leakage_problems(table, labels > 0, SPEC, [])) == 1


def notes(numbers: np.ndarray, trusted: list[str] | None = None) -> list[str]:
    table = pa.table({"n": pa.array(numbers), "c": pa.array(RANDOM.choice(["a", "b"], 2000))})
    return leakage_notes(table, LABELS > 0, SPEC, trusted or [])


@pytest.mark.parametrize("numbers", [NOISE + 2.5 * LABELS, -NOISE - 2.5 * LABELS])
def test_a_column_that_tells_much_is_noted(numbers: np.ndarray) -> None:
    (found,) = notes(numbers)
    assert "'n' alone puts 9" in found
    assert notes(numbers, ["n"]) == []
    assert problems(numbers, RANDOM.choice(["a", "b"], 2000)) == []


@pytest.mark.parametrize("numbers", [np.arange(2000.0), RANDOM.permutation(2000) + 1e6])
def test_numbers_of_rows_are_noted(numbers: np.ndarray) -> None:
    assert "another whole number in every row" in notes(numbers)[0]


@pytest.mark.parametrize("numbers", [NOISE, NOISE + LABELS, np.round(100 * NOISE)])
def test_what_is_measured_is_not(numbers: np.ndarray) -> None:
    assert notes(numbers) == []


def test_a_name_of_what_is_known_afterwards_needs_less() -> None:
    spec = TableSpec(
        Classification("y", ("0", "1")), (Feature("callDuration", "numeric"), Feature("level", "numeric"))
    )
    numbers = NOISE + 1.6 * LABELS
    table = pa.table({"callDuration": numbers, "level": numbers})
    found = leakage_notes(table, LABELS > 0, spec, [])
    assert len(found) == 1
    assert "'callDuration'" in found[0]
    assert "known afterwards" in found[0]
    assert leakage_notes(table, LABELS > 0, spec, ["callDuration"]) == []


def test_gaps_of_one_label_alone_are_told_and_telling_gaps_are_not() -> None:
    """Loans of which a number is missing mostly, but not always, where they failed are clean."""
    labels = (np.random.default_rng(1).random(2000) < 0.2).astype(int)

    def notes(gaps: np.ndarray, labels: np.ndarray = labels) -> list[str]:
        table = pa.table({"n": pa.array(np.where(gaps, np.nan, NOISE), from_pandas=True), "c": ["a"] * 2000})
        return gap_notes(table, labels, SPEC)

    failed = labels > 0
    assert "'n'" in notes(failed & (NOISE > 0))[0]
    assert "'n'" in notes(~failed & (NOISE > 0))[0]
    assert notes((failed & (NOISE > 0)) | (NOISE > 2.2)) == []
    few = np.zeros(2000, bool)
    few[np.flatnonzero(~failed)[:20]] = True
    assert notes(few) == []
    # Of several classes, gaps in all but one are no leak, nor are those in the larger half of numbers.
    classes = np.arange(2000) % 4
    assert notes((classes != 0) & (NOISE > 1), classes) == []
    assert "'n'" in notes((classes == 3) & (NOISE > 0), classes)[0]
    assert notes(NOISE > 0, NOISE) == []

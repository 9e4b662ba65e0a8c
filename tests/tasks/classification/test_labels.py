"""Which values a label has, and which of them means that nothing was found."""

import numpy as np
import pyarrow as pa
import pytest

from solutionkit.declaration import Columns
from solutionkit.tasks.classification.labels import (
    canonical,
    label_classes,
    rare_classes,
    split_problems,
    to_class_ids,
)


def column(*values: object) -> pa.ChunkedArray:
    return pa.chunked_array([list(values)])


@pytest.mark.parametrize(
    ("values", "declared", "classes"),
    [
        (("no", "yes"), {}, ("no", "yes")),
        ((1, 0), {}, ("0", "1")),
        ((1.0, 0.0), {}, ("0", "1")),
        ((True, False), {}, ("false", "true")),
        (("y", "n"), {}, ("n", "y")),
        (("Bad", "Good"), {"positive": "bad"}, ("Good", "Bad")),
        ((1, 2), {"positive": 2}, ("1", "2")),
        (("crack", "hole", "ok"), {"negative": "ok"}, ("ok", "crack", "hole")),
        (("a", "b", "c"), {}, ("a", "b", "c")),
    ],
)
def test_the_negative_class_comes_first(
    values: tuple, declared: dict[str, object], classes: tuple[str, ...]
) -> None:
    found, has_negative, problems = label_classes(column(*values), Columns(label="y", **declared))
    assert (found, problems) == (classes, [])
    assert has_negative == (len(classes) == 2 or "negative" in declared)


@pytest.mark.parametrize(
    ("values", "declared", "code"),
    [
        (("yes", "yes"), {}, "one_class"),
        (tuple(range(201)), {}, "too_many_classes"),
        (("a", "b"), {"positive": "c"}, "unknown_label"),
        (("a", "b", "c"), {"positive": "a"}, "positive_of_many"),
        (("good", "bad"), {}, "positive_unknown"),
    ],
)
def test_what_cannot_be_told_is_asked_for(values: tuple, declared: dict[str, object], code: str) -> None:
    classes, _, problems = label_classes(column(*values), Columns(label="y", **declared))
    assert classes == ()
    assert [item.code for item in problems] == [code]
    assert all(item.column == "y" for item in problems)


def test_missing_and_unknown_labels_are_both_told() -> None:
    ids, problems = to_class_ids(column("a", None, "x", "b"), "y", ("a", "b"))
    assert ids.to_pylist() == [0, None, None, 1]
    assert [item.code for item in problems] == ["label_missing", "unknown_label"]
    assert problems[0].rows == (1,)


@pytest.mark.parametrize(
    ("value", "meant"), [("True", "true"), ("1.0", "1"), ("01", "1"), ("1.5", "1.5"), ("OK", "ok")]
)
def test_values_as_people_mean_them(value: str, meant: str) -> None:
    assert canonical(value) == meant


def test_a_class_of_few_rows_is_refused() -> None:
    (problem,) = rare_classes(np.array([0] * 50 + [1] * 3), "y", ("no", "yes"))
    assert "only 3 rows have y = 'yes'" in str(problem)


@pytest.mark.parametrize(("method", "lacking"), [("supervised", 2), ("anomaly", 1)])
def test_learning_from_sound_rows_needs_defects_to_judge_by_alone(method: str, lacking: int) -> None:
    labels = {"train": np.zeros(5, int), "validation": np.array([0, 1]), "eval": np.zeros(5, int)}
    assert len(split_problems(labels, "y", ("ok", "bad"), method)) == lacking

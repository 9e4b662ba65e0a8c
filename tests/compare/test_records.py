"""What training wrote beside the models is read for their comparison."""

import json
from pathlib import Path

import numpy as np

from solutionkit.compare import records
from solutionkit.compare.records import HeldOut
from solutionkit.models.run import FACTS_FILE, FURTHER_FILE, VALIDATION_FILE


def test_thresholds_come_from_all_training_rows_where_both_models_have_folds(tmp_path: Path) -> None:
    common = {"labels": np.array([1, 0]), "train_labels": np.array([0, 0, 1])}
    common["train_folds"] = np.array([1, 2, 2])
    scores = {"scores": np.array([[0.9], [0.1]]), "train_scores": np.array([[0.2], [0.3], [0.7]])}
    for name in ("baseline", "deep"):
        (tmp_path / name).mkdir()
        np.savez(tmp_path / name / VALIDATION_FILE, **common, **scores)
    folders = {name: tmp_path / name for name in ("baseline", "deep")}
    both = records.read_held_out(folders)
    assert both.splits == ("train", "validation")
    assert both.labels.tolist() == [0, 0, 1, 1, 0]
    assert both.folds is not None
    assert both.folds.tolist() == [1, 2, 2, 0, 0]
    assert both.scores["deep"][:, 0].tolist() == [0.2, 0.3, 0.7, 0.9, 0.1]
    # Of a large table fewer rows are held out from the network.
    fewer = {**scores, "train_scores": np.array([[np.nan], [0.3], [0.7]])}
    np.savez(tmp_path / "deep" / VALIDATION_FILE, **common, **fewer)
    some = records.read_held_out(folders)
    assert (some.kept.tolist(), some.labels.tolist()) == ([False, True, True, True, True], [0, 1, 1, 0])
    assert some.scores["baseline"][:, 0].tolist() == [0.3, 0.7, 0.9, 0.1]
    np.savez(tmp_path / "deep" / VALIDATION_FILE, **common, scores=scores["scores"])
    one = records.read_held_out(folders)
    assert one.folds is None
    assert (one.splits, one.labels.tolist()) == (("validation",), [1, 0])
    assert one.scores["baseline"][:, 0].tolist() == [0.9, 0.1]


def test_trainings_that_all_models_repeated_are_read(tmp_path: Path) -> None:
    for name, count in (("baseline", 2), ("deep", 1)):
        for number in range(1, count + 1):
            (tmp_path / name / f"repeat-{number:02}").mkdir(parents=True)
    found = records.read_repeats({name: tmp_path / name for name in ("baseline", "deep")})
    assert found == [{name: tmp_path / name / "repeat-01" for name in ("baseline", "deep")}]


def test_what_was_left_out_for_all_models_is_read(tmp_path: Path) -> None:
    for name, values in (("baseline", ["north", "south"]), ("deep", ["south"])):
        for number, value in enumerate(values):
            folder = tmp_path / name / f"left-out-{number:02}"
            folder.mkdir(parents=True)
            (folder / FACTS_FILE).write_text(json.dumps({"left_out": value}))
    found = records.read_left_out({name: tmp_path / name for name in ("baseline", "deep")})
    assert found == {
        "south": {
            "baseline": tmp_path / "baseline" / "left-out-01",
            "deep": tmp_path / "deep" / "left-out-00",
        }
    }


def test_held_out_rows_of_a_further_label_are_those_that_have_it(tmp_path: Path) -> None:
    """Three training rows, of which the first was never held out, and two validation rows."""
    for name, told in (("baseline", 0.1), ("deep", 0.2)):
        (tmp_path / name).mkdir()
        scores = np.array([[np.nan], [told], [told + 0.1], [told + 0.2], [told + 0.3]])
        labels = np.array([1, 0, -1, 1, 0])
        np.savez(tmp_path / name / FURTHER_FILE.format(0), scores=scores, labels=labels)
    folders = {name: tmp_path / name for name in ("baseline", "deep")}
    kept = np.array([False, True, True, True, True])
    every = HeldOut(("train", "validation"), kept, np.zeros(4), {})
    found = records.read_further(folders, 0, every)
    assert found.labels.tolist() == [0, 1, 0]
    assert found.places.tolist() == [0, 2, 3]
    assert found.scores["deep"][:, 0].round(6).tolist() == [0.2, 0.4, 0.5]
    last = records.read_further(folders, 0, HeldOut(("validation",), np.ones(2, bool), np.zeros(2), {}))
    assert (last.labels.tolist(), last.places.tolist()) == ([1, 0], [0, 1])

"""How long a network learns of images, which changes it bears, and a fit a fold."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.explain.image_models import NetworkExplainer
from solutionkit.kinds import IMAGE, Feature
from solutionkit.models import image_network
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.epochs import cut_short
from solutionkit.models.image_network import Lessons, fits_for, lessons_for
from solutionkit.models.residual_network import SIZES
from solutionkit.progress import Progress
from solutionkit.tasks.classification.task import Classification

SIDE = 24
STANDARD = Training(seed=3, preset="standard")


def spec_of(height: int, width: int) -> TableSpec:
    feature = Feature("photo", "image", shape=(height, width, 1))
    return TableSpec(Classification("kind", ("left", "right")), (feature,))


SPEC = spec_of(SIDE, SIDE)


def slopes(seed: int, count: int) -> TransformedSplit:
    """Images that are brighter on one side: mirrored, each is one of the other class."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    slope = np.linspace(-25, 25, SIDE)[None, None, :, None] * np.where(labels, 1, -1)[:, None, None, None]
    pixels = 120 + slope + random.normal(0, 12, (count, SIDE, SIDE, 1))
    return TransformedSplit(
        {IMAGE: pixels.clip(0, 255).round().astype(np.uint8)}, labels, 1 + np.arange(count) % 3
    )


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_network, "STEPS", 80)


@pytest.mark.usefixtures("short")
def test_changes_that_labels_do_not_survive_are_left_out(tmp_path: Path) -> None:
    trained = image_network.train(slopes(0, 150), slopes(1, 50), SPEC, STANDARD)
    assert trained.facts["changes"] == "moved"
    assert trained.facts["fits"] == 3
    new = slopes(2, 60)
    scores = trained.score({IMAGE: tf.constant(new.of(IMAGE), tf.float32)}).numpy()[:, 0]
    assert ((scores > 0.5) == new.label).mean() > 0.9
    # Two of the four folds were held out by a fit beside the validation.
    assert trained.train_scores is not None
    held_out = ~np.isnan(trained.train_scores[:, 0])
    np.testing.assert_array_equal(held_out, slopes(0, 150).fold < 3)
    right = (trained.train_scores[held_out, 0] > 0.5) == slopes(0, 150).label[held_out]
    assert right.mean() > 0.85
    trained.save_for_explanation(tmp_path)
    explainer = NetworkExplainer(tmp_path, SPEC)
    targets = np.zeros(12, np.int64)
    found = explainer.explain(new.take(np.arange(12)), targets)
    expected = np.log(scores[:12] / (1 - scores[:12]))
    np.testing.assert_allclose(found.output, expected, atol=1e-2)
    assert np.abs(found.residual).mean() < 0.2 * np.abs(found.output - found.base).mean()


@pytest.mark.usefixtures("short")
def test_one_fit_does_not_learn_from_the_images_that_judge_it(monkeypatch: pytest.MonkeyPatch) -> None:
    learned: list[TransformedSplit] = []
    given = image_network.batches

    def batches(train: TransformedSplit, *others: Any) -> tf.data.Dataset:
        learned.append(train)
        return given(train, *others)

    monkeypatch.setattr(image_network, "batches", batches)
    quick = Training(seed=3, preset="quick")
    trained = image_network.train(slopes(0, 100), slopes(1, 40), SPEC, quick)
    assert trained.train_scores is None
    assert "fits" not in trained.facts
    (train,) = learned
    np.testing.assert_array_equal(train.of(IMAGE), slopes(0, 100).of(IMAGE))


def learner(rounds: int) -> image_network.Learner:
    rows = slopes(0, 120)
    held_out = np.arange(120) < 30
    lessons = Lessons(40, rounds, 3)
    task = image_network.Task(rows, SPEC, STANDARD, lessons, Progress(sum(lessons.lengths)))
    recipe = image_network.Recipe(SIZES["small"], image_network.CHANGES[2])
    return task.learner(held_out, recipe)


def test_rounds_end_without_progress_and_the_best_weights_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_network, "PROGRESS", 0.9999)
    network, course = learner(9).finished()
    assert course.steps == 40 + 60
    assert not course.exhausted
    rows = slopes(0, 120).take(np.arange(30))
    answers = network.score({IMAGE: tf.constant(rows.of(IMAGE), tf.float32)}).numpy()[:, 0]
    loss = -np.mean(np.log(np.where(rows.label, answers, 1 - answers)))
    assert loss == pytest.approx(min(course.losses), abs=1e-4)


def test_an_end_by_the_limit_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_network, "PROGRESS", -1.0)
    _, course = learner(2).finished()
    assert course.exhausted
    assert "raise training.minutes" in (cut_short(course.facts) or "")


def test_how_long_by_number_and_size() -> None:
    assert lessons_for(300, STANDARD) == Lessons(400, 3, 3)
    assert lessons_for(300, Training(seed=3, preset="quick")) == Lessons(400, 1, 3)
    assert lessons_for(16_000, STANDARD).steps == 2000
    assert lessons_for(320, Training(seed=3, epochs=10)) == Lessons(200, 1, 3)
    assert [fits_for(900, spec_of(side, side), STANDARD) for side in (28, 128, 256, 512)] == [3, 3, 2, 1]
    more = Training(seed=3, preset="standard", minutes=30)
    assert fits_for(900, spec_of(256, 256), more) == 3
    assert fits_for(16_000, spec_of(128, 128), STANDARD) == 1
    assert fits_for(900, spec_of(28, 28), Training(epochs=5)) == 1


@pytest.mark.usefixtures("short")
def test_the_best_preset_searches_from_the_best_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_network, "MOST_TRIALS", 2)
    monkeypatch.setattr(image_network, "MOST_FITS", 1)
    best = Training(seed=3, preset="best")
    trained = image_network.train(slopes(0, 100), slopes(1, 40), SPEC, best)
    trials = trained.facts["trials"]
    assert [trial["settings"].get("changes") for trial in trials[:3]] == [
        changes.name for changes in image_network.CHANGES
    ]
    assert [sorted(trial["settings"]) for trial in trials[3:]] == 2 * [sorted(image_network.SPACE)]
    assert trained.facts["changes"] == "moved"

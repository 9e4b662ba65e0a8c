"""Which changes images bear, and a network a fold."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.explain.image_models import NetworkExplainer
from solutionkit.kinds import IMAGE, Feature
from solutionkit.models import image_learning, image_network
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.image_learning import Network
from solutionkit.models.image_network import Bag
from solutionkit.models.joint_head import JointHead
from solutionkit.models.residual_network import SIZES
from solutionkit.progress import listening
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


@pytest.mark.parametrize("classes", [("good", "bad"), ("good", "scratch", "stain")])
def test_weights_of_classes_do_not_shift_probabilities(classes: tuple[str, ...]) -> None:
    """Where 5 % were defective, the mean probability was 12 %: rare classes weigh more while learning."""
    random = np.random.default_rng(0)
    task = Classification("kind", classes)
    labels = (random.random(4000) < 0.05) * random.integers(1, len(classes), 4000)
    seen = (np.eye(len(classes))[labels] * 40 + random.normal(128, 20, (4000, len(classes)))).clip(0, 255)
    rows = TransformedSplit({IMAGE: seen.round().astype(np.uint8)[:, None]}, labels, np.zeros(4000, np.int64))
    learned = np.arange(4000) < 2000
    joint = JointHead.of(TableSpec(task, ()), labels[learned, None])
    weights = joint.weights(labels[learned, None])[0]
    pixels = keras.Input((1, len(classes)))
    maps = keras.Model(pixels, keras.layers.Identity()(pixels))
    head = keras.Sequential(
        [keras.Input((1, len(classes))), keras.layers.Flatten(), keras.layers.Dense(task.outputs)]
    )
    # The likeliest answer under these weights, and three times as sure as it should be.
    slope = 40 / 20**2
    shares = np.log(np.bincount(labels) * weights)
    kernel, bias = np.eye(len(classes)) * slope, shares - slope * 148
    if task.outputs == 1:
        kernel, bias = (kernel[:, 1:] - kernel[:, :1]), bias[1:] - bias[:1]
    head.layers[-1].set_weights([3 * kernel, 3 * (bias - shift(weights, task)) + shift(weights, task)])
    network = Network(maps, head, keras.Model(pixels, head(maps(pixels))), "any", joint.answers)
    feature = Feature("photo", "image", shape=(1, len(classes), 1))
    found = image_network.calibrated(network, rows, learned, TableSpec(task, (feature,)))
    said = found.score({IMAGE: tf.constant(rows.of(IMAGE)[~learned], tf.float32)}).numpy()
    assert said[:, -1].mean() == pytest.approx((labels == len(classes) - 1).mean(), abs=0.012)
    assert head.layers[-1].get_weights()[0] == pytest.approx(kernel, rel=0.25)


def shift(weights: np.ndarray, task: Classification) -> np.ndarray:
    added = np.log(weights)
    return added[1:] - added[:1] if task.outputs == 1 else added


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STEPS", "FEW_STEPS", "TRIAL_STEPS", "LEAST_STEPS"):
        monkeypatch.setattr(image_learning, name, 80)


@pytest.mark.slow
@pytest.mark.usefixtures("short")
def test_changes_that_labels_do_not_survive_are_left_out(tmp_path: Path) -> None:
    trained = image_network.train(slopes(0, 150), slopes(1, 50), SPEC, STANDARD)
    assert trained.facts["changes"] == "moved and blotted"
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


@pytest.mark.slow
@pytest.mark.usefixtures("short")
def test_further_labels_are_told_by_the_same_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A spot in the middle and three levels of brightness, told beside the slope; half have no level."""
    spec = replace(
        SPEC,
        further=(Classification("spot", ("no", "yes")), Classification("level", ("dark", "usual", "light"))),
    )
    monkeypatch.setattr(image_network, "MOST_FITS", 2)
    random = np.random.default_rng(5)

    def pictures(seed: int, count: int) -> TransformedSplit:
        rows = slopes(seed, count)
        spot, level = random.integers(0, 2, count), random.integers(0, 3, count)
        pixels = rows.of(IMAGE).astype(float) + 30 * (level - 1)[:, None, None, None]
        pixels[spot == 1, 9:15, 9:15] += 60
        told = np.stack([spot, np.where(np.arange(count) % 2, level, -1)], axis=1)
        return replace(rows, inputs={IMAGE: pixels.clip(0, 255).astype(np.uint8)}, further=told)

    train, validation, new = pictures(0, 150), pictures(1, 50), pictures(2, 60)
    trained = image_network.train(train, validation, spec, Training(seed=3, preset="standard"))
    assert set(trained.further) == {"spot", "level"}
    assert trained.together is not None
    columns = {IMAGE: tf.constant(new.of(IMAGE), tf.float32)}
    once = trained.together(columns)
    told = {"slope": trained, **trained.further}
    for place, (name, model) in enumerate(told.items()):
        said = model.score(columns).numpy()
        assert said.shape[1] == {"slope": 1, "spot": 1, "level": 3}[name]
        np.testing.assert_array_equal(said, model.score(once).numpy())
        taken_for = said.argmax(axis=1) if said.shape[1] > 1 else said[:, 0] > 0.5
        known = new.labels[:, place] >= 0
        assert (taken_for == new.labels[:, place])[known].mean() > 0.85, name
        assert len(model.validation_scores) == (validation.labels[:, place] >= 0).sum()
        assert model.train_scores is not None
        assert len(model.train_scores) == (train.labels[:, place] >= 0).sum()
    trained.save_for_explanation(tmp_path)
    explainer = NetworkExplainer(tmp_path, spec)
    said = trained.score(columns).numpy()[:, 0]
    odds = explainer.outputs(new.of(IMAGE), np.zeros(60, np.int64))
    np.testing.assert_allclose(odds, np.log(said / (1 - said)), atol=1e-2)
    # What the last layers see makes the very odds.
    heads = [layer for layer in explainer._head.layers if isinstance(layer, keras.Model)]
    parts = np.split(explainer.last_layer(new.of(IMAGE)), len(heads), axis=1)
    logits = [
        part @ kernel + bias
        for part, (kernel, bias) in zip(parts, (head.layers[-1].get_weights() for head in heads), strict=True)
    ]
    assert len(heads) == 2
    np.testing.assert_allclose(np.mean(logits, axis=0)[:, 0], odds, atol=1e-2)


@pytest.mark.usefixtures("short")
def test_no_fit_learns_from_the_images_that_judge_it() -> None:
    train, validation = slopes(0, 60), slopes(1, 20)
    bag = Bag.of(train, validation, SPEC, STANDARD)
    for fold in range(bag.fits):
        pupil = bag.learner(fold, image_network.Recipe(SIZES["small"]))._pupil
        held_out = np.flatnonzero(bag.folds == fold)
        assert set(pupil.learned) | set(held_out) == set(range(80))
        assert not set(pupil.learned) & set(held_out)
        np.testing.assert_array_equal(pupil.held_out.label, bag.rows.label[held_out])


@pytest.mark.usefixtures("short")
def test_the_quick_preset_makes_one_fit_with_the_usual_changes() -> None:
    quick = Training(seed=3, preset="quick")
    trained = image_network.train(slopes(0, 60), slopes(1, 20), SPEC, quick)
    assert trained.train_scores is None
    assert not {"fits", "trials"} & set(trained.facts)
    assert trained.facts["changes"] == image_network.CHANGES[0].name
    assert trained.facts["steps"] == 80


@pytest.mark.parametrize(
    ("losses", "kept"), [([1.0, 0.95], 0), ([1.0, 0.85], 1), ([np.inf, 0.9], 1), ([0.5, np.inf], 0)]
)
def test_another_recipe_must_be_clearly_better(
    losses: list[float], kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = iter(losses)
    monkeypatch.setattr(image_learning.Learner, "trial", lambda _: next(told))
    recipe, _, trials = Bag.of(slopes(0, 60), slopes(1, 20), SPEC, STANDARD).best_recipe()
    assert recipe.changes == image_network.CHANGES[kept]
    assert [trial.loss for trial in trials] == losses


@pytest.mark.slow
@pytest.mark.usefixtures("short")
def test_the_best_preset_searches_from_the_best_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_network, "MOST_TRIALS", 2)
    monkeypatch.setattr(image_network, "MOST_FITS", 1)
    best = Training(seed=3, preset="best")
    heard: list[float] = []
    with listening(heard.append):
        trained = image_network.train(slopes(0, 100), slopes(1, 40), SPEC, best)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    trials = trained.facts["trials"]
    assert [trial["settings"].get("changes") for trial in trials[:2]] == [
        changes.name for changes in image_network.CHANGES
    ]
    assert [sorted(trial["settings"]) for trial in trials[2:]] == 2 * [sorted(image_network.SPACE)]
    assert trained.facts["changes"] == "moved and blotted"


def test_how_many_fits_by_number_and_size() -> None:
    def fits(count: int, side: int, training: Training) -> int:
        images = TransformedSplit(
            {IMAGE: np.broadcast_to(np.uint8(0), (count, side, side, 1))},
            np.arange(count) % 2,
            1 + np.arange(count) % 6,
        )
        return Bag.of(images, images.take(np.arange(10)), spec_of(side, side), training).fits

    assert [fits(90, side, STANDARD) for side in (28, 128, 200, 256)] == [3, 3, 2, 1]
    assert fits(90, 256, Training(seed=3, preset="standard", minutes=60)) == 3
    assert fits(90, 128, Training(seed=3, preset="standard", size="large")) == 1
    assert fits(90, 28, Training(seed=3, preset="standard", epochs=5)) == 1
    assert fits(90, 28, Training(seed=3, preset="quick")) == 1

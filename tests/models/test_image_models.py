"""Baseline, network and their anomaly variants on small images with a bright or a striped spot."""

import hashlib
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from solutionkit.declaration import Training
from solutionkit.errors import UserError
from solutionkit.examples.columns import TableSpec
from solutionkit.explain.image_models import NetworkExplainer, TextureBaseline
from solutionkit.kinds import IMAGE, Feature
from solutionkit.models import anomaly, image_network, texture_baseline
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.augmentation import augment, pasted
from solutionkit.models.explanation_files import BACKGROUND_FILE
from solutionkit.models.pretrained import check_file, pretrained_maps
from solutionkit.tasks.classification.task import Classification

# They train.
pytestmark = pytest.mark.slow

SIDE = 48
PHOTO = Feature("photo", "image", shape=(SIDE, SIDE, 1))
SEVERAL = TableSpec(Classification("kind", ("ok", "spot", "stripes")), (PHOTO,))
BINARY = TableSpec(Classification("kind", ("ok", "not ok")), (PHOTO,))
TRAINING = Training(seed=3, epochs=10)
PLACE = slice(10, 22)


def images(seed: int, count: int, classes: int = 3) -> TransformedSplit:
    random = np.random.default_rng(seed)
    pixels = random.normal(110.0, 12.0, (count, SIDE, SIDE, 1))
    labels = random.integers(0, classes, count)
    pixels[labels == 1, PLACE, PLACE] += 60.0
    pixels[labels == 2, PLACE, PLACE] += 45.0 * (np.arange(12) % 4 < 2)[None, :, None, None]
    return TransformedSplit({"image": pixels.clip(0, 255).round().astype(np.uint8)}, labels)


@pytest.fixture(scope="module")
def trained() -> dict:
    data = images(0, 300), images(1, 90)
    return {
        "baseline": texture_baseline.train(*data, SEVERAL, TRAINING),
        "deep": image_network.train(*data, SEVERAL, TRAINING),
    }


@pytest.mark.parametrize("name", ["baseline", "deep"])
def test_both_learn_and_score_as_they_did_in_training(trained: dict, name: str) -> None:
    validation = images(1, 90)
    scores = trained[name].validation_scores
    assert scores.shape == (90, 3)
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, atol=1e-5)
    assert (scores.argmax(axis=1) == validation.label).mean() > 0.8
    pixels = tf.constant(validation.of(IMAGE)[:9], tf.float32)
    np.testing.assert_allclose(trained[name].score({"image": pixels}), scores[:9], atol=1e-5)


@pytest.mark.parametrize("name", ["baseline", "deep"])
def test_heat_adds_up_and_finds_the_spot(trained: dict, name: str, tmp_path: Path) -> None:
    trained[name].save_for_explanation(tmp_path)
    sound = images(5, 60)
    np.savez(tmp_path / BACKGROUND_FILE, image=sound.of(IMAGE)[sound.label == 0][:16])
    explainer = {"baseline": TextureBaseline, "deep": NetworkExplainer}[name](tmp_path, SEVERAL)
    rows = images(6, 24)
    rows = rows.take(rows.label == 1)
    targets = np.zeros(len(rows), np.int64)
    found = explainer.explain(rows, targets)
    np.testing.assert_allclose(found.output, explainer.outputs(rows.of(IMAGE), targets), atol=1e-4)
    assert np.abs(found.residual).mean() < 0.1 * np.abs(found.output - found.base).mean() + 1e-6
    places = found.values.shape[1]
    share = slice(places * 10 // SIDE, -(-places * 22 // SIDE))
    inside = found.values[:, share, share].sum(axis=(1, 2))
    assert (inside > 0.5 * found.values.clip(0).sum(axis=(1, 2))).mean() > 0.7


@pytest.mark.parametrize(
    "train", [anomaly.train_texture, pytest.param(anomaly.train_network, marks=pytest.mark.slow)]
)
def test_learning_from_sound_images_alone(train) -> None:
    training, validation = images(0, 240, 1), images(1, 120, 2)
    first = train(training, validation, BINARY, TRAINING)
    scores = first.validation_scores[:, 0]
    assert ((scores >= 0) & (scores <= 1)).all()
    sound, defective = scores[validation.label == 0], scores[validation.label == 1]
    assert (defective[:, None] > sound[None]).mean() > 0.8
    pixels = tf.constant(validation.of(IMAGE)[:8], tf.float32)
    np.testing.assert_allclose(first.score({"image": pixels})[:, 0], scores[:8], atol=1e-4)


def test_augmentation_keeps_size_and_range() -> None:
    pixels = tf.constant(images(0, 8).of(IMAGE), tf.float32)
    for changed in (augment(pixels, 255.0), pasted(pixels, 255.0), augment(pixels[:, :, :40], 255.0)):
        assert changed.shape[0] == 8
        assert float(tf.reduce_min(changed)) >= 0.0
        assert float(tf.reduce_max(changed)) <= 255.0
    np.testing.assert_array_equal(pasted(pixels, 255.0, 1), pasted(pixels, 255.0, 1))
    changed_pixels = (np.abs(pasted(pixels, 255.0, 1) - pixels) > 5.0).mean(axis=(1, 2, 3))
    assert (changed_pixels < 0.6).all()


def test_a_backbone_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "small.weights.h5"
    keras.applications.MobileNetV3Small(
        weights=None, include_top=False, input_shape=(SIDE, SIDE, 3)
    ).save_weights(file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    training = Training(seed=3, epochs=1, backbone="MobileNetV3Small", weights=file, weights_sha256=digest)
    trained = image_network.train(images(0, 64), images(1, 32), SEVERAL, training)
    assert trained.facts["algorithm"] == "MobileNetV3Small"
    assert trained.validation_scores.shape == (32, 3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.weights.h5", "no such file"),
        ("there.weights.h5", "but training.weights_sha256 says 00"),
        ("there.pkl", r"\.h5 files only"),
    ],
    ids=["gone", "another checksum", "pickle"],
)
def test_weights_that_cannot_be_had(tmp_path: Path, name: str, message: str) -> None:
    for file in ("there.weights.h5", "there.pkl"):
        (tmp_path / file).write_bytes(b"no weights")
    with pytest.raises(UserError, match=message):
        check_file(tmp_path / name, "00")


def test_a_file_that_holds_something_else(tmp_path: Path) -> None:
    file = tmp_path / "there.weights.h5"
    file.write_bytes(b"no weights")
    digest = hashlib.sha256(b"no weights").hexdigest()
    check_file(file, digest)
    training = Training(backbone="MobileNetV3Small", weights=file, weights_sha256=digest)
    with pytest.raises(UserError, match="no weights of MobileNetV3Small"):
        pretrained_maps(training, (SIDE, SIDE, 1), 255.0)


def test_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(**_: object) -> None:
        raise OSError("URL fetch failure")

    monkeypatch.setattr(keras.applications, "MobileNetV3Small", offline)
    with pytest.raises(UserError, match=r"could not be downloaded \(URL fetch failure\); without a network"):
        pretrained_maps(Training(backbone="MobileNetV3Small"), (SIDE, SIDE, 1), 255.0)

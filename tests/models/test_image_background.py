import numpy as np

from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import Feature
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.image_background import IMAGES, background_images, flattened
from solutionkit.tasks.classification.task import Classification

PHOTO = (Feature("photo", "image", shape=(4, 4, 1)),)
PIXELS = np.random.default_rng(0).integers(0, 255, (60, 4, 4, 1)).astype(np.uint8)
SPLIT = TransformedSplit({"image": PIXELS}, np.arange(60) % 3)


def test_sound_images_are_what_others_are_compared_with() -> None:
    spec = TableSpec(Classification("kind", ("ok", "crack", "hole")), PHOTO)
    found = background_images(SPLIT, spec, seed=1)["image"]
    assert len(found) == IMAGES
    sound = {image.tobytes() for image in PIXELS[SPLIT.label == 0]}
    assert {image.tobytes() for image in found} <= sound
    assert np.array_equal(found, background_images(SPLIT, spec, seed=1)["image"])


def test_without_sound_ones_there_is_nothing_but_a_colour() -> None:
    spec = TableSpec(Classification("kind", ("a", "b", "c"), has_negative_class=False), PHOTO)
    found = background_images(SPLIT, spec, seed=1)["image"]
    assert (found.std(axis=(1, 2, 3)) == 0).all()
    assert flattened(PIXELS[:1]).mean() == round(PIXELS[0].mean())

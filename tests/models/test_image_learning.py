"""How long a network learns of images, and which of its weights are kept."""

import numpy as np
import pytest
import tensorflow as tf

from solutionkit.declaration import Training
from solutionkit.errors import UserError
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import IMAGE, Feature
from solutionkit.models import image_learning
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.image_learning import Learner, Lessons, Pupil, lessons_for, room_for
from solutionkit.models.image_network import build
from solutionkit.models.joint_head import JointHead
from solutionkit.progress import Progress, listening
from solutionkit.tasks.classification.task import Classification

# They train.
pytestmark = pytest.mark.slow

SIDE = 24
SPEC = TableSpec(
    Classification("kind", ("even", "spot")), (Feature("photo", "image", shape=(SIDE, SIDE, 1)),)
)
STANDARD = Training(seed=3, preset="standard")


def learner(
    lessons: Lessons, count: int = 120, broken: bool = False, one_class: bool = False
) -> tuple[Learner, TransformedSplit]:
    """Half of the images have a bright spot; every fourth is held out."""
    random = np.random.default_rng(0)
    labels = np.arange(count) // 4 % 2
    pixels = random.normal(110, 12, (count, SIDE, SIDE, 1))
    pixels[labels == 1, 8:14, 8:14] += 70
    rows = TransformedSplit({IMAGE: pixels.clip(0, 255).astype(np.uint8)}, labels)
    held_out = rows.take((np.arange(count) % 4 == 0) & ((labels == 0) | (not one_class)))

    def change(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return images * (np.nan if broken else 1.0), labels

    pupil = Pupil(
        network=build(SPEC, STANDARD),
        images=tf.constant(rows.of(IMAGE)),
        labels=tf.constant(rows.labels),
        learned=np.flatnonzero(np.arange(count) % 4),
        held_out=held_out,
        head=JointHead.of(SPEC, rows.labels),
        change=change,
    )
    return Learner(pupil, lessons, Progress(lessons.steps + lessons.trial)), held_out


def test_the_best_weights_are_kept() -> None:
    heard: list[float] = []
    learning, held_out = learner(Lessons(100, 3, enough=0.0))
    with listening(heard.append):
        network = learning.finished()
    losses = learning.mean.losses
    assert learning.mean.steps == 100
    assert len(losses) == image_learning.LOOKS
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    answers = network.score({IMAGE: tf.constant(held_out.of(IMAGE), tf.float32)}).numpy()[:, 0]
    loss = -np.mean(np.log(np.where(held_out.label, answers, 1 - answers)))
    assert loss == pytest.approx(min(losses), abs=1e-4)


def test_learning_ends_when_nothing_is_left() -> None:
    heard: list[float] = []
    learning, _ = learner(Lessons(400, 3, trial=20, enough=0.4))
    with listening(heard.append):
        learning.trial()
        assert learning.mean.steps == 20
        learning.finished()
    assert 20 < learning.mean.steps < 420
    assert heard[-1] == 1.0


def test_a_trial_is_made_to_its_end_and_more_follows() -> None:
    learning, _ = learner(Lessons(10, 3, trial=30, enough=1e6))
    learning.trial()
    assert learning.mean.steps == 30
    learning.finished()
    assert learning.mean.steps > 30


def test_held_out_images_of_one_class_never_end_it() -> None:
    learning, _ = learner(Lessons(60, 3), one_class=True)
    learning.finished()
    assert learning.mean.steps == 60


@pytest.mark.parametrize("steps", [1, 3, 19])
def test_every_step_is_made_and_counts(steps: int) -> None:
    learning, _ = learner(Lessons(steps, 3))
    before = [np.array(item) for item in learning._pupil.network.whole.get_weights()]
    network = learning.finished()
    assert learning.mean.steps == steps
    after = network.whole.get_weights()
    assert any(not np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def test_what_was_never_a_number_is_refused() -> None:
    with pytest.raises(UserError, match="never a number"):
        learner(Lessons(4, 3), broken=True)[0].finished()


def test_what_is_no_number_is_learned_no_longer() -> None:
    learning, _ = learner(Lessons(200, 3, trial=10), broken=True)
    assert learning.trial() == np.inf
    with pytest.raises(UserError, match="never a number"):
        learning.finished()
    assert learning.mean.steps == 10 + 200 // image_learning.LOOKS


def test_how_long_by_number_size_and_minutes() -> None:
    small, large = (128, 128, 1), (512, 203, 1)
    quick = Training(seed=3, preset="quick")
    assert lessons_for(300, small, STANDARD, recipes=2) == Lessons(3200, 3, 400)
    assert lessons_for(300, small, quick) == Lessons(1600, 3)
    assert lessons_for(32_000, small, STANDARD).steps == 4000
    assert lessons_for(320, small, Training(seed=3, epochs=10)) == Lessons(200, 3, enough=0.0)
    # What there is time for, trials and all.
    for images, shape in ((1_000_000, small), (300, large)):
        found = lessons_for(images, shape, STANDARD, recipes=2)
        assert found.steps + 2 * found.trial == pytest.approx(room_for(shape, STANDARD), abs=2)
    more, less = (Training(seed=3, preset="standard", minutes=minutes) for minutes in (40, 1))
    assert [lessons_for(300, small, item).steps for item in (more, less)] == [6400, 1587]
    assert lessons_for(300, large, quick).steps == 1600
    wide = Training(seed=3, preset="standard", size="large")
    assert room_for(small, wide) == room_for(small, STANDARD) / 8
    assert lessons_for(300, (4000, 4000, 1), STANDARD, recipes=2).steps == image_learning.LEAST_STEPS

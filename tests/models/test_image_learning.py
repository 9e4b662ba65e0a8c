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
from solutionkit.models.epochs import cut_short
from solutionkit.models.image_learning import Learner, Lessons, Pupil, class_weights, lessons_for
from solutionkit.models.image_network import build
from solutionkit.progress import Progress, listening
from solutionkit.tasks.classification.task import Classification

SIDE = 24
SPEC = TableSpec(
    Classification("kind", ("even", "spot")), (Feature("photo", "image", shape=(SIDE, SIDE, 1)),)
)
STANDARD = Training(seed=3, preset="standard")


def learner(lessons: Lessons, count: int = 120, broken: bool = False) -> tuple[Learner, TransformedSplit]:
    """Half of the images have a bright spot; every fourth is held out."""
    random = np.random.default_rng(0)
    labels = np.arange(count) // 2 % 2
    pixels = random.normal(110, 12, (count, SIDE, SIDE, 1))
    pixels[labels == 1, 8:14, 8:14] += 70
    rows = TransformedSplit({IMAGE: pixels.clip(0, 255).astype(np.uint8)}, labels)
    held_out = rows.take(np.arange(count) % 4 == 0)

    def change(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return images * (np.nan if broken else 1.0), labels

    pupil = Pupil(
        network=build(SPEC, STANDARD),
        images=tf.constant(rows.of(IMAGE)),
        labels=tf.constant(labels),
        learned=np.flatnonzero(np.arange(count) % 4),
        held_out=held_out,
        head=SPEC.task.head(labels),
        change=change,
    )
    return Learner(pupil, lessons, Progress(sum(lessons.lengths))), held_out


def test_rounds_end_without_progress_and_the_best_weights_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_learning, "SHARE_GAINED", 0.9999)
    heard: list[float] = []
    learning, held_out = learner(Lessons(40, 9, 3))
    with listening(heard.append):
        network, course = learning.finished()
    assert course.steps == 40 + 60
    assert len(course.losses) == 20
    assert not course.exhausted
    assert heard == sorted(heard)
    assert cut_short(course.facts) is None
    answers = network.score({IMAGE: tf.constant(held_out.of(IMAGE), tf.float32)}).numpy()[:, 0]
    loss = -np.mean(np.log(np.where(held_out.label, answers, 1 - answers)))
    assert loss == pytest.approx(min(course.losses), abs=1e-4)


def test_an_end_by_the_limit_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_learning, "SHARE_GAINED", -1.0)
    monkeypatch.setattr(image_learning, "LEAST_GAINED", -1.0)
    _, course = learner(Lessons(20, 2, 3))[0].finished()
    assert course.steps == 20 + 30
    assert "raise training.minutes" in (cut_short(course.facts) or "")


@pytest.mark.parametrize("steps", [1, 3, 19])
def test_every_step_is_made_and_counts(steps: int) -> None:
    learning, _ = learner(Lessons(steps, 1, 3))
    before = [np.array(item) for item in learning._pupil.network.whole.get_weights()]
    network, course = learning.finished()
    assert course.steps == steps
    after = network.whole.get_weights()
    assert any(not np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def test_what_was_never_a_number_is_refused() -> None:
    with pytest.raises(UserError, match="never a number"):
        learner(Lessons(4, 1, 3), broken=True)[0].finished()


def test_how_long_by_number_size_and_minutes() -> None:
    assert lessons_for(300, 128**2, STANDARD) == Lessons(400, 3, 3)
    assert lessons_for(300, 128**2, Training(seed=3, preset="quick")) == Lessons(400, 1, 3)
    assert lessons_for(16_000, 128**2, STANDARD).steps == 2000
    assert lessons_for(1_000_000, 128**2, STANDARD).steps == 66_000_000 // 128**2
    assert lessons_for(320, 128**2, Training(seed=3, epochs=10)) == Lessons(200, 1, 3)
    more, less = (Training(seed=3, preset="standard", minutes=minutes) for minutes in (30, 1))
    assert [lessons_for(300, 128**2, item).rounds for item in (more, less)] == [5, 1]


def test_rare_classes_weigh_more_but_not_all() -> None:
    weights = class_weights(np.repeat([0, 1], [900, 100]))
    assert weights[1] / weights[0] == pytest.approx(3.0)
    assert weights[0] * 0.9 + weights[1] * 0.1 == pytest.approx(1.0)

"""SavedModels as TF Serving loads them."""

import json
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from solutionkit.errors import UserError
from solutionkit.examples.columns import SPEC_FILE, TableSpec
from solutionkit.examples.encoding import unlabelled_examples
from solutionkit.kinds import Feature
from solutionkit.models import export
from solutionkit.models.saved import SavedScorer
from solutionkit.models.trained import TrainedModel
from solutionkit.tasks.classification.task import Classification

SPEC = TableSpec(
    Classification("y", ("no", "yes")),
    (Feature("a b", "numeric"), Feature("colour", "categorical", ("blue", "red"))),
)
ROWS = pa.table({"a b": [1.0, None, -2.5], "colour": ["red", "blue", None]})


class Transformed(tf.Module):
    """In the place of tf.Transform's layer: a missing number is 0, red is 1."""

    def __call__(self, parsed: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        number = tf.sparse.to_dense(tf.sparse.reorder(parsed["a b"]))
        number = tf.concat([number, tf.zeros([tf.shape(number)[0], 1])], axis=1)[:, :1]
        colour = tf.sparse.to_dense(tf.sparse.reorder(parsed["colour"]), default_value="")
        colour = tf.concat([colour, tf.fill([tf.shape(colour)[0], 1], "")], axis=1)[:, :1]
        return {"numeric": number, "categorical": tf.cast(colour == "red", tf.int64)}


class Output:
    def transform_features_layer(self) -> Transformed:
        return Transformed()


def exported(folder: Path, score: Callable, trackables: list) -> np.ndarray:
    examples = unlabelled_examples(ROWS, SPEC)
    trained = TrainedModel(score, np.zeros((1, 1)), lambda folder: None, "none:None", {}, trackables)
    export.export(trained, Output(), SPEC, examples, folder)
    return examples


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")])
    model.trainable = False
    return model


def with_network(network: keras.Model) -> Callable:
    def score(columns: dict[str, tf.Tensor]) -> tf.Tensor:
        both = tf.concat([columns["numeric"], tf.cast(columns["categorical"], tf.float32)], axis=1)
        return network(both, training=False)

    return score


def test_both_signatures_say_the_same(network: keras.Model, tmp_path: Path) -> None:
    examples = exported(tmp_path / "model", with_network(network), [network])
    scorer = SavedScorer(tmp_path / "model")
    expected = network(np.array([[1.0, 1.0], [0.0, 0.0], [-2.5, 0.0]])).numpy()
    assert np.allclose(scorer.score_examples(examples), expected, atol=1e-6)
    assert np.allclose(scorer.score_table(ROWS), expected, atol=1e-6)
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    # The column's name is none that TensorFlow allows.
    assert set(loaded.signatures["serving_raw"].structured_input_signature[1]) == {"column_a_b", "colour"}
    warm_up = tf.data.TFRecordDataset(str(tmp_path / "model" / export.WARMUP_FILE))
    assert len(list(warm_up)) == 2 * len(export.WARMUP_BATCHES)
    assert json.loads((tmp_path / "model" / SPEC_FILE).read_text()) == json.loads(SPEC.to_json())


def test_answers_that_change_from_call_to_call_are_refused(tmp_path: Path) -> None:
    calls = tf.Variable(0.0)

    def score(columns: dict[str, tf.Tensor]) -> tf.Tensor:
        return calls.assign_add(1.0) + tf.zeros_like(columns["numeric"])

    with pytest.raises(export.ExportError, match=r"differs by .* when loaded as TF Serving does"):
        exported(tmp_path / "model", score, [calls])


def test_a_changed_model_is_found_out(network: keras.Model, tmp_path: Path) -> None:
    examples = exported(tmp_path / "model", with_network(network), [network])
    export.check_loads_like_tf_serving(tmp_path / "model", examples)
    (tmp_path / "model" / "variables" / "variables.index").unlink()
    with pytest.raises((export.ExportError, UserError, OSError, tf.errors.OpError)):
        export.check_loads_like_tf_serving(tmp_path / "model", examples)


def test_size_hangs_on_the_model_alone(tmp_path: Path) -> None:
    def saved(name: str) -> int:
        keras.utils.set_random_seed(0)
        entry = keras.Input((4,))
        network = keras.Model(entry, keras.layers.Dense(1)(keras.layers.Dense(500)(entry)))
        archive = keras.export.ExportArchive()
        archive.track(network)
        archive.add_endpoint("serve", lambda rows: network(rows), [tf.TensorSpec((None, 4))])
        archive.write_out(str(tmp_path / name), verbose=False)
        return export.model_size(tmp_path / name)

    first = saved("first")
    # More of the same in between, so that names are longer.
    for _ in range(12):
        keras.layers.Dense(3)(keras.Input((2,)))
    assert saved("second") == first
    # Two thousand and five hundred weights, their names, and some operations.
    assert 4 * 3001 < first < 4 * 3001 + 30_000
    (tmp_path / "first" / "assets.extra").mkdir()
    (tmp_path / "first" / "assets.extra" / "more").write_bytes(b"1" * 100_000)
    assert export.model_size(tmp_path / "first") == first

"""Small SavedModels that the serving tests ask for.

    python tests/serving/sample_models.py FOLDER

writes them with a `models.config`, so that any server can be tested:
`tensorflow_model_server --model_config_file=FOLDER/models.config …`, then
`pytest tests/serving --grpc-address=H:P --rest-address=http://H:P`.
"""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

CONFIG = """
model_config_list {{
  config {{ name: "half_plus_two" base_path: "{folder}/half_plus_two" model_platform: "tensorflow"
           model_version_policy {{ specific {{ versions: 1 versions: 2 }} }}
           version_labels {{ key: "stable" value: 1 }} version_labels {{ key: "canary" value: 2 }} }}
  config {{ name: "columns" base_path: "{folder}/columns" model_platform: "tensorflow" }}
}}
"""


class HalfPlus(tf.Module):
    """y = x / 2 + b, as Predict, Classify and Regress."""

    def __init__(self, b: float) -> None:
        super().__init__()
        self.a, self.b = tf.Variable(0.5), tf.Variable(b)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def predict(self, x):
        return {"y": self.a * x + self.b}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def classify(self, inputs):
        return {"scores": self.of_examples(inputs), "classes": tf.fill([tf.size(inputs), 1], "y")}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def regress(self, inputs):
        return {"outputs": self.of_examples(inputs)}

    def of_examples(self, inputs):
        features = {
            "x": tf.io.FixedLenFeature([1], tf.float32),
            "c": tf.io.FixedLenFeature([1], tf.float32, [0.0]),
        }
        parsed = tf.io.parse_example(inputs, features)
        return self.a * parsed["x"] + self.b + parsed["c"]

    def signatures(self):
        return {
            "serving_default": self.predict,
            "classify_x_to_y": self.classify,
            "regress_x_to_y": self.regress,
        }


class Columns(tf.Module):
    """Several inputs and outputs of several types."""

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.float32, "age"),
            tf.TensorSpec([None], tf.string, "city"),
            tf.TensorSpec([None], tf.int64, "visits"),
        ]
    )
    def raw(self, age, city, visits):
        return {
            "score": tf.stack([age, tf.cast(visits, tf.float32)], axis=1),
            "name": tf.strings.upper(city),
            "image_bytes": tf.strings.join([city, tf.constant(b"\xff")]),
        }

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
    def checked(self, x):
        with tf.control_dependencies([tf.debugging.assert_less(x, 1000.0, "too large")]):
            return {"total": tf.reduce_sum(x, axis=1), "same_for_all": tf.constant([7.0])}


def export_half_plus(folder: Path, b: float) -> None:
    module = HalfPlus(b)
    tf.saved_model.save(module, str(folder), module.signatures())


def export_columns(folder: Path) -> None:
    module = Columns()
    tf.saved_model.save(module, str(folder), {"serving_default": module.raw, "checked": module.checked})


def export_all(folder: Path) -> Path:
    """Write all models and their configuration; returns its path."""
    export_half_plus(folder / "half_plus_two" / "1", 2.0)
    export_half_plus(folder / "half_plus_two" / "2", 3.0)
    export_columns(folder / "columns" / "7")
    config = folder / "models.config"
    config.write_text(CONFIG.format(folder=folder))
    return config


def half_plus_two(x: np.ndarray) -> np.ndarray:
    return np.asarray(x, np.float32) / 2 + 2


if __name__ == "__main__":
    print(export_all(Path(sys.argv[1]).resolve()))

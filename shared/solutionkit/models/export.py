"""SavedModels with two signatures on raw features, checked the way TF Serving loads them.

`serving_default` takes serialized tf.Examples, `serving_raw` one tensor a column. Both run
tf.Transform's graph and then the model, so training and serving cannot drift apart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2

from solutionkit.examples.columns import DEFAULT_SIGNATURE, RAW_SIGNATURE, SPEC_FILE, TableSpec, load_spec
from solutionkit.kinds import kind_of
from solutionkit.models.arrays import raw_feature_spec
from solutionkit.models.trained import TrainedModel

EXAMPLES = "examples"
WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
WARMUP_BATCHES = (1, 32)
# The loaders fuse a network's operations differently: 1.4e-6 was seen. A lost variable differs by far more.
ROUNDING = 1e-5


class ExportError(RuntimeError):
    """A SavedModel that TF Serving could not load, or that answers differently there."""


def export(
    trained: TrainedModel,
    transform_output: Any,
    spec: TableSpec,
    examples: np.ndarray,
    folder: Path,
    further: Mapping[str, TrainedModel] = MappingProxyType({}),
) -> None:
    """Write a SavedModel and make sure that TF Serving can serve it.

    Args:
        trained: The model; its score takes transformed columns.
        transform_output: A `tft.TFTransformOutput`.
        spec: What the raw columns are.
        examples: Serialized tf.Examples for the check and for warm-up.
        folder: Where the SavedModel goes.
        further: Models of further labels, by what their answers are called (`TableSpec.outputs`).

    Raises:
        ExportError: The export fails the check with TensorFlow 1's loader.
    """
    archive = keras.export.ExportArchive()
    layer = transform_output.transform_features_layer()
    archive.track(layer)
    models = {spec.task.output: trained, **further}
    for model in models.values():
        for trackable in model.trackables:
            archive.track(trackable)
    features = raw_feature_spec(spec)

    def answers(columns: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        if trained.together:
            columns = trained.together(columns)
        return {name: model.score(columns) for name, model in models.items()}

    def score_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return answers(layer(tf.io.parse_example(examples, features)))

    def score_raw(columns: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        names = spec.input_names
        named = {f.name: kind_of(f).to_parsed(columns[names[f.name]]) for f in spec.ordered}
        return answers(layer(named))

    archive.add_endpoint(
        DEFAULT_SIGNATURE, score_examples, input_signature=[tf.TensorSpec([None], tf.string, EXAMPLES)]
    )
    archive.add_endpoint(RAW_SIGNATURE, score_raw, input_signature=[raw_signature(spec)])
    archive.write_out(str(folder), verbose=False)
    (folder / "assets.extra").mkdir(exist_ok=True)
    (folder / SPEC_FILE).write_text(spec.to_json())
    write_warmup(examples, spec, folder / WARMUP_FILE)
    check_loads_like_tf_serving(folder, examples[:64])


def raw_signature(spec: TableSpec) -> dict[str, tf.TensorSpec]:
    """The tensor of each feature column, as its kind has it."""
    names = spec.input_names
    return {names[f.name]: kind_of(f).tensor(f, names[f.name]) for f in spec.features}


def raw_inputs(examples: np.ndarray, spec: TableSpec) -> dict[str, np.ndarray]:
    """Serialized tf.Examples as the inputs of `serving_raw`."""
    names = spec.input_names
    return {names[name]: values for name, values in raw_columns(examples, spec).items()}


def raw_columns(examples: np.ndarray, spec: TableSpec) -> dict[str, np.ndarray]:
    """Serialized tf.Examples as feature columns: NaN and "" for missing."""
    columns = {feature.name: kind_of(feature).parsing_dense(feature) for feature in spec.features}
    return {name: value.numpy() for name, value in tf.io.parse_example(examples, columns).items()}


def write_warmup(examples: np.ndarray, spec: TableSpec, file: Path) -> None:
    """Requests that TF Serving runs before it calls a version ready, for both signatures."""
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    file.parent.mkdir(parents=True, exist_ok=True)
    examples = impersonal(examples, spec)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for rows in WARMUP_BATCHES:
            batch = np.resize(examples, rows)
            by_signature = {DEFAULT_SIGNATURE: {EXAMPLES: batch}, RAW_SIGNATURE: raw_inputs(batch, spec)}
            for signature, tensors in by_signature.items():
                request = predict_pb2.PredictRequest()
                request.model_spec.signature_name = signature
                for name, values in tensors.items():
                    request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
                log = prediction_log_pb2.PredictionLog(
                    predict_log=prediction_log_pb2.PredictLog(request=request)
                )
                writer.write(log.SerializeToString())


def impersonal(examples: np.ndarray, spec: TableSpec) -> np.ndarray:
    """Serialized tf.Examples with what a model reads alone, and stand-ins where that could name somebody."""
    kept = []
    for serialized in examples:
        whole, example = tf.train.Example.FromString(serialized), tf.train.Example()
        for feature in spec.features:
            value = example.features.feature[feature.name]
            value.CopyFrom(whole.features.feature[feature.name])
            stand_in = kind_of(feature).stand_in
            if stand_in is not None and value.bytes_list.value:
                value.bytes_list.value[:] = [stand_in]
        kept.append(example.SerializeToString())
    return np.array(kept, object)


def check_loads_like_tf_serving(folder: Path, examples: np.ndarray) -> None:
    """Load with TensorFlow 1's loader, as TF Serving does, and compare with TensorFlow 2's answers.

    A SavedModel can load in TensorFlow 2 and lack variables in TensorFlow 1; nothing but this
    loader shows it.

    Raises:
        ExportError: It does not load, or both signatures do not answer the same in both.
    """
    spec = load_spec(folder)
    feeds = {DEFAULT_SIGNATURE: {EXAMPLES: examples}, RAW_SIGNATURE: raw_inputs(examples, spec)}
    loaded = tf.saved_model.load(str(folder))
    expected = loaded.signatures[DEFAULT_SIGNATURE](examples=tf.constant(examples))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        try:
            meta = tf.compat.v1.saved_model.load(session, ["serve"], str(folder))
        except Exception as error:
            raise ExportError(f"{folder}: TF Serving could not load this model: {error}") from error
        for name, feed in feeds.items():
            signature = meta.signature_def[name]
            inputs = {signature.inputs[key].name: value for key, value in feed.items()}
            for output in spec.outputs.values():
                answer, wanted = session.run(signature.outputs[output].name, inputs), expected[output].numpy()
                # Of numbers that are no probabilities, relative to the largest.
                difference = float(np.abs(answer - wanted).max() / max(np.abs(wanted).max(), 1.0))
                if not difference <= ROUNDING:
                    raise ExportError(
                        f"{folder}: signature '{name}' differs by {difference:g} when loaded as TF Serving"
                        " does"
                    )


def model_size(folder: Path) -> int:
    """Bytes of what a server loads: variables, assets, and the graph without its names.

    TensorFlow counts names up in a process, so that the same model has longer ones after others.
    """
    size = sum(file.stat().st_size for file in folder.glob("assets/*") if file.is_file())
    if (folder / "variables" / "variables.index").is_file():
        reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
        types = reader.get_variable_to_dtype_map()
        for name, shape in reader.get_variable_to_shape_map().items():
            # The objects' own graph is a text, and full of names.
            size += int(np.prod(shape)) * types[name].size if types[name] != tf.string else 0
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    for graph in (item.graph_def for item in saved.meta_graphs):
        for node in (
            *graph.node,
            *(node for function in graph.library.function for node in function.node_def),
        ):
            node.name = ""
            del node.input[:]
            for value in node.attr.values():
                # Among single texts is the graph of Python's objects, in full.
                single = value.tensor.dtype == types_pb2.DT_STRING and not value.tensor.tensor_shape.dim
                if value.WhichOneof("value") in {"s", "func"} or single:
                    value.Clear()
            size += node.ByteSize()
    return int(size)


def write_facts(file: Path, facts: dict[str, Any]) -> None:
    """Write what to tell about a training, as JSON."""
    file.write_text(json.dumps(facts, indent=2, sort_keys=True))

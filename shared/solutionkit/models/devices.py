"""Networks that learn on several devices at once: `training.devices`.

All graphics cards of a machine, or of all the workers that `TF_CONFIG` names, as Kubernetes' training
operators set it. Each device has the same weights and a share of each batch (`tf.distribute`). Every worker
runs the same command on the same rows; the first, the chief, writes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache, wraps
from typing import Any

import keras
import tensorflow as tf
from keras.src.backend.tensorflow import trainer

from solutionkit.declaration import Training
from solutionkit.models.trained import TrainedModel

CLUSTER = "TF_CONFIG"
Trainer = Callable[..., TrainedModel]


def on_all_devices(train: Trainer) -> Trainer:
    """A trainer whose network learns on all devices, if the declaration wishes that.

    Args:
        train: Learns by Keras's `fit`, or within `tf.distribute`'s rules; its last argument is the
            declaration's `Training`.
    """

    @wraps(train)
    def trained(*given: Any) -> TrainedModel:
        training: Training = given[-1]
        if training.devices == "one":
            return train(*given)
        # Within, variables are made on all devices, and Keras's `fit` shares batches out among them.
        several = isinstance(all_devices(), tf.distribute.MultiWorkerMirroredStrategy)
        with all_devices().scope(), built_by_own_rows() if several else nullcontext():
            found = train(*given)
        found.facts["devices"] = int(all_devices().num_replicas_in_sync)
        return found

    return trained


@cache
def all_devices() -> Any:
    """The strategy over all devices; of several workers it must be made before TensorFlow does anything."""
    if "cluster" in json.loads(os.environ.get(CLUSTER, "{}")):
        return tf.distribute.MultiWorkerMirroredStrategy()
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    return tf.distribute.MirroredStrategy([item.name for item in tf.config.list_logical_devices(kind)])


@contextmanager
def built_by_own_rows() -> Iterator[None]:
    """Within, Keras builds a network on a worker's own share of the first batch, and logs its own losses.

    Keras 3.15 averages both over the devices, which TensorFlow does neither with a nested batch nor with a
    single number where the devices are several workers'.
    """
    kept, reduce = keras.Model._maybe_symbolic_build, trainer.reduce_per_replica

    def build(model: Any, iterator: Any = None, data_batch: Any = None) -> None:
        strategy = all_devices()
        for _, _, batches in iterator or []:
            shares = next(batches)
            data_batch = keras.tree.map_structure(
                lambda item: strategy.experimental_local_results(item)[0], shares
            )
            break
        with strategy.scope():
            model._symbolic_build(data_batch=data_batch)

    keras.Model._maybe_symbolic_build = build
    trainer.reduce_per_replica = lambda values, strategy, reduction: keras.tree.map_structure(
        lambda item: strategy.experimental_local_results(item)[0], values
    )
    try:
        yield
    finally:
        keras.Model._maybe_symbolic_build, trainer.reduce_per_replica = kept, reduce


def is_chief() -> bool:
    """Whether this process is the one that writes: the only one, unless `TF_CONFIG` says otherwise."""
    told = json.loads(os.environ.get(CLUSTER, "{}"))
    task = told.get("task", {"type": "chief"})
    has_chief = "chief" in told.get("cluster", {})
    return task["type"] == "chief" or (not has_chief and task["type"] == "worker" and task["index"] == 0)

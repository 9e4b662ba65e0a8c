"""How a project's models are served: the files in `serving/`, and the server's flags."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from solutionkit.errors import UserError
from solutionkit.use_case import Project

# Where the configuration says that models are: a container's volume, or the project's own folder.
MOUNT = "/models"
# Of a text that goes into an example.
LONGEST = 200


def config_file(project: Project) -> Path:
    """The project's `serving/models.config`.

    Raises:
        UserError: It is not there.
    """
    file = project.folder / "serving" / "models.config"
    if not file.is_file():
        raise UserError(f"{file}: not found; projects have it since 0.2, take it from a newly generated one.")
    return file


def labels_of(project: Project) -> dict[str, int]:
    """The pushed model's versions that have a label; nothing where no rollout was begun.

    Raises:
        UserError: The configuration is broken.
    """
    from solutionserve.configuration import read_models
    from solutionserve.errors import ServingError

    if not (project.folder / "serving" / "models.config").is_file():
        return {}
    try:
        config = read_models(config_file(project))
    except ServingError as error:
        raise UserError(error.message) from None
    entry = next((item for item in config.model_config_list.config if item.name == project.name), None)
    return dict(entry.version_labels) if entry else {}


def example_body(model: Path) -> str | None:
    """What a REST request to a model may be, as JSON: one of its warm-up requests; None of what is no text.

    Args:
        model: The SavedModel.
    """
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    from solutionkit.examples.columns import RAW_SIGNATURE
    from solutionkit.models.export import WARMUP_FILE

    for record in tf.data.TFRecordDataset(str(model / WARMUP_FILE)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        columns = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        if request.model_spec.signature_name != RAW_SIGNATURE:
            continue
        if any(values.size > 1 or len(str(values[0])) > LONGEST for values in columns.values()):
            return None
        inputs = {name: [_plain(values[0])] for name, values in sorted(columns.items())}
        return json.dumps({"signature_name": RAW_SIGNATURE, "inputs": inputs}, ensure_ascii=False)
    return None


def _plain(value: Any) -> Any:
    """A cell as JSON has it; of a number of single precision the shortest that means the same."""
    if isinstance(value, bytes):
        return value.decode()
    return float(str(value)) if isinstance(value, np.floating) else value.item()


def server_flags(project: Project) -> list[str]:
    """The flags that serve the pushed model: the same files as in a container."""
    folder = project.folder / "serving"
    return [
        f"--model_config_file={config_file(project)}",
        "--model_config_file_poll_wait_seconds=1",
        "--allow_version_labels_for_unavailable_models",
        f"--mount={MOUNT}={project.models}",
        "--enable_batching",
        f"--batching_parameters_file={folder / 'batching.config'}",
        f"--monitoring_config_file={folder / 'monitoring.config'}",
    ]

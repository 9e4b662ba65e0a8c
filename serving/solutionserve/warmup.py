"""Warm-up: a version runs the requests that were exported with it before it takes traffic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from solutionserve.errors import Code, ServingError, invalid
from solutionserve.inference import plan_logged
from solutionserve.limits import Limits
from solutionserve.model import LoadedModel
from solutionserve.tensors import described, to_array
from solutionserve.wire import parse

FILE = "assets.extra/tf_serving_warmup_requests"
MOST_RECORDS = 1000


def warm_up(model: LoadedModel, folder: Path, limits: Limits, rounds: int = 1) -> int:
    """Run the logged requests that a version brings.

    Args:
        model: The loaded version.
        folder: Its folder.
        limits: What a request may be.
        rounds: How often each request runs.

    Returns:
        The number of requests read; 0 without a file.

    Raises:
        ServingError: The file is damaged or a request fails; such a version must not serve.
    """
    file = folder / FILE
    if not file.is_file():
        return 0
    count = 0
    try:
        for record in tf.compat.v1.io.tf_record_iterator(str(file)):
            count += 1
            if count > MOST_RECORDS:
                raise invalid(f"Number of warmup records exceeds the maximum ({MOST_RECORDS}) at {file}")
            plan = plan_logged(model.signatures, parse(prediction_log_pb2.PredictionLog, record), limits)
            for _ in range(rounds):
                plan.run(model)
    except tf.errors.DataLossError:
        raise ServingError(
            Code.DATA_LOSS, f"{file}: damaged. Please verify your warmup data is in TFRecord format."
        ) from None
    except ServingError as error:
        raise ServingError(error.code, f"{file}: warm-up request {count}: {error.message}") from None
    return count


def logged_inputs(folder: Path, signature: str) -> dict[str, np.ndarray]:
    """The inputs of the last logged Predict request of a signature: real rows, to try a model with.

    Raises:
        ServingError: The version brings none.
    """
    file, request_found = folder / FILE, None
    if file.is_file():
        for record in tf.compat.v1.io.tf_record_iterator(str(file)):
            request = parse(prediction_log_pb2.PredictionLog, record).predict_log.request
            if request.model_spec.signature_name == signature:
                request_found = request
    if request_found is None:
        raise ServingError(Code.NOT_FOUND, f"{file}: has no request of the signature {signature}")
    return {
        name: to_array(value, name, described(value, name)) for name, value in request_found.inputs.items()
    }

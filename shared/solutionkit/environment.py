"""Settings that must be in place before TensorFlow is imported."""

from __future__ import annotations

import os


def prepare_environment() -> None:
    """Set what TensorFlow, Keras and Beam read from the environment at import."""
    # Importing tensorflow_transform would otherwise switch tf.keras to Keras 2.
    os.environ["TF_USE_LEGACY_KERAS"] = "0"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

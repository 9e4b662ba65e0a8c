"""What a user would write with FastAPI: the SavedModel behind one POST, JSON in and out."""

from __future__ import annotations

import os
import sys
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
import tensorflow as tf
import uvicorn
from fastapi import FastAPI

app = FastAPI()
signature = tf.saved_model.load(sys.argv[1]).signatures["serving_raw"]
types = {name: spec.dtype for name, spec in signature.structured_input_signature[1].items()}


@app.post("/v1/models/m:predict")
def predict(body: dict[str, Any]) -> dict[str, Any]:
    """The probabilities of columnar inputs; FastAPI runs this on its thread pool."""
    inputs = {name: tf.constant(body["inputs"][name], kind) for name, kind in types.items()}
    return {"outputs": signature(**inputs)["probability"].numpy().tolist()}


if __name__ == "__main__":
    uvicorn.run(app, host="localhost", port=int(sys.argv[2]), log_level="warning")

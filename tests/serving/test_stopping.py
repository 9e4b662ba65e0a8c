"""The server's end: what is under way is answered, what has come is not cancelled."""

import asyncio
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving.served import X
from solutionserve.client import Client
from solutionserve.embedded import Running, running

pytestmark = pytest.mark.slow


def test_sigterm_lets_requests_under_way_finish(tmp_path: Path) -> None:
    class Slow(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
        def predict(self, x):
            y = x
            for _ in tf.range(tf.cast(x[0], tf.int32)):
                noise = tf.random.uniform([200, 200])
                y = tf.reduce_sum(tf.matmul(noise, noise)) * 0.0 + y
            return {"y": y}

    module = Slow()
    tf.saved_model.save(module, str(tmp_path / "m/1"), {"serving_default": module.predict})
    answers: list[object] = []
    with running("--model_name=m", f"--model_base_path={tmp_path / 'm'}") as server:

        def ask(address: str) -> None:
            with Client(address, "m", retries=0) as client:
                client.signature()
                answers.append(client.predict({"x": np.float32([8000.0])})["y"][0])

        threads = [threading.Thread(target=ask, args=[address]) for address in (server.grpc, server.rest)]
        for thread in threads:
            thread.start()
        time.sleep(1.5)
        assert not answers, "the model is too fast for this test"
        server.process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(60)
        assert answers == [8000.0, 8000.0]
        assert server.process.wait(60) == 0


def test_a_stopping_server_cancels_nothing_that_it_has_accepted(base: Path, tmp_path: Path) -> None:
    """gRPC itself cancels calls that wait to be begun, which plain clients do not try again.

    Clients that ask again at once, while other processes want the CPU, meet that in each of its stops.
    """
    codes: Counter[str] = Counter()
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "m"
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(X["x"]))

    async def ask(address: str, ended: asyncio.Event) -> None:
        async with grpc.aio.insecure_channel(address) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            while not ended.is_set():
                try:
                    await stub.Predict(request, timeout=20)
                    codes["OK"] += 1
                except grpc.RpcError as error:
                    codes[error.code().name] += 1
                    await asyncio.sleep(0.001)

    async def whole(server: Running) -> None:
        ended = asyncio.Event()
        addresses = (server.grpc, f"unix:{path}")
        tasks = [asyncio.create_task(ask(address, ended)) for address in addresses * 16]
        await asyncio.sleep(1.0)
        server.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(2.0)
        ended.set()
        await asyncio.gather(*tasks)

    path = tmp_path / "socket"
    with running("--model_name=m", f"--model_base_path={base}", f"--grpc_socket_path={path}") as server:
        asyncio.run(whole(server))
    assert codes["OK"] > 100
    assert codes.keys() == {"OK", "UNAVAILABLE"}

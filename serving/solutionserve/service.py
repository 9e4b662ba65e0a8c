"""What both APIs do with a request: find the version, run it within the limits, count, log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    inference_pb2,
    model_pb2,
    predict_pb2,
    prediction_log_pb2,
    regression_pb2,
)

from solutionserve import inference
from solutionserve.admission import Admission
from solutionserve.audit_trail import AuditTrail, entries_of
from solutionserve.batching import Runner
from solutionserve.errors import Code, ServingError, invalid
from solutionserve.inference import Plan
from solutionserve.limits import Limits
from solutionserve.manager import ModelManager
from solutionserve.metrics import Metrics
from solutionserve.model import Signatures
from solutionserve.request_log import RequestLog
from solutionserve.tensors import packed

Planner = Callable[[Signatures, int], Plan]
# Above this a message is read or written on a thread: a megabyte of it takes milliseconds.
LARGE = 1 << 18
# Each API's field in a PredictionLog, and the message in it.
LOGGED: dict[str, tuple[str, Callable[..., Any]]] = {
    "Predict": ("predict_log", prediction_log_pb2.PredictLog),
    "Classify": ("classify_log", prediction_log_pb2.ClassifyLog),
    "Regress": ("regress_log", prediction_log_pb2.RegressLog),
    "MultiInference": ("multi_inference_log", prediction_log_pb2.MultiInferenceLog),
}


class PredictionService:
    """TensorFlow Serving's PredictionService, whatever brings the requests.

    Args:
        manager: Where the models are.
        runner: What runs them.
        limits: What a client may ask for.
        metrics: Where requests are counted.
        trail: Where predictions are logged before they are told, if that is wanted.
    """

    def __init__(
        self,
        manager: ModelManager,
        runner: Runner,
        limits: Limits,
        metrics: Metrics,
        trail: AuditTrail | None = None,
    ) -> None:
        self.manager = manager
        self.limits = limits
        self.metrics = metrics
        self.admission = Admission(limits.requests, limits.request_bytes)
        self._runner = runner
        self._trail = trail
        metrics.in_flight.set_function(lambda: self.admission.requests)
        self._logs: dict[str, RequestLog] = {}

    async def predict(
        self, request: predict_pb2.PredictRequest, entrypoint: str, sent: int
    ) -> predict_pb2.PredictResponse:
        """Answer Predict; `sent` is the request's size in bytes, here and below."""
        plan = self._planner(inference.plan_predict, request, sent)
        response: predict_pb2.PredictResponse = await self._answer_message(
            "Predict", request, request.model_spec, entrypoint, plan, sent
        )
        return response

    async def predict_arrays(
        self,
        spec: model_pb2.ModelSpec,
        read: Callable[[Any], Mapping[str, np.ndarray]],
        write: Callable[[inference.Outputs], bytes],
        entrypoint: str,
        sent: int,
    ) -> bytes:
        """Answer Predict for a client that does not speak TensorProto.

        Args:
            spec: The model, and the signature.
            read: Given the signature, makes the input arrays.
            write: Makes the answer of the outputs by name.
            entrypoint: For the metrics.
            sent: The request's size in bytes.
        """
        given: Mapping[str, np.ndarray] = {}
        answered: inference.Outputs = {}

        def answer(outputs: inference.Outputs) -> bytes:
            nonlocal answered
            answered = outputs
            return write(outputs)

        def plan(signatures: Signatures, version: int) -> Plan:
            nonlocal given
            name = spec.signature_name or inference.DEFAULT_SIGNATURE
            if name not in signatures:
                raise invalid(f'Serving signature name: "{name}" not found in signature def')
            signature = signatures[name]
            given = read(signature)
            inference.check_names(signature, given)
            for key, value in given.items():
                signature.inputs[key].check(key, value.dtype, value.shape)
            return inference.plan_tensors(signature, given, (), answer)

        response, version = await self._answer(spec, "Predict", entrypoint, plan, sent)
        if log := self._sampled(spec.name):
            record = prediction_log_pb2.PredictLog()
            record.request.model_spec.CopyFrom(spec)
            record.response.model_spec.CopyFrom(inference.answered_by(spec, spec.signature_name, version))
            for target, arrays in ((record.request.inputs, given), (record.response.outputs, answered)):
                for name, value in arrays.items():
                    target[name].CopyFrom(packed(value))
            log.add(_logged(spec, version, predict_log=record))
        return response  # type: ignore[no-any-return]

    async def classify(
        self, request: classification_pb2.ClassificationRequest, entrypoint: str, sent: int
    ) -> classification_pb2.ClassificationResponse:
        """Answer Classify."""
        plan = self._planner(inference.plan_classify, request, sent)
        response: classification_pb2.ClassificationResponse = await self._answer_message(
            "Classify", request, request.model_spec, entrypoint, plan, sent
        )
        return response

    async def regress(
        self, request: regression_pb2.RegressionRequest, entrypoint: str, sent: int
    ) -> regression_pb2.RegressionResponse:
        """Answer Regress."""
        plan = self._planner(inference.plan_regress, request, sent)
        response: regression_pb2.RegressionResponse = await self._answer_message(
            "Regress", request, request.model_spec, entrypoint, plan, sent
        )
        return response

    async def multi_inference(
        self, request: inference_pb2.MultiInferenceRequest, entrypoint: str, sent: int
    ) -> inference_pb2.MultiInferenceResponse:
        """Answer MultiInference."""
        spec = inference.multi_inference_model(request)
        plan = self._planner(inference.plan_multi_inference, request, sent)
        response: inference_pb2.MultiInferenceResponse = await self._answer_message(
            "MultiInference", request, spec, entrypoint, plan, sent
        )
        return response

    def metadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """Answer GetModelMetadata."""
        with self.manager.use(request.model_spec) as (version, model):
            return inference.metadata(model.signatures, request, version)

    def update_logs(self) -> None:
        """Start and end request logs as the models' configurations say."""
        wanted = {
            name: config.logging_config
            for name, config in self.manager.configs.items()
            if config.logging_config.sampling_config.sampling_rate > 0
        }
        for name, log in list(self._logs.items()):
            if log.config != wanted.get(name):
                self._logs.pop(name).close()
        for name, config in wanted.items():
            if name not in self._logs:
                self._logs[name] = RequestLog(name, config, partial(self._count_logged, name))

    def _count_logged(self, name: str, status: str) -> None:
        self.metrics.logged.labels(name, status).inc()

    def close(self) -> None:
        """Write out the request logs and end the threads."""
        for log in self._logs.values():
            log.close()
        self._logs.clear()
        self._runner.close()

    def _sampled(self, name: str) -> RequestLog | None:
        log = self._logs.get(name)
        return log if log is not None and log.sampled() else None

    def _planner(self, make: Callable[..., Plan], request: Any, sent: int) -> Planner:
        return lambda signatures, version: make(
            request, inference.Context(signatures, version, self.limits, sent)
        )

    async def _answer_message(
        self, api: str, request: Any, spec: model_pb2.ModelSpec, entrypoint: str, planner: Planner, sent: int
    ) -> Any:
        """Answer a protocol buffer with another, and log both if the sample wants them."""
        response, version = await self._answer(spec, api, entrypoint, planner, sent)
        if log := self._sampled(spec.name):
            field, kind = LOGGED[api]
            log.add(_logged(spec, version, **{field: kind(request=request, response=response)}))
        return response

    async def _answer(
        self, spec: model_pb2.ModelSpec, api: str, entrypoint: str, planner: Planner, sent: int
    ) -> tuple[Any, int]:
        """Plan, run and count a request; the answer and the version that made it."""
        # Names that are not served share one label, lest clients fill the memory with labels.
        label = spec.name if spec.name in self.manager.configs else ""
        counted = self.metrics.of(label, api, entrypoint)
        started, status = time.perf_counter(), Code.OK
        try:
            with self.manager.use(spec) as (version, model):
                plan = await on_thread_if(sent > LARGE, planner, model.signatures, version)
                if plan.rows is not None:
                    self.limits.check_rows(plan.rows)
                    counted.rows.observe(plan.rows)
                    counted.rows_total.inc(plan.rows)
                began = time.perf_counter()
                outputs = await self._runner.run(model, plan)
                counted.runtime.observe((time.perf_counter() - began) * 1e6)
                if self._trail:
                    await self._trail.add(partial(_audited, spec.name, version, plan, outputs))
                large = sum(value.nbytes for value in outputs.values()) > LARGE
                return await on_thread_if(large, plan.answer, outputs), version
        except ServingError as error:
            status = error.code
            raise
        except asyncio.CancelledError:
            status = Code.CANCELLED
            raise
        except Exception:
            status = Code.INTERNAL
            raise
        finally:
            counted.latency.observe((time.perf_counter() - started) * 1e6)
            if status is Code.OK:
                counted.answered.inc()
            else:
                self.metrics.requests.labels(label, status.name).inc()


def _audited(model: str, version: int, plan: Plan, outputs: inference.Outputs) -> list[dict[str, Any]]:
    """What is logged of an answered request."""
    inputs = {alias: plan.feeds[tensor] for alias, tensor in plan.inputs.items()}
    told = {alias: outputs[tensor] for alias, tensor in plan.outputs.items()}
    return entries_of(model, version, inputs, told, plan.rows)


async def on_thread_if(large: bool, function: Callable[..., Any], *arguments: object) -> Any:
    """A function's result; of large things on a thread, so that other requests go on meanwhile.

    Who is cancelled meanwhile waits for the thread all the same: it holds memory until then.
    """
    if not large:
        return function(*arguments)
    working = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.gather(working, return_exceptions=True)
        raise


def _logged(spec: model_pb2.ModelSpec, version: int, **record: Any) -> prediction_log_pb2.PredictionLog:
    log = prediction_log_pb2.PredictionLog(**record)
    log.log_metadata.model_spec.CopyFrom(inference.answered_by(spec, spec.signature_name, version))
    log.log_metadata.saved_model_tags.append("serve")
    return log

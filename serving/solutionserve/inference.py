"""The five kinds of request as plans: what to feed, what to fetch, how to answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    inference_pb2,
    input_pb2,
    model_pb2,
    predict_pb2,
    prediction_log_pb2,
    regression_pb2,
)

from solutionserve.errors import SHOWN, Code, ServingError, invalid, listed
from solutionserve.limits import Limits
from solutionserve.model import LoadedModel, Signature, Signatures
from solutionserve.results import classifications, regressions
from solutionserve.tensors import NUMPY, described, to_array, to_proto

DEFAULT_SIGNATURE = "serving_default"
CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"
MOST_TASKS = 1000
Outputs = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Plan:
    """One run of a model.

    Attributes:
        feeds: Values by the graph's tensor names.
        fetches: The graph's tensor names.
        rows: The first dimension of all feeds; None if they have none in common.
        answer: Makes the response of the fetched values.
        inputs: The tensors fed, by the names that clients know.
        outputs: Those fetched, likewise.
    """

    feeds: dict[str, np.ndarray]
    fetches: tuple[str, ...]
    rows: int | None
    answer: Callable[[Outputs], Any]
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)

    def run(self, model: LoadedModel) -> Any:
        """Run at once, in this thread."""
        return self.answer(model.run(self.feeds, self.fetches))


@dataclass(frozen=True)
class Context:
    """What a request meets.

    Attributes:
        signatures: The model's.
        version: Its version, for the answer.
        limits: What a request may cost.
        sent: The request's size in bytes.
    """

    signatures: Signatures
    version: int
    limits: Limits
    sent: int


def plan_predict(request: predict_pb2.PredictRequest, context: Context) -> Plan:
    """A Predict request; names, types, shapes and sizes are checked before an array is made.

    Raises:
        ServingError: The request does not fit the signature.
    """
    name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    signature = predict_signature(context.signatures, name)
    given = request.inputs
    check_names(signature, given)
    known = {}
    for key, tensor in signature.inputs.items():
        known[key] = described(given[key], key)
        tensor.check(key, NUMPY[given[key].dtype], known[key].shape)
    context.limits.check_arrays(sum(item.size for item in known.values()), context.sent)
    context.limits.check_rows(common_rows(item.shape for item in known.values()))
    inputs = {key: to_array(given[key], key, item) for key, item in known.items()}
    spec = answered_by(request.model_spec, name, context.version)

    def answer(outputs: Outputs) -> predict_pb2.PredictResponse:
        response = predict_pb2.PredictResponse(model_spec=spec)
        for alias, value in outputs.items():
            response.outputs[alias].CopyFrom(to_proto(value))
        return response

    return plan_tensors(signature, inputs, list(request.output_filter), answer)


def predict_signature(signatures: Signatures, name: str) -> Signature:
    """The signature that a Predict request names."""
    if name not in signatures:
        raise ServingError(
            Code.FAILED_PRECONDITION,
            f'Serving signature key "{name}" not found.',
        )
    return signatures[name]


def check_names(signature: Signature, given: Mapping[str, Any]) -> None:
    """Refuse inputs that are not just the signature's."""
    if given.keys() == signature.inputs.keys():
        return
    extra, missing = given.keys() - signature.inputs.keys(), signature.inputs.keys() - given.keys()
    raise invalid(
        f"input size does not match signature: {len(given)}!={len(signature.inputs)}."
        f" Sent extra: {{{listed(extra)}}}. Missing but required: {{{listed(missing)}}}."
    )


def plan_tensors(
    signature: Signature,
    inputs: Mapping[str, np.ndarray],
    output_filter: Sequence[str],
    answer: Callable[[Outputs], Any],
) -> Plan:
    """Checked tensors through a signature; `answer` gets them by the signature's output names.

    Args:
        signature: The signature.
        inputs: Arrays by its input names.
        output_filter: Names of the outputs wanted; all if empty.
        answer: Makes the answer of the outputs.

    Raises:
        ServingError: There are no such outputs.
    """
    aliases = list(output_filter) or list(signature.outputs)
    seen: set[str] = set()
    for alias in output_filter:
        if alias not in signature.outputs:
            known = ",".join(sorted(signature.outputs))
            raise invalid(
                f"output tensor alias not found in signature: {alias[:SHOWN]}"
                f" Outputs expected to be in the set {{{known}}}."
            )
        if alias in seen:
            raise invalid(f"duplicate output tensor alias: {alias}")
        seen.add(alias)
    tensors = {alias: signature.outputs[alias].name for alias in aliases}
    # In the signature's order, so that all requests share one callable and one batch.
    feeds = {tensor.name: inputs[name] for name, tensor in signature.inputs.items()}
    return Plan(
        feeds,
        tuple(sorted(set(tensors.values()))),
        common_rows(value.shape for value in feeds.values()),
        lambda outputs: answer({alias: outputs[tensor] for alias, tensor in tensors.items()}),
        {alias: tensor.name for alias, tensor in signature.inputs.items()},
        tensors,
    )


def common_rows(shapes: Iterable[tuple[int, ...]]) -> int | None:
    """The first dimension that all shapes share, if they do."""
    sizes = {shape[0] if shape else None for shape in shapes}
    return sizes.pop() if len(sizes) == 1 else None


def plan_classify(request: classification_pb2.ClassificationRequest, context: Context) -> Plan:
    """A Classify request.

    Raises:
        ServingError: The request or the signature is no such thing.
    """
    signature, name = method_signature(context.signatures, request.model_spec, CLASSIFY)
    examples = serialized_examples(request.input, context.limits, context.sent)
    spec = answered_by(request.model_spec, name, context.version)

    def answer(outputs: Outputs) -> classification_pb2.ClassificationResponse:
        result = classifications(signature, outputs, len(examples))
        return classification_pb2.ClassificationResponse(model_spec=spec, result=result)

    return plan_examples([signature], examples, answer)


def plan_regress(request: regression_pb2.RegressionRequest, context: Context) -> Plan:
    """A Regress request.

    Raises:
        ServingError: The request or the signature is no such thing.
    """
    signature, name = method_signature(context.signatures, request.model_spec, REGRESS)
    examples = serialized_examples(request.input, context.limits, context.sent)
    spec = answered_by(request.model_spec, name, context.version)

    def answer(outputs: Outputs) -> regression_pb2.RegressionResponse:
        result = regressions(signature, outputs, len(examples))
        return regression_pb2.RegressionResponse(model_spec=spec, result=result)

    return plan_examples([signature], examples, answer)


def plan_multi_inference(request: inference_pb2.MultiInferenceRequest, context: Context) -> Plan:
    """Several signatures over the same examples, in one run.

    Raises:
        ServingError: The tasks do not go together.
    """
    if len(request.tasks) > len(context.signatures):
        raise invalid(f"{len(request.tasks):,} tasks for a model of {len(context.signatures)} signatures")
    tasks = [
        (task, *method_signature(context.signatures, task.model_spec, task.method_name))
        for task in request.tasks
    ]
    names = [name for _, _, name in tasks]
    for name in names:
        if names.count(name) > 1:
            raise invalid(f"Duplicate evaluation of signature: {name}")
    examples = serialized_examples(request.input, context.limits, context.sent)

    def answer(outputs: Outputs) -> inference_pb2.MultiInferenceResponse:
        response = inference_pb2.MultiInferenceResponse()
        for task, signature, name in tasks:
            result = response.results.add(model_spec=answered_by(task.model_spec, name, context.version))
            if task.method_name == CLASSIFY:
                result.classification_result.CopyFrom(classifications(signature, outputs, len(examples)))
            else:
                result.regression_result.CopyFrom(regressions(signature, outputs, len(examples)))
        return response

    return plan_examples([signature for _, signature, _ in tasks], examples, answer)


def multi_inference_model(request: inference_pb2.MultiInferenceRequest) -> model_pb2.ModelSpec:
    """The one model that all tasks must name.

    Raises:
        ServingError: There are no tasks, or they name several models.
    """
    if not request.tasks:
        raise invalid("MultiInferenceRequest has no tasks.")
    if len(request.tasks) > MOST_TASKS:
        raise invalid(f"{len(request.tasks):,} tasks in one request; at most {MOST_TASKS:,} are taken")
    names = {task.model_spec.name for task in request.tasks}
    if "" in names:
        raise invalid("Found ModelSpec with an empty model name.")
    if len(names) > 1:
        raise invalid("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
    return request.tasks[0].model_spec


def method_signature(signatures: Signatures, spec: model_pb2.ModelSpec, method: str) -> tuple[Signature, str]:
    """The signature that Classify or Regress needs, and its name.

    Its inputs and outputs decide, not its method_name: TensorFlow 2 exports all signatures as Predict.

    Raises:
        ServingError: There is none, or it is of another kind.
    """
    if method not in (CLASSIFY, REGRESS):
        raise invalid(f"Unrecognized signature method_name: {method}")
    name = spec.signature_name or DEFAULT_SIGNATURE
    if name not in signatures:
        raise invalid(f"No signature was found with the name: {name}")
    signature = signatures[name]
    if list(signature.inputs) != ["inputs"]:
        raise invalid("Expected one input Tensor.")
    known = {"classes", "scores"} if method == CLASSIFY else {"outputs"}
    if not signature.outputs or not set(signature.outputs) <= known:
        raise invalid(
            f"Expected signature outputs to be among {sorted(known)}, found {sorted(signature.outputs)}"
        )
    return signature, name


def serialized_examples(given: input_pb2.Input, limits: Limits, sent: int) -> list[bytes]:
    """The examples of a request of `sent` bytes, each merged over the context they share.

    Raises:
        ServingError: There are none, or too many, or they repeat too large a context.
    """
    kind = given.WhichOneof("kind")
    examples = getattr(given, kind).examples if kind else []
    if not examples:
        raise invalid("Input is empty.")
    limits.check_rows(len(examples))
    context = b""
    if kind == "example_list_with_context":
        context = given.example_list_with_context.context.SerializeToString()
        limits.check_arrays(len(examples) * len(context), sent)
    # Serialized messages one after the other are their merge.
    return [context + example.SerializeToString() for example in examples]


def plan_examples(
    signatures: Sequence[Signature],
    examples: list[bytes],
    answer: Callable[[Outputs], Any],
) -> Plan:
    """Serialized examples through signatures that share their input."""
    values = np.array(examples, object)
    fetches = [tensor.name for signature in signatures for tensor in signature.outputs.values()]
    feeds = {signature.inputs["inputs"].name: values for signature in signatures}
    inputs = {"inputs": next(iter(feeds))}
    # Of several signatures, outputs of one name are told apart by their tensors.
    aliases = [alias for signature in signatures for alias in signature.outputs]
    outputs = {
        alias if aliases.count(alias) == 1 else f"{alias} {tensor.name}": tensor.name
        for signature in signatures
        for alias, tensor in signature.outputs.items()
    }
    return Plan(feeds, tuple(dict.fromkeys(fetches)), len(examples), answer, inputs, outputs)


def metadata(
    signatures: Signatures, request: get_model_metadata_pb2.GetModelMetadataRequest, version: int
) -> get_model_metadata_pb2.GetModelMetadataResponse:
    """The answer to GetModelMetadata.

    Raises:
        ServingError: The request asks for nothing, or for something unknown.
    """
    if not request.metadata_field:
        raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
    for wanted in request.metadata_field:
        if wanted != "signature_def":
            raise invalid(f"Metadata field {wanted} is not supported")
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.model_spec.name = request.model_spec.name
    response.model_spec.version.value = version
    known = get_model_metadata_pb2.SignatureDefMap()
    for name, signature in signatures.items():
        known.signature_def[name].CopyFrom(signature.definition)
    response.metadata["signature_def"].Pack(known)
    return response


def plan_logged(signatures: Signatures, log: prediction_log_pb2.PredictionLog, limits: Limits) -> Plan:
    """A logged request, to be run again (warm-up).

    Raises:
        ServingError: The log is of an unsupported kind or does not fit the model.
    """
    kind, context = log.WhichOneof("log_type"), Context(signatures, 0, limits, log.ByteSize())
    if kind == "predict_log":
        return plan_predict(log.predict_log.request, context)
    if kind == "classify_log":
        return plan_classify(log.classify_log.request, context)
    if kind == "regress_log":
        return plan_regress(log.regress_log.request, context)
    if kind == "multi_inference_log":
        return plan_multi_inference(log.multi_inference_log.request, context)
    raise ServingError(Code.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind}")


def answered_by(asked: model_pb2.ModelSpec, signature: str, version: int) -> model_pb2.ModelSpec:
    """The ModelSpec of a response: what was asked, with the version that answered."""
    spec = model_pb2.ModelSpec(name=asked.name, signature_name=signature)
    spec.version.value = version
    return spec

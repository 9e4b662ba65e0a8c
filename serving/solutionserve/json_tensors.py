"""JSON bodies of the REST API to arrays and back, by TensorFlow Serving's rules.

A Predict body has `instances` (a list, one item a row) or `inputs` (whole tensors by name, "columnar").
Text that is not UTF-8 goes as `{"b64": "..."}`, in answers for outputs whose name ends in `_bytes`.
NaN, Infinity and -Infinity are allowed as bare words, though JSON does not know them.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
from google.protobuf.message import Message
from tensorflow.core.framework import types_pb2

from solutionserve.errors import SHOWN, Code, ServingError, invalid, listed
from solutionserve.limits import Limits
from solutionserve.model import Signature
from solutionserve.tensors import NUMPY, type_name

# Escapes of half a character, which only Python's parser takes for text.
HALF_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")
DEEPEST = 64
# Python's own parser takes a second for so many bytes of long numbers, and lets nobody else work meanwhile.
LARGEST_SLOW = 8 << 20
JSON_NAMES = {
    type(None): "Null",
    bool: "Boolean",
    int: "Number",
    float: "Number",
    str: "String",
    dict: "Object",
    list: "Array",
}


def parse_body(body: bytes) -> dict[str, Any]:
    """A request's body, which must be a JSON object.

    Raises:
        ServingError: It is not.
    """
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if len(body) > LARGEST_SLOW:
            raise invalid(
                f"JSON Parse error: {error}"
                f" (NaN and Infinity are read in bodies of up to {LARGEST_SLOW:,} bytes)"
            ) from None
        # Only Python's own parser knows NaN and Infinity.
        try:
            parsed = json.loads(body.decode("utf-8"))
        except RecursionError:
            raise invalid("JSON Parse error: nested too deeply") from None
        except UnicodeDecodeError as error:
            raise invalid(f"JSON Parse error: not UTF-8 at byte {error.start}") from None
        except ValueError as error:
            raise invalid(f"JSON Parse error: {error}") from None
        if HALF_CHARACTER.search(body):
            try:
                json.dumps(parsed, ensure_ascii=False).encode()
            except UnicodeEncodeError:
                raise invalid("JSON Parse error: half a surrogate pair is no character") from None
    if not isinstance(parsed, dict):
        raise invalid(f"JSON Value: {shown(parsed)} Is not object")
    return parsed


def signature_name(body: Mapping[str, Any]) -> str:
    """The signature that a body asks for, or the empty name.

    Raises:
        ServingError: It is no text.
    """
    name = body.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid("'signature_name' key must be a string value.")
    return name


def is_by_row(body: Mapping[str, Any]) -> bool:
    """Whether a Predict body has `instances`, not `inputs`.

    Raises:
        ServingError: It has both or neither.
    """
    if "instances" in body and "inputs" in body:
        raise invalid("Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist")
    if "instances" not in body and "inputs" not in body:
        raise invalid("Missing 'inputs' or 'instances' key")
    return "instances" in body


def read_tensors(body: Mapping[str, Any], signature: Signature, limits: Limits) -> dict[str, np.ndarray]:
    """The input arrays of a Predict body.

    Raises:
        ServingError: Names, types or shapes do not fit the signature.
    """
    types = {name: tensor.kind for name, tensor in signature.inputs.items()}
    if is_by_row(body):
        return _by_row(body["instances"], types, limits)
    inputs = body["inputs"]
    if isinstance(inputs, dict) and not is_base64(inputs):
        for name in types:
            if name not in inputs:
                raise invalid(f"Missing named input: {name} in 'inputs' object.")
        return {name: to_array(inputs[name], kind, f"inputs['{name}']") for name, kind in types.items()}
    if len(types) > 1:
        raise invalid(
            "inputs is a plain value/list, but expecting an object as multiple input tensors required:"
            f" {','.join(sorted(types))}"
        )
    return {name: to_array(inputs, kind, "inputs") for name, kind in types.items()}


def _by_row(instances: Any, types: Mapping[str, int], limits: Limits) -> dict[str, np.ndarray]:
    if not isinstance(instances, list):
        raise invalid("Expecting 'instances' to be an list/array")
    if not instances:
        raise invalid("No values in 'instances' array")
    limits.check_rows(len(instances))
    named = isinstance(instances[0], dict) and not is_base64(instances[0])
    if not named and len(types) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors required:"
            f" {','.join(sorted(types))}"
        )
    if not named:
        return {name: to_array(instances, kind, "instances") for name, kind in types.items()}
    expected = types.keys()
    for row, instance in enumerate(instances):
        if not isinstance(instance, dict):
            raise invalid(f"Expecting object but got list at item {row} of input list")
        if instance.keys() != expected:
            raise invalid(
                f"Failed to process element: {row} of 'instances' list."
                f" Missing: {{{','.join(sorted(expected - instance.keys()))}}}."
                f" Unknown: {{{listed(instance.keys() - expected)}}}."
                f" The keys must be equal to: {','.join(sorted(expected))}"
            )
    return {
        name: to_array([instance[name] for instance in instances], kind, f"instances[*]['{name}']")
        for name, kind in types.items()
    }


def to_array(value: Any, kind: int, where: str) -> np.ndarray:
    """A scalar or nested lists as an array of a type.

    Raises:
        ServingError: The lists are ragged, or a value is of another type.
    """
    dtype = NUMPY.get(kind)
    if dtype is None:
        raise invalid(f"{where}: type {type_name(kind)} cannot be sent as JSON")
    shape: list[int] = []
    inner = value
    while isinstance(inner, list):
        shape.append(len(inner))
        if len(shape) > DEEPEST:
            raise invalid(f"{where}: nested deeper than {DEEPEST} lists")
        inner = inner[0] if inner else None
    leaves: list[Any] = []
    _flatten(value, shape, 0, leaves, where)
    if kind == types_pb2.DT_STRING:
        leaves = [text_bytes(item, where) for item in leaves]
    else:
        _check_numbers(leaves, kind, dtype, where)
    try:
        if kind == types_pb2.DT_STRING:
            array = np.empty(len(leaves), object)
            array[:] = leaves
        else:
            array = np.array(leaves, dtype)
    except OverflowError:
        raise invalid(f"{where}: a value is out of range for {type_name(kind)}") from None
    return array.reshape(shape)


def _flatten(value: Any, shape: list[int], level: int, leaves: list[Any], where: str) -> None:
    if level == len(shape):
        if isinstance(value, list):
            raise invalid(f"{where}: Encountered list at unexpected level: {level} expected < {len(shape)}")
        leaves.append(value)
        return
    if not isinstance(value, list):
        raise invalid(
            f"{where}: JSON Value: {shown(value)} found at incorrect level: {level + 1}"
            f" in the JSON DOM. Expected at level: {len(shape)}"
        )
    if len(value) != shape[level]:
        raise invalid(
            f"{where}: Encountered list at unexpected size: {len(value)} at level: {level}"
            f" expected size: {shape[level]}"
        )
    if level == len(shape) - 1 and list not in set(map(type, value)):
        leaves.extend(value)
        return
    for item in value:
        _flatten(item, shape, level + 1, leaves, where)


def _check_numbers(leaves: list[Any], kind: int, dtype: np.dtype, where: str) -> None:
    """Refuse values of another type; whole numbers are fine where decimals are wanted."""
    allowed = {bool} if dtype.kind == "b" else {float, int} if dtype.kind == "f" else {int}
    if set(map(type, leaves)) <= allowed:
        return
    row, wrong = next((row, item) for row, item in enumerate(leaves) if type(item) not in allowed)
    raise invalid(
        f"{where}: JSON Value: {shown(wrong)} Type: {JSON_NAMES[type(wrong)]} at {row}"
        f" is not of expected type: {type_name(kind)}"
    )


def text_bytes(value: Any, where: str) -> bytes:
    """The bytes of a JSON text, or of `{"b64": "..."}`."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, dict):
        return decode_base64(value, where)
    raise invalid(
        f"{where}: JSON Value: {shown(value)} Type: {JSON_NAMES[type(value)]} is not of expected type: string"
    )


def is_base64(value: Any) -> bool:
    """Whether a JSON value is `{"b64": "..."}`."""
    return isinstance(value, dict) and value.keys() == {"b64"} and isinstance(value["b64"], str)


def decode_base64(value: Any, where: str) -> bytes:
    """The bytes of `{"b64": "..."}`.

    Raises:
        ServingError: It is no such object.
    """
    if not is_base64(value):
        raise invalid(f"{where}: JSON Value: {shown(value)} not formatted correctly for base64 data")
    text = value["b64"]
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise invalid(f"{where}: Unable to base64 decode") from None


def write_tensors(outputs: Mapping[str, np.ndarray], by_row: bool) -> bytes:
    """The answer to Predict.

    Raises:
        ServingError: By row, the outputs have no rows in common.
    """
    if by_row:
        sizes = {name: value.shape[0] if value.ndim else None for name, value in outputs.items()}
        if len(set(sizes.values())) != 1 or None in sizes.values():
            raise invalid(
                f"outputs have no rows in common ({sizes}); send 'inputs' instead of 'instances' for these"
            )
    jsonable = {name: _jsonable(name, value) for name, value in outputs.items()}
    body: Any
    if len(jsonable) == 1:
        body = next(iter(jsonable.values()))
    elif by_row:
        rows = len(next(iter(outputs.values())))
        body = [{name: value[row] for name, value in jsonable.items()} for row in range(rows)]
    else:
        body = jsonable
    return dump({"predictions" if by_row else "outputs": body})


def _jsonable(name: str, value: np.ndarray) -> Any:
    if value.dtype == object:
        as_bytes = name.endswith("_bytes")
        return _nested_text(value.tolist(), as_bytes)
    if value.dtype.kind == "f":
        if not np.isfinite(value).all():
            # The shortest text of a float32 has no noise digits; orjson would write null.
            shortest = [float(str(item)) for item in value.ravel()]
            return np.array(shortest).reshape(value.shape).tolist()
        if value.dtype.itemsize == 2:
            value = value.astype(np.float32)
    return np.ascontiguousarray(value) if value.ndim else value[()]


def _nested_text(value: Any, as_bytes: bool) -> Any:
    if isinstance(value, list):
        return [_nested_text(item, as_bytes) for item in value]
    return {"b64": base64.b64encode(value).decode()} if as_bytes else value.decode("utf-8", "replace")


def dump(value: Any) -> bytes:
    """JSON; numbers that JSON does not know as the bare words NaN, Infinity and -Infinity."""
    if _has_unknown_numbers(value):
        return json.dumps(value, default=lambda item: item.tolist()).encode()
    try:
        return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError as error:
        raise ServingError(Code.UNIMPLEMENTED, f"the outputs cannot be written as JSON: {error}") from None


def _has_unknown_numbers(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_unknown_numbers(item) for item in value.values())
    if isinstance(value, list):
        return any(_has_unknown_numbers(item) for item in value)
    return isinstance(value, float) and not math.isfinite(value)


def shown(value: Any) -> str:
    """A value as JSON for a message, cut short."""
    inner = value.values() if isinstance(value, dict) else value
    if isinstance(value, (dict, list)) and (
        len(value) > SHOWN or any(isinstance(item, (dict, list)) for item in inner)
    ):
        return f"{JSON_NAMES[type(value)]} of {len(value)} items"
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return f"{JSON_NAMES[type(value)]} nested deeply"
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def message_json(message: Message) -> dict[str, Any]:
    """A protocol buffer as TensorFlow Serving's REST API prints it, unset fields included."""
    from google.protobuf import json_format

    printed: dict[str, Any] = json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return printed

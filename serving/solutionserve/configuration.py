"""TensorFlow Serving's configuration files: protocol buffers in text format.

Three of the messages are in no published Python package; they are declared here field by field, as
TensorFlow Serving's documentation lists them. In text format only names matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2
from google.protobuf.message import Message
from tensorflow_serving.config import model_server_config_pb2

from solutionserve.errors import Code, ServingError, invalid

PREFIX = "tensorflow.serving"
PACKAGE = "solutionserve.files"
M = TypeVar("M", bound=Message)

_SCALARS = {"string": 9, "bool": 8, "int64": 3}
_WRAPPERS = {"Int64Value": wrappers_pb2.Int64Value, "StringValue": wrappers_pb2.StringValue}
_MESSAGES: dict[str, list[tuple[str, str]]] = {
    "SSLConfig": [
        ("server_key", "string"),
        ("server_cert", "string"),
        ("custom_ca", "string"),
        ("client_verify", "bool"),
    ],
    "PrometheusConfig": [("enable", "bool"), ("path", "string")],
    "MonitoringConfig": [("prometheus_config", "PrometheusConfig")],
    "BatchingParameters": [
        ("max_batch_size", "Int64Value"),
        ("batch_timeout_micros", "Int64Value"),
        ("max_enqueued_batches", "Int64Value"),
        ("num_batch_threads", "Int64Value"),
        ("thread_pool_name", "StringValue"),
        ("allowed_batch_sizes", "repeated int64"),
        ("pad_variable_length_inputs", "bool"),
        ("enable_large_batch_splitting", "BoolValue"),
        ("max_execution_batch_size", "Int64Value"),
    ],
}


def _declare() -> dict[str, type[Message]]:
    """Message classes for the declarations above."""
    file = descriptor_pb2.FileDescriptorProto(
        name="solutionserve/files.proto",
        package=PACKAGE,
        syntax="proto3",
        dependency=[wrappers_pb2.DESCRIPTOR.name],
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (field, declared) in enumerate(fields, 1):
            kind = declared.removeprefix("repeated ")
            added = message.field.add(name=field, number=number, label=3 if kind != declared else 1)
            if kind in _SCALARS:
                added.type = _SCALARS[kind]  # type: ignore[assignment]
            else:
                added.type = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
                added.type_name = f".{PACKAGE}.{kind}" if kind in _MESSAGES else f".google.protobuf.{kind}"
    pool = descriptor_pool.Default()
    pool.Add(file)  # type: ignore[no-untyped-call]
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
        for name in _MESSAGES
    }


_CLASSES = _declare()


@dataclass(frozen=True)
class Batching:
    """How requests are put together; the defaults are TensorFlow Serving's.

    Attributes:
        max_batch_size: Most rows in a batch.
        timeout: Seconds a request may wait for others while a thread is free.
        max_enqueued_batches: Batches that may wait; more requests are refused.
        threads: Batches that run at the same time; 0 means one a core but the first.
        allowed_sizes: Sizes that batches are padded to; empty means any.
    """

    max_batch_size: int = 1000
    timeout: float = 0.0
    max_enqueued_batches: int = 10
    threads: int = 0
    allowed_sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Monitoring:
    """Where metrics are exposed; None for nowhere."""

    path: str | None = None


@dataclass(frozen=True)
class Tls:
    """Key, certificate and authority in PEM, and whether clients must show a certificate."""

    key: bytes
    certificate: bytes
    authority: bytes
    client_verify: bool


def read_models(file: Path) -> model_server_config_pb2.ModelServerConfig:
    """The file of `--model_config_file`."""
    return parse_models(_text(file), str(file))


def parse_models(text: str, source: str) -> model_server_config_pb2.ModelServerConfig:
    """A ModelServerConfig in text format.

    Raises:
        ServingError: The text is no such message.
    """
    return _parse(text, model_server_config_pb2.ModelServerConfig(), "ModelServerConfig", source)


def read_batching(file: Path) -> Batching:
    """The file of `--batching_parameters_file`.

    Raises:
        ServingError: The file is unreadable or a value makes no sense.
    """
    parsed = _read(file, "BatchingParameters")
    default = Batching()

    def value(name: str, other: int) -> int:
        return int(getattr(parsed, name).value) if parsed.HasField(name) else other

    batching = Batching(
        max_batch_size=value("max_batch_size", default.max_batch_size),
        timeout=value("batch_timeout_micros", 0) / 1e6,
        max_enqueued_batches=value("max_enqueued_batches", default.max_enqueued_batches),
        threads=value("num_batch_threads", 0),
        allowed_sizes=tuple(parsed.allowed_batch_sizes),  # type: ignore[attr-defined]
    )
    if (
        batching.max_batch_size < 1
        or batching.max_enqueued_batches < 1
        or batching.threads < 0
        or batching.timeout < 0
    ):
        raise invalid(f"{file}: sizes must be positive, e.g. max_batch_size {{ value: 128 }}")
    sizes = batching.allowed_sizes
    if sizes and (list(sizes) != sorted(set(sizes)) or sizes[-1] != batching.max_batch_size or sizes[0] < 1):
        raise invalid(f"{file}: allowed_batch_sizes must increase and end with max_batch_size")
    if parsed.pad_variable_length_inputs:  # type: ignore[attr-defined]
        raise invalid(f"{file}: pad_variable_length_inputs is not supported; pad in the client or the model")
    return batching


def read_monitoring(file: Path) -> Monitoring:
    """The file of `--monitoring_config_file`."""
    prometheus = _read(file, "MonitoringConfig").prometheus_config  # type: ignore[attr-defined]
    return Monitoring((prometheus.path or "/monitoring/prometheus/metrics") if prometheus.enable else None)


def read_tls(file: Path) -> Tls:
    """The file of `--ssl_config_file`, which holds the PEM texts themselves.

    Raises:
        ServingError: The file is unreadable, or key or certificate is missing.
    """
    parsed = _read(file, "SSLConfig")
    tls = Tls(
        parsed.server_key.encode(),  # type: ignore[attr-defined]
        parsed.server_cert.encode(),  # type: ignore[attr-defined]
        parsed.custom_ca.encode(),  # type: ignore[attr-defined]
        parsed.client_verify,  # type: ignore[attr-defined]
    )
    if not tls.key or not tls.certificate:
        raise invalid(f"{file}: server_key and server_cert must both hold PEM text")
    if tls.client_verify and not tls.authority:
        raise invalid(
            f"{file}: client_verify needs custom_ca, the authority that signs clients' certificates"
        )
    return tls


def _read(file: Path, name: str) -> Message:
    return _parse(_text(file), _CLASSES[name](), name, str(file))


def _parse(text: str, message: M, name: str, source: str) -> M:
    try:
        return text_format.Parse(text, message)
    except text_format.ParseError as error:
        raise invalid(f"Error parsing text-format {PREFIX}.{name}: {source}:{error}") from None


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise ServingError(Code.NOT_FOUND, f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise invalid(f"{file}: is not UTF-8 text") from None

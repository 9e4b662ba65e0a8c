"""TensorFlow Serving's command line, with a few safe flags of our own."""

from __future__ import annotations

import argparse
from pathlib import Path

# Flags of TensorFlow Serving that have no meaning here; taken so that its command lines work.
WITHOUT_MEANING = (
    "rest_api_num_threads",
    "enable_per_model_batching_parameters",
    "num_load_threads",
    "num_unload_threads",
    "flush_filesystem_caches",
    "tensorflow_session_parallelism",
    "tensorflow_session_config_file",
    "platform_config_file",
    "per_process_gpu_memory_fraction",
    "grpc_max_threads",
    "remove_unused_fields_from_bundle_metagraph",
    "prefer_tflite_model",
    "num_tflite_pools",
    "num_tflite_interpreters_per_pool",
    "enable_signature_method_name_check",
    "xla_cpu_compilation_enabled",
    "enable_profiler",
    "thread_pool_factory_config_file",
    "mixed_precision",
    "skip_initialize_tpu",
    "enable_grpc_healthcheck_service",
    "use_tfrt",
)


def truth(text: str) -> bool:
    """A flag's truth value as TensorFlow writes it."""
    if text.lower() in ("true", "1", "t", "yes"):
        return True
    if text.lower() in ("false", "0", "f", "no"):
        return False
    raise argparse.ArgumentTypeError(f"'{text}' is neither true nor false")


def parser() -> argparse.ArgumentParser:
    """The command line; every flag is written `--name=value` or `--name value`."""
    root = argparse.ArgumentParser(
        prog="solutionserve",
        description="A model server that takes TensorFlow Serving's flags and speaks its protocol.",
        allow_abbrev=False,
    )

    def number(name: str, default: float, text: str) -> None:
        root.add_argument(f"--{name}", type=type(default), default=default, metavar="N", help=text)

    def switch(name: str, default: bool, text: str) -> None:
        root.add_argument(
            f"--{name}", type=truth, nargs="?", const=True, default=default, metavar="true|false", help=text
        )

    def file(name: str, text: str) -> None:
        root.add_argument(f"--{name}", type=_path, metavar="FILE", help=text)

    number("port", 8500, "TCP port of the gRPC API; 0 for none")
    number("rest_api_port", 0, "TCP port of the REST API; 0 for none")
    file("grpc_socket_path", "also listen for gRPC on this Unix socket")
    number("rest_api_timeout_in_ms", 30000, "milliseconds until a REST request is given up")
    switch("rest_api_enable_cors_support", False, "let pages of other sites call the REST API")
    root.add_argument(
        "--model_name", default="default", help="the model's name (without --model_config_file)"
    )
    file("model_base_path", "folder with one folder a version (without --model_config_file)")
    file("model_config_file", "a ModelServerConfig in text format: several models, versions, labels")
    number("model_config_file_poll_wait_seconds", 0.0, "how often to read that file again; 0 for never")
    number("file_system_poll_wait_seconds", 1.0, "how often to look for new versions; 0 for never")
    switch(
        "allow_version_labels_for_unavailable_models",
        False,
        "let a new label point to a version not loaded yet",
    )
    number("max_num_load_retries", 5, "how often to try a version again that did not load")
    number("load_retry_interval_micros", 60_000_000, "microseconds between tries")
    switch("enable_batching", False, "run requests together that wait at the same time")
    file("batching_parameters_file", "BatchingParameters in text format")
    switch("enable_model_warmup", True, "run the requests in assets.extra before a version serves")
    number("num_request_iterations_for_warmup", 1, "how often each of them runs")
    file("monitoring_config_file", "MonitoringConfig in text format: where the metrics are")
    file("ssl_config_file", "SSLConfig in text format: key, certificate, clients' authority")
    root.add_argument(
        "--grpc_channel_arguments", default="", metavar="K=V,…", help="options of the gRPC server"
    )
    root.add_argument("--saved_model_tags", default="serve", help="tags of the graph to load, with commas")
    number("tensorflow_intra_op_parallelism", 1, "threads within an operation; 0 lets TensorFlow choose")
    number("tensorflow_inter_op_parallelism", 0, "operations side by side; 0 runs a request in one thread")
    root.add_argument("--version", action="store_true", help="print the version and stop")

    root.add_argument(
        "--use_alts_credentials", type=_no_alts, nargs="?", const="true", help=argparse.SUPPRESS
    )

    own = root.add_argument_group("not in TensorFlow Serving")
    own.add_argument("--host", default="localhost", help="address to listen on (default: loopback only)")
    own.add_argument(
        "--mount",
        metavar="PATH=FOLDER",
        help="read base paths below PATH in FOLDER, as a container's volume; others are refused",
    )
    own.add_argument(
        "--audit_log",
        type=_path,
        metavar="FILE",
        help="add each prediction, without its input, to a log that shows what is removed, before it is told",
    )
    for name, default, text in (
        (
            "max_request_bytes",
            32 << 20,
            "largest request; what may be in memory at the same time follows from it",
        ),
        ("max_request_rows", 10_000, "most rows in a request"),
        ("max_concurrent_requests", 512, "requests answered at the same time"),
        ("max_connections", 4096, "connections of each API; fewer where descriptors are few"),
        ("run_threads", 0, "requests or batches that run at the same time; 0 for one a core"),
        ("drain_seconds", 30, "how long a stopping server goes on with requests under way"),
    ):
        own.add_argument(
            f"--{name}", type=int, default=default, metavar="N", help=f"{text} (default: %(default)s)"
        )
    for name in WITHOUT_MEANING:
        root.add_argument(f"--{name}", nargs="?", help=argparse.SUPPRESS)
    return root


def _no_alts(text: str) -> bool:
    """ALTS is not supported, and plain text must not take its place unnoticed."""
    if truth(text):
        raise argparse.ArgumentTypeError("ALTS is not supported; use --ssl_config_file")
    return False


def _path(text: str) -> Path | None:
    return Path(text) if text else None

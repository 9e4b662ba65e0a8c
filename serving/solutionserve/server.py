"""The server's life: load, listen, watch the files, and drain when told to stop."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import gc
import logging
import resource
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from tensorflow_serving.apis import model_management_pb2
from tensorflow_serving.config import model_server_config_pb2

from solutionserve import configuration
from solutionserve.audit_trail import AuditTrail
from solutionserve.batching import BatchingRunner, Runner
from solutionserve.configuration import Batching, Monitoring
from solutionserve.errors import Code, ServingError, invalid
from solutionserve.grpc_api import PREDICTION, GrpcApi, GrpcSettings
from solutionserve.limits import Limits
from solutionserve.manager import Loading, ModelManager, versions_on_disk
from solutionserve.metrics import Metrics
from solutionserve.model import CALLER_THREAD, LoadedModel, Parallelism, return_large_blocks
from solutionserve.rest_api import RestSettings, rest_app
from solutionserve.rest_server import RestServer
from solutionserve.service import PredictionService
from solutionserve.warmup import warm_up

# A thread that comes back from TensorFlow must not wait 5 ms for the interpreter.
SWITCH_SECONDS = 0.00005
SPARE_DESCRIPTORS = 256
MOST_MODELS = 1000
log = logging.getLogger("solutionserve")


class OneLine(logging.Formatter):
    """Writes a message on one line: what clients send must not look like lines of the server's own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """The line, with line breaks and control characters escaped."""
        return "".join(
            mark if mark.isprintable() else mark.encode("unicode_escape").decode()
            for mark in super().formatMessage(record)
        )


class Server:
    """A model server as the flags describe it.

    Args:
        flags: What `flags.parser()` gave.

    Raises:
        ServingError: A flag or a configuration file is wrong.
    """

    def __init__(self, flags: argparse.Namespace) -> None:
        self._flags = flags
        self._mount = parse_mount(flags.mount) if flags.mount else None
        self._tls = configuration.read_tls(flags.ssl_config_file) if flags.ssl_config_file else None
        self._config = self._read_config()
        self.metrics = Metrics()
        self.manager = ModelManager(
            Loading(
                load=self._load,
                retries=flags.max_num_load_retries,
                retry_seconds=max(flags.load_retry_interval_micros, 0) / 1e6,
                labels_before_versions=flags.allow_version_labels_for_unavailable_models,
                mounted=self._mount,
            ),
            self._changed,
        )
        self._limits = Limits(flags.max_request_bytes, flags.max_request_rows, flags.max_concurrent_requests)
        trail = AuditTrail(flags.audit_log) if flags.audit_log else None
        self.service = PredictionService(self.manager, self._runner(), self._limits, self.metrics, trail)
        monitoring = (
            configuration.read_monitoring(flags.monitoring_config_file)
            if flags.monitoring_config_file
            else Monitoring()
        )
        self._rest_settings = RestSettings(
            flags.rest_api_timeout_in_ms / 1e3, flags.rest_api_enable_cors_support, monitoring.path
        )
        self._grpc: GrpcApi | None = None
        self._health: dict[str, bool] = {}
        self._changes: set[asyncio.Task[None]] = set()

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until SIGTERM or SIGINT, then drain.

        Args:
            ready: Called once, when the server listens.

        Raises:
            ServingError: The first configuration is refused, or a port is taken.
        """
        flags = self._flags
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        # Besides those of both APIs, as many again may have come to REST and not be closed yet.
        connections = min(flags.max_connections, max((raise_descriptors() - SPARE_DESCRIPTORS) // 3, 8))
        settings = GrpcSettings(
            flags.host,
            flags.port,
            flags.grpc_socket_path,
            self._tls,
            connections,
            parse_arguments(flags.grpc_channel_arguments),
        )
        grpc_api = GrpcApi(self.service, self._reload, settings)
        self._grpc = grpc_api
        app = rest_app(self.service, self._rest_settings)
        rest = (
            RestServer(app, flags.host, flags.rest_api_port, self._tls, connections)
            if flags.rest_api_port
            else None
        )
        await self._take_on(self._config)
        await grpc_api.start()
        if rest:
            await rest.start()
        await self._tell_health()
        # What is loaded now stays: the collector need not walk through TensorFlow while requests wait.
        gc.collect()
        gc.freeze()
        watchers = [
            loop.create_task(self._every(flags.file_system_poll_wait_seconds, self.manager.poll)),
            loop.create_task(self._every(flags.model_config_file_poll_wait_seconds, self._poll_config())),
        ]
        log.info("listening: %s", ", ".join(self._addresses()))
        ready()
        await stop.wait()
        log.info("stopping: answering what is under way, for at most %d s", flags.drain_seconds)
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(
            grpc_api.stop(flags.drain_seconds), *([rest.stop(flags.drain_seconds)] if rest else [])
        )
        self.service.close()
        await self.manager.close()
        log.info("stopped")

    def _runner(self) -> Runner:
        flags = self._flags
        if not flags.enable_batching:
            return Runner(flags.run_threads)
        file = flags.batching_parameters_file
        settings = configuration.read_batching(file) if file else Batching()
        queued = self.metrics.queued
        return BatchingRunner(settings, lambda seconds: queued.observe(seconds * 1e6))

    def _read_config(self) -> model_server_config_pb2.ModelServerConfig:
        flags = self._flags
        if flags.model_config_file:
            return configuration.read_models(flags.model_config_file)
        if not flags.model_base_path:
            raise invalid("--model_base_path or --model_config_file is needed")
        config = model_server_config_pb2.ModelServerConfig()
        path = str(flags.model_base_path if self._mount else flags.model_base_path.absolute())
        config.model_config_list.config.add(name=flags.model_name, base_path=path)
        return config

    def _load(self, folder: Path) -> LoadedModel:
        flags = self._flags
        threads = Parallelism(
            flags.tensorflow_intra_op_parallelism, flags.tensorflow_inter_op_parallelism or CALLER_THREAD
        )
        model = LoadedModel(folder, flags.saved_model_tags.split(","), threads)
        if not flags.enable_model_warmup:
            return model
        started, status = time.perf_counter(), Code.OK
        try:
            # Who lays models in place is trusted with the rows to warm them up.
            limits = dataclasses.replace(self._limits, rows=sys.maxsize)
            warm_up(model, folder, limits, max(1, flags.num_request_iterations_for_warmup))
        except BaseException as error:
            status = error.code if isinstance(error, ServingError) else Code.INTERNAL
            model.close()
            raise
        finally:
            elapsed = (time.perf_counter() - started) * 1e6
            self.metrics.warmup.labels(str(folder), status.name).observe(elapsed)
        return model

    async def _reload(self, request: model_management_pb2.ReloadConfigRequest) -> None:
        """Take on a configuration that came over the network."""
        if not request.config.model_config_list.config:
            raise ServingError(
                Code.FAILED_PRECONDITION,
                "the new configuration has no models; only the configuration file may take all models away",
            )
        known = {
            config.logging_config.log_collector_config.filename_prefix
            for config in self.manager.configs.values()
        }
        for config in request.config.model_config_list.config:
            prefix = config.logging_config.log_collector_config.filename_prefix
            if prefix and prefix not in known:
                raise ServingError(
                    Code.PERMISSION_DENIED, f"{prefix}: only the configuration file may name where logs go"
                )
        if len(request.config.model_config_list.config) > MOST_MODELS:
            raise invalid(f"a configuration from the network may have at most {MOST_MODELS:,} models")
        if not any(map(self._is_there, self.manager.checked(request.config).values())):
            raise ServingError(
                Code.FAILED_PRECONDITION,
                "none of the models has a version on disk; the old configuration stays",
            )
        # A caller that gives up must not leave a version half loaded.
        task = asyncio.get_running_loop().create_task(self._take_on(request.config))
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)
        known_models = set(self.manager.configs)
        await asyncio.shield(task)
        for config in request.config.model_config_list.config:
            if config.name not in known_models and not self.manager.available(config.name):
                raise ServingError(
                    Code.FAILED_PRECONDITION,
                    f"{config.name}: no version became available; ask for its status",
                )

    def _is_there(self, config: model_server_config_pb2.ModelConfig) -> bool:
        """Whether there is a version to load."""
        try:
            return bool(versions_on_disk(self.manager.local_path(config.base_path)))
        except OSError:
            return False

    async def _take_on(self, config: model_server_config_pb2.ModelServerConfig) -> None:
        await self.manager.configure(config)
        self.service.update_logs()

    def _poll_config(self) -> Callable[[], Awaitable[None]]:
        """A function that takes on `--model_config_file` when it has changed."""
        seen = self._config

        async def poll() -> None:
            nonlocal seen
            file = self._flags.model_config_file
            if not file:
                return
            config = configuration.read_models(file)
            if config != seen:
                await self._take_on(config)
                seen = config
                log.info("%s has changed and is taken on", file)

        return poll

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Repeat work; an error is logged and the old state goes on."""
        said = ""
        while seconds > 0:
            await asyncio.sleep(seconds)
            try:
                await work()
                said = ""
            except ServingError as error:
                if error.message != said:
                    log.error("%s", error.message)
                said = error.message
            except Exception:
                log.exception("watching files failed; trying again")

    def _changed(self, name: str) -> None:
        in_memory = len(self.manager.available(name))
        self.metrics.loaded.labels(name).set(in_memory)
        task = asyncio.get_running_loop().create_task(self._tell_health())
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)

    async def _tell_health(self) -> None:
        """Health by model; the server as a whole is healthy when every model answers."""
        if self._grpc is None:
            return
        serving = {name: bool(self.manager.available(name)) for name in self.manager.configs}
        whole = all(serving.values())
        gone = dict.fromkeys(self._health.keys() - serving.keys(), False)
        now = {**gone, **serving, "": whole, PREDICTION: whole}
        for name, healthy in now.items():
            if self._health.get(name) != healthy:
                self._health[name] = healthy
                self._grpc.health.set(name, healthy)

    def _addresses(self) -> Iterator[str]:
        flags = self._flags
        if flags.port:
            yield f"gRPC {flags.host}:{flags.port}"
        if flags.grpc_socket_path:
            yield f"gRPC unix:{flags.grpc_socket_path}"
        if flags.rest_api_port:
            yield f"REST http{'s' if self._tls else ''}://{flags.host}:{flags.rest_api_port}"


def raise_descriptors() -> int:
    """Allow this process as many descriptors as it may have; returns how many these are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def parse_mount(text: str) -> tuple[str, Path]:
    """`/models=FOLDER` as the path in configurations and the folder."""
    name, _, folder = text.partition("=")
    if not name.startswith("/") or not folder:
        raise invalid(f"--mount={text}: must be PATH=FOLDER, e.g. /models=/srv/models")
    return name.rstrip("/"), Path(folder).absolute()


def parse_arguments(text: str) -> dict[str, str | int]:
    """`grpc.max_connection_age_ms=2000,…` as options."""
    given: dict[str, str | int] = {}
    for item in filter(None, text.split(",")):
        name, _, value = item.partition("=")
        given[name.strip()] = int(value) if value.strip().lstrip("-").isdigit() else value.strip()
    return given


def serve(flags: argparse.Namespace) -> int:
    """Run a server to its end; returns the exit code."""
    to_standard_error = logging.StreamHandler()
    to_standard_error.setFormatter(OneLine("%(asctime)s %(levelname).1s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[to_standard_error])
    sys.setswitchinterval(SWITCH_SECONDS)
    return_large_blocks()
    try:
        server = Server(flags)
        with asyncio.Runner(loop_factory=_loop) as runner:
            runner.run(server.run())
    except ServingError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    return 0


def _loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()

"""One machine: every node of the graph in turn, with progress, and no failure overlooked.

TFX's own LocalDagRunner reports neither progress nor what came from the cache, and can end well
after a node failed. This one uses the same launcher and reads each node's state back from MLMD.
"""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import launcher, runtime_parameter_utils
from tfx.orchestration.portable.mlmd import execution_lib
from tfx.orchestration.portable.tfx_runner import IrBasedRunner

from solutionkit.errors import UserError
from solutionkit.runner.repeatable import make_repeatable
from solutionkit.runner.store import is_new, usable

State = Literal["done", "cached", "failed"]


@dataclass(frozen=True)
class NodeResult:
    """How a node went.

    Attributes:
        name: The node's id.
        state: `done`, `cached` or `failed`.
        seconds: Wall time.
        outputs: Folder of its artifact by output name; of a cached node those of the earlier run.
    """

    name: str
    state: State
    seconds: float
    outputs: dict[str, Path]


class NodeError(Exception):
    """A node failed; `__cause__` is what it raised."""

    def __init__(self, node: str, seconds: float) -> None:
        self.node, self.seconds = node, seconds
        super().__init__(f"{node} failed")


class LocalRunner(IrBasedRunner):
    """Runs a pipeline's nodes in topological order in this process.

    Args:
        run_id: Names the run in MLMD.
        on_start: Called with a node's id, its position and the number of nodes.
        on_end: Called with a node's result.
    """

    def __init__(
        self,
        run_id: str,
        on_start: Callable[[str, int, int], None],
        on_end: Callable[[NodeResult], None],
    ) -> None:
        self._run_id, self._on_start, self._on_end = run_id, on_start, on_end
        self.results: dict[str, NodeResult] = {}

    def run_with_ir(self, pipeline: Any, run_options: Any = None) -> None:
        """Run a compiled pipeline; a failed node raises `NodeError`."""
        runtime_parameter_utils.substitute_runtime_parameter(
            pipeline, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: self._run_id}
        )
        deployment = runner_utils.extract_local_deployment_config(pipeline)
        connection = deployment.metadata_connection_config
        connection = getattr(connection, connection.WhichOneof("connection_config"))
        with usable(Path(connection.sqlite.filename_uri)):
            close_abandoned_executions(connection)
        for position, item in enumerate(pipeline.nodes, start=1):
            node = item.pipeline_node
            name = node.node_info.id
            self._on_start(name, position, len(pipeline.nodes))
            make_repeatable(name)
            started = time.monotonic()
            try:
                execution = launcher.Launcher(
                    pipeline_node=node,
                    mlmd_connection=metadata.Metadata(connection),
                    pipeline_info=pipeline.pipeline_info,
                    pipeline_runtime_spec=pipeline.runtime_spec,
                    executor_spec=runner_utils.extract_executor_spec(deployment, name),
                    custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, name),
                ).launch()
            except Exception as error:
                self._on_end(NodeResult(name, "failed", time.monotonic() - started, {}))
                raise NodeError(name, time.monotonic() - started) from error
            state, outputs = recorded(connection, execution)
            result = NodeResult(name, state, time.monotonic() - started, outputs)
            self.results[name] = result
            self._on_end(result)
            if state == "failed":
                raise NodeError(name, result.seconds)


def run_pipeline(pipeline: Pipeline, runner: LocalRunner) -> None:
    """Compile and run a pipeline, with its folders in place."""
    root = Path(pipeline.pipeline_info.pipeline_root)
    if is_new(Path(pipeline.metadata_connection_config.sqlite.filename_uri)):
        # Artifacts that no store knows: a new one counts from one again, and TFX writes over nothing.
        shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True, exist_ok=True)
    runner.run(pipeline)


def recorded(connection: Any, execution: Any) -> tuple[State, dict[str, Path]]:
    """What MLMD says of an execution; one that left no record has failed."""
    if execution is None or execution.execution_id is None:
        return "failed", {}
    with metadata.Metadata(connection) as handle:
        executions = handle.store.get_executions_by_id([execution.execution_id])
        artifacts = execution_lib.get_output_artifacts(handle, execution.execution_id)
    states = metadata_store_pb2.Execution
    known: dict[Any, State] = {states.COMPLETE: "done", states.CACHED: "cached"}
    outputs = {name: Path(items[0].uri) for name, items in artifacts.items() if items}
    return known.get(executions[0].last_known_state, "failed") if executions else "failed", outputs


def close_abandoned_executions(connection: Any) -> None:
    """Mark executions that a killed run left RUNNING; the caller holds the project's lock."""
    states = metadata_store_pb2.Execution
    with metadata.Metadata(connection) as handle:
        abandoned = [
            item for item in handle.store.get_executions() if item.last_known_state == states.RUNNING
        ]
        for execution in abandoned:
            execution.last_known_state = states.CANCELED
        if abandoned:
            handle.store.put_executions(abandoned)


@contextmanager
def project_lock(state: Path) -> Iterator[None]:
    """Hold a project for one run; the lock goes with the process, however it ends.

    Raises:
        UserError: Another run holds it.
    """
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{state.parent}: another run is under way; wait for it to end.") from None
        yield

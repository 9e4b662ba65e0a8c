"""What the runner does with any pipeline: order, cache, failures, kills, a lost store."""

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import toy
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2

from solutionkit.errors import UserError
from solutionkit.runner.local import NodeError, project_lock
from solutionkit.runner.repeatable import make_repeatable

pytestmark = pytest.mark.slow
STATES = metadata_store_pb2.Execution


def states(folder: Path) -> list[tuple[str, int]]:
    """Node and state of each execution, oldest first."""
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(folder / "metadata.sqlite")
    store = metadata_store.MetadataStore(config)
    executions = sorted(store.get_executions(), key=lambda item: item.id)
    return [(item.type.rpartition(".")[2], item.last_known_state) for item in executions]


def went(runner: toy.LocalRunner) -> list[str]:
    return [result.state for result in runner.results.values()]


def test_nodes_run_in_order_and_are_cached(tmp_path: Path) -> None:
    first = toy.run(tmp_path)
    assert list(first.results) == ["First", "Second", "Third"]
    assert went(first) == ["done", "done", "done"]
    assert toy.read(first.results["Third"].outputs["tripled"]) == 42
    again = toy.run(tmp_path, run_id="2")
    assert went(again) == ["cached", "cached", "cached"]
    assert again.results["Third"].outputs == first.results["Third"].outputs


def test_a_change_reaches_what_hangs_on_it(tmp_path: Path) -> None:
    toy.run(tmp_path)
    assert went(toy.run(tmp_path, mode="works otherwise", run_id="2")) == ["cached", "done", "done"]
    changed = toy.run(tmp_path, value=8, run_id="3")
    assert went(changed) == ["done", "done", "done"]
    assert toy.read(changed.results["Third"].outputs["tripled"]) == 48
    assert went(toy.run(tmp_path, run_id="4")) == ["cached", "cached", "cached"]


@pytest.mark.parametrize(("mode", "error"), [("fails", ValueError), ("mistaken", UserError)])
def test_a_failed_node_ends_the_run(tmp_path: Path, mode: str, error: type[Exception]) -> None:
    with pytest.raises(NodeError, match="Second failed") as failure:
        toy.run(tmp_path, mode=mode)
    assert isinstance(failure.value.__cause__, error)
    assert states(tmp_path) == [("First", STATES.COMPLETE), ("Second", STATES.FAILED)]
    assert went(toy.run(tmp_path, run_id="2")) == ["cached", "done", "done"]


def test_after_a_kill_the_next_run_completes(tmp_path: Path) -> None:
    source = f"import pathlib, toy; toy.run(pathlib.Path({str(tmp_path)!r}), mode=toy.WAITING)"
    with subprocess.Popen(
        [sys.executable, "-c", source],
        cwd=Path(toy.__file__).parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == toy.WAITING
        process.send_signal(signal.SIGKILL)
    assert states(tmp_path)[-1] == ("Second", STATES.RUNNING)
    after = toy.run(tmp_path, run_id="2")
    assert went(after) == ["cached", "done", "done"]
    assert toy.read(after.results["Third"].outputs["tripled"]) == 42
    assert not (after.results["Second"].outputs["doubled"] / toy.PART).exists()
    assert [state for _, state in states(tmp_path)] == [
        STATES.COMPLETE,
        STATES.CANCELED,
        STATES.CACHED,
        STATES.COMPLETE,
        STATES.COMPLETE,
    ]


def test_a_lost_store_costs_the_cache_alone(tmp_path: Path) -> None:
    toy.run(tmp_path)
    store = tmp_path / "metadata.sqlite"
    store.write_text("no database\n" * 1000)
    with pytest.raises(UserError, match="not a usable store"):
        toy.run(tmp_path, run_id="2")
    store.unlink()
    # A new store counts from one again, where artifacts lie that it does not know.
    assert (tmp_path / "artifacts" / "First" / "number" / "1").is_dir()
    assert went(toy.run(tmp_path, run_id="3")) == ["done", "done", "done"]


def test_one_run_at_a_time(tmp_path: Path) -> None:
    refused = pytest.raises(UserError, match="another run is under way")
    with project_lock(tmp_path), refused, project_lock(tmp_path):
        pass
    with project_lock(tmp_path):
        pass


def test_batches_are_not_sized_by_the_clock() -> None:
    from tfx_bsl.coders.batch_util import GetBatchElementsKwargs

    make_repeatable("Transform")
    found = GetBatchElementsKwargs(None)
    assert found["min_batch_size"] == found["max_batch_size"]


def test_chance_hangs_on_the_node_alone() -> None:
    drawn = []
    for node in ("Transform", "Evaluator", "Transform"):
        make_repeatable(node)
        drawn.append(random.random())
    assert drawn[0] == drawn[2] != drawn[1]

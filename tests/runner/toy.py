"""A pipeline of three nodes that takes a second, to see what the runner does with any."""

# No `from __future__ import annotations` here: @component reads the annotations themselves.
import time
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline

from solutionkit.artifacts import Comparison as Number
from solutionkit.errors import UserError
from solutionkit.runner.local import LocalRunner, run_pipeline

WAITING, PART = "waiting", "half.part"


@component
def First(  # noqa: N802
    number: OutputArtifact[Number], value: Parameter[int]
) -> None:
    write(number.uri, value)


@component
def Second(  # noqa: N802
    number: InputArtifact[Number], doubled: OutputArtifact[Number], mode: Parameter[str]
) -> None:
    if mode == "fails":
        raise ValueError("the node is out of ideas")
    if mode == "mistaken":
        raise UserError("rows.csv: no such file")
    if mode == WAITING:
        Path(doubled.uri).mkdir(parents=True, exist_ok=True)
        (Path(doubled.uri) / PART).touch()
        print(WAITING, flush=True)
        time.sleep(600)
    write(doubled.uri, 2 * read(number.uri))


@component
def Third(  # noqa: N802
    doubled: InputArtifact[Number], tripled: OutputArtifact[Number]
) -> None:
    write(tripled.uri, 3 * read(doubled.uri))


def write(folder: str, value: int) -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    (Path(folder) / "value").write_text(str(value))


def read(folder: str | Path) -> int:
    return int((Path(folder) / "value").read_text())


def run(folder: Path, value: int = 7, mode: str = "works", run_id: str = "1") -> LocalRunner:
    """Run the pipeline in a folder; the runner knows how it went."""
    first = First(value=value)
    second = Second(number=first.outputs["number"], mode=mode)
    third = Third(doubled=second.outputs["doubled"])
    pipeline = Pipeline(
        pipeline_name="toy",
        pipeline_root=str(folder / "artifacts"),
        metadata_connection_config=sqlite_metadata_connection_config(str(folder / "metadata.sqlite")),
        components=[first, second, third],
        enable_cache=True,
    )
    runner = LocalRunner(run_id, lambda name, position, total: None, lambda result: None)
    run_pipeline(pipeline, runner)
    return runner

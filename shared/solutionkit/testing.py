"""One contract that every use case keeps, checked by running it whole on a small sample."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import unittest
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from solutionkit import cli
from solutionkit.declaration import FILE_NAME, Declaration
from solutionkit.declared_file import load_declaration
from solutionkit.examples import schema as schemas
from solutionkit.object_store import is_remote
from solutionkit.report.figures import rungs
from solutionkit.use_case import Project, load_project, read_new
from solutionkit.verbs.sample import write_sample

SEED = 11
# Where a generated project keeps the declaration of its sample; `use_case.toml` becomes the user's own.
SAMPLE_DECLARATION = Path("tests") / "sample"
# Of the outputs' spread: what contributions may miss.
LARGEST_RESIDUAL = 0.1


def check_use_case(folder: Path, workspace: Path, rows: int | None = None) -> Project:
    """Generate data, train, export, load as TF Serving does, explain, predict, survive bad input.

    Example:
        >>> project = check_use_case(Path("."), Path("workspace"))  # doctest: +SKIP

    Args:
        folder: A generated project, or a use case's folder with a `pyproject.toml` beside it.
        workspace: An empty folder; the project is copied there and `folder` left as it is.
        rows: Size of the sample; by default as small as its kind of data allows.

    Returns:
        The project in the workspace, with one finished run.

    Raises:
        AssertionError: The use case breaks the contract; the message says where.
    """
    project = copy_project(folder, workspace / "project")
    check_sample(project, rows or smallest_sample(project))
    code, output = call(project, "run")
    assert code == 0, f"the run failed:\n{output}"
    check_outputs(project)
    check_explanations(project)
    check_models(project)
    check_bad_input(project)
    return project


def smallest_sample(project: Project) -> int:
    """How many rows of the sample are enough to learn from."""
    return project.use_case.modality.smallest(project.declaration)


def copy_project(folder: Path, target: Path) -> Project:
    """A copy of a project without what earlier runs left, declared as its sample is."""
    left = shutil.ignore_patterns(".venv", ".pipeline", "runs", "models", "data", "__pycache__", ".*_cache")
    shutil.copytree(folder, target, ignore=left)
    if (target / SAMPLE_DECLARATION).is_dir():
        (target / schemas.FILE_NAME).unlink(missing_ok=True)
        shutil.copytree(target / SAMPLE_DECLARATION, target, dirs_exist_ok=True)
    return load_project(target)


def sample_declaration(folder: Path) -> Declaration:
    """How a project's sample is declared; `use_case.toml` itself may have become the user's own."""
    kept = folder / SAMPLE_DECLARATION / FILE_NAME
    return load_declaration(kept if kept.is_file() else folder / FILE_NAME)


def check_declaration(folder: Path) -> None:
    """A project's own data fits its own declaration; where it is the sample, `check_use_case` says more.

    Args:
        folder: A generated project; `solutionkit check` writes its log there.

    Raises:
        UserError: `use_case.toml` is not valid.
        AssertionError: The data does not fit it; the message says where.
        unittest.SkipTest: The data is not on this machine.
    """
    project = load_project(folder)
    data = project.declaration.data
    if data.path == project.sample_path:
        return
    for source in (data.path, data.train, data.eval, data.split_table, data.labels):
        if source is not None and not is_remote(source) and not source.exists():
            raise unittest.SkipTest(f"{source} is not on this machine")
    code, output = call(project, "check")
    assert code == 0, f"the data does not fit use_case.toml:\n{output}"


def call(project: Project, *arguments: str) -> tuple[int, str]:
    """Run a verb in this process; returns its exit code and all that it printed."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        code = cli.main(["--project", str(project.folder), *arguments])
    return code, output.getvalue()


def check_sample(project: Project, rows: int) -> None:
    """The sample is seeded, has the size asked for, and fits the declaration."""
    use_case = project.use_case
    first, again, other = use_case.sample(200, 1), use_case.sample(200, 1), use_case.sample(200, 2)
    assert first.equals(again), "the same seed must give the same sample"
    assert not first.equals(other), "another seed must give another sample"
    write_sample(project, project.sample_path, rows, SEED)
    code, output = call(project, "check")
    assert code == 0, f"the sample does not fit the declaration:\n{output}"


def check_outputs(project: Project) -> None:
    """The run's files are there, complete and consistent."""
    run = project.runs / "latest"
    compared = json.loads((run / "comparison.json").read_text())
    assert compared["run_id"] == run.resolve().name
    assert compared["verdict"] in {"deep", "baseline", "equivalent", "undecided"}
    assert compared["selected"] in {"deep", "baseline", "simple", None}
    trivial = compared["models"]["trivial"]["metrics"][compared["primary_metric"]]["value"]
    for name in rungs(compared["models"]):
        model = compared["models"][name]
        estimate = model["metrics"][compared["primary_metric"]]
        assert estimate["low"] <= estimate["value"] <= estimate["high"], (
            f"{name}: the interval misses its value"
        )
        better = estimate["value"] > trivial if compared["higher_is_better"] else estimate["value"] < trivial
        assert better, f"{name} is no better than the trivial predictor"
        assert set(model["latency_ms"]) == {"batch_1", "batch_128"}
    page = (run / "report.html").read_text("utf-8")
    assert len(page) < 5_000_000, "the report is larger than 5 MB"
    assert "<script src" not in page and "<link" not in page, "the report needs the network"
    assert (run / "model_card.md").read_text("utf-8").startswith("# Model card")


def check_explanations(project: Project) -> None:
    """Both models' explanations find what the sample is known to be about, and add up."""
    explained = json.loads((project.runs / "latest" / "explanations.json").read_text())
    for name, model in explained["models"].items():
        spread = model["residual"]["output_std"]
        assert model["residual"]["mean_abs"] < LARGEST_RESIDUAL * spread, (
            f"{name}: contributions do not add up"
        )
        if fault := project.use_case.modality.explanation_fault(model, project):
            raise AssertionError(f"{name}: {fault}")


def check_models(project: Project) -> None:
    """Exports load as TF Serving loads them, and `predict` says what they say."""
    from solutionkit.examples.encoding import serialized_examples
    from solutionkit.models.export import check_loads_like_tf_serving
    from solutionkit.models.saved import SavedScorer

    record = json.loads((project.runs / "latest" / "run.json").read_text())
    source = project.use_case.modality.scoring_source(project)
    for name in record["models"]:
        folder = project.folder / record["models"][name]["path"]
        scorer = SavedScorer(folder)
        table = next(iter(read_new(project, source, scorer.spec).pieces())).slice(0, 64)
        examples = np.array(list(serialized_examples(table)), object)
        check_loads_like_tf_serving(folder, examples)
        expected = scorer.score_table(table)
        largest = max(np.abs(expected).max(), 1.0)
        assert np.abs(scorer.score_examples(examples) - expected).max() <= 1e-6 * largest
        output = project.folder / "scores.csv"
        code, printed = call(
            project, "predict", "--input", str(source), "--output", str(output), "--model", name
        )
        assert code == 0, printed
        written = pa.csv.read_csv(output)
        for column, values in scorer.spec.task.frame(expected).items():
            if pa.types.is_floating(values.type):
                difference = np.abs(written[column].to_numpy()[: len(values)] - values.to_numpy())
                assert difference.max() <= 1e-6 * largest, f"{name}: predict differs in {column}"


def check_bad_input(project: Project) -> None:
    """Damaged data gives one clear error and leaves earlier runs and models untouched."""
    before = fingerprint(project)
    for name, damaged in project.use_case.modality.damaged(project).items():
        code, output = call(project, "run", "--data", str(damaged))
        assert code == 1, f"{name}: the run did not fail"
        assert output.count("error:") == 1, f"{name}: not one clear error:\n{output}"
        assert "Traceback" not in output, f"{name}: a stack trace:\n{output}"
        assert damaged.name in output, f"{name}: the error does not name the file:\n{output}"
    assert fingerprint(project) == before, "bad input changed earlier runs or models"


def fingerprint(project: Project) -> dict[str, bytes]:
    """Content of all files of runs and models."""
    folders = (project.runs, project.models)
    files = [file for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()]
    return {str(file): file.read_bytes() for file in files}

"""One contract that every use case keeps, checked by running it whole on a small sample."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import unittest
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from solutionkit import cli
from solutionkit.declaration import FILE_NAME, Declaration, load_declaration
from solutionkit.examples import schema as schemas
from solutionkit.use_case import Project, UseCase, load_project
from solutionkit.verbs.sample import LABELS_FILE, write_sample

ROWS, IMAGES, EVENTS = 3000, 600, 40_000
SEED = 11
# Where a generated project keeps the declaration of its sample; `use_case.toml` becomes the user's own.
SAMPLE_DECLARATION = Path("tests") / "sample"
# Of the outputs' spread: what contributions may miss.
LARGEST_RESIDUAL = 0.1


def check_use_case(folder: Path, workspace: Path, rows: int | None = None) -> Project:
    """Generate data, train, export, load as TF Serving does, explain, predict, survive bad input.

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
    """How many rows of the sample are enough to learn from; rare positives need more of them."""
    if project.use_case.family.images:
        return IMAGES
    return EVENTS if project.declaration.history else ROWS


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
        if source is not None and not source.exists():
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
    assert compared["verdict"] in {"deep", "baseline", "tie"}
    assert compared["selected"] in {"deep", "baseline"}
    trivial = compared["models"]["trivial"]["metrics"][compared["primary_metric"]]["value"]
    for name in ("baseline", "deep"):
        model = compared["models"][name]
        found = model["metrics"][compared["primary_metric"]]
        assert found["low"] <= found["value"] <= found["high"], f"{name}: the interval misses its value"
        better = found["value"] > trivial if compared["higher_is_better"] else found["value"] < trivial
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
        if explained["kind"] == "images":
            assert "localisation" in model, "the sample has no masks to judge heat maps by"
            found = model["localisation"]
            points, by_chance = found["pointing_game"]["low"], found["pointing_game_by_chance"]
            assert points > by_chance, f"{name}: its heat finds the masks no better than chance does"
        else:
            # By subject, where several columns tell of the same thing; else each column is a subject.
            check_ranking(project.use_case, name, [item["column"] for item in model["groups"]])


def check_ranking(use_case: UseCase, model: str, ranked: list[str]) -> None:
    """The true drivers come first, and irrelevant columns in the lower half."""
    unknown = {*use_case.drivers, *use_case.irrelevant} - set(ranked)
    assert not unknown, f"drivers and irrelevant columns must be features or their subjects: {unknown}"
    first = set(ranked[: len(use_case.drivers)])
    assert first == set(use_case.drivers), f"{model} ranks {ranked[: len(use_case.drivers)]} first"
    worst = min(ranked.index(column) for column in use_case.irrelevant)
    assert worst >= len(ranked) // 2, f"{model} ranks the irrelevant column {ranked[worst]} at {worst + 1}"


def check_models(project: Project) -> None:
    """Exports load as TF Serving loads them, and `predict` says what they say."""
    from solutionkit.examples.encoding import serialized_examples
    from solutionkit.examples.history import KnownRows
    from solutionkit.examples.raw_rows import read_rows
    from solutionkit.models.export import check_loads_like_tf_serving
    from solutionkit.models.saved import SavedScorer
    from solutionkit.verbs.predict import score_columns

    record = json.loads((project.runs / "latest" / "run.json").read_text())
    source = project.sample_path
    if project.use_case.family.images:
        source = source / f"{project.declaration.columns.image}s"
    known = KnownRows.of_project(project)
    for name in ("baseline", "deep"):
        folder = project.folder / record["models"][name]["path"]
        scorer = SavedScorer(folder)
        table = next(iter(read_rows(source, scorer.spec, known).pieces())).slice(0, 64)
        examples = np.array(list(serialized_examples(table)), object)
        check_loads_like_tf_serving(folder, examples)
        expected = scorer.score_table(table)
        assert np.abs(scorer.score_examples(examples) - expected).max() <= 1e-6
        output = project.folder / "scores.csv"
        code, printed = call(
            project, "predict", "--input", str(source), "--output", str(output), "--model", name
        )
        assert code == 0, printed
        written = pa.csv.read_csv(output)
        for column, values in score_columns(expected, scorer.spec).items():
            if pa.types.is_floating(values.type):
                difference = np.abs(written[column].to_numpy()[:64] - values.to_numpy())
                assert difference.max() <= 1e-6, f"{name}: predict differs in {column}"


def check_bad_input(project: Project) -> None:
    """Damaged data gives one clear error and leaves earlier runs and models untouched."""
    before = fingerprint(project)
    damaged_copies = damaged_folders if project.use_case.family.images else damaged_tables
    for name, damaged in damaged_copies(project).items():
        code, output = call(project, "run", "--data", str(damaged))
        assert code == 1, f"{name}: the run did not fail"
        assert output.count("error:") == 1, f"{name}: not one clear error:\n{output}"
        assert "Traceback" not in output, f"{name}: a stack trace:\n{output}"
        assert damaged.name in output, f"{name}: the error does not name the file:\n{output}"
    assert fingerprint(project) == before, "bad input changed earlier runs or models"


def damaged_tables(project: Project) -> dict[str, Path]:
    """Copies of the sample that are damaged in the ways that tables usually are."""
    text = project.sample_path.read_text("utf-8")
    table = pa.csv.read_csv(project.sample_path)
    label = project.declaration.columns.label
    driver = next((name for name in project.use_case.drivers if name in table.column_names), None)
    driver = driver or project.declaration.columns.card or label
    numeric = next(name for name in table.column_names if pa.types.is_floating(table[name].type))
    folder = project.folder / "damaged"
    folder.mkdir()

    def save(name: str, content: pa.Table | bytes) -> Path:
        file = folder / f"{name}.csv"
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            pa.csv.write_csv(content, file)
        return file

    def replaced(column: str, values: list[Any]) -> pa.Table:
        return table.set_column(table.column_names.index(column), column, pa.array(values))

    words = [str(value) for value in table[numeric].to_pylist()]
    flooded = [value if row % 10 == 0 else None for row, value in enumerate(table[numeric].to_pylist())]
    return {
        "missing column": save("missing_column", table.drop_columns([driver])),
        "text in a numeric column": save("text_in_numeric", replaced(numeric, ["abc", *words[1:]])),
        "empty file": save("empty", b""),
        "one class only": save("one_class", replaced(label, [table[label][0].as_py()] * table.num_rows)),
        "Latin-1 bytes": save("latin1", text.replace("\n", "\nM\u00fcller", 1).encode("latin-1")),
        "a flood of missing values": save("flooded", replaced(numeric, flooded)),
        "a doubled header": save("doubled", text.replace(",", f",{numeric},", 1).encode()),
    }


def damaged_folders(project: Project) -> dict[str, Path]:
    """Copies of the sample that are damaged in the ways that folders of images usually are."""
    columns, source = project.declaration.columns, project.sample_path
    assert columns.image is not None
    table = pa.csv.read_csv(source / LABELS_FILE)
    images = table[columns.image].to_pylist()
    folder = project.folder / "damaged"

    def copy(name: str, **changed: list[Any]) -> Path:
        target = folder / name
        shutil.copytree(source, target)
        written = table
        for column, values in changed.items():
            written = written.set_column(written.column_names.index(column), column, pa.array(values))
        pa.csv.write_csv(written, target / LABELS_FILE)
        return target

    broken = copy("broken")
    for name in images[: len(images) // 10]:
        (broken / name).write_bytes((broken / name).read_bytes()[:200])
    gone = copy("gone")
    (gone / images[0]).unlink()
    twice = copy("twice")
    other = next(
        row
        for row, label in enumerate(table[columns.label].to_pylist())
        if label != table[columns.label][0].as_py()
    )
    shutil.copy(twice / images[0], twice / images[other])
    empty = folder / "empty"
    empty.mkdir()
    return {
        "many broken files": broken,
        "a file that is gone": gone,
        "the same picture under two labels": twice,
        "one class only": copy(
            "one_class", **{columns.label: [table[columns.label][0].as_py()] * len(images)}
        ),
        "an image in two rows": copy("doubled", **{columns.image: [images[1], *images[1:]]}),
        "an empty folder": empty,
        "no such folder": folder / "nowhere",
    }


def fingerprint(project: Project) -> dict[str, bytes]:
    """Content of all files of runs and models."""
    folders = (project.runs, project.models)
    files = [file for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()]
    return {str(file): file.read_bytes() for file in files}

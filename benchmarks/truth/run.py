"""Are the recipes good on data that nobody tuned to? Public sets of a folder, by configuration alone.

Each set is audited, transformed and learned as the pipeline does it; TFMA, explanations and serving are left
out. Which settings are kept is decided by rows of the training side; the evaluation rows are only told.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FAMILIES = [Path(__file__).resolve().parent / f"{name}.toml" for name in ("tables", "images")]
for use_case in ("customer_churn", "defect_inspection"):
    sys.path.insert(0, str(ROOT / "templates" / use_case))

from solutionkit.environment import prepare_environment  # noqa: E402

prepare_environment()

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow_transform as tft  # noqa: E402
import tensorflow_transform.beam as tft_beam  # noqa: E402
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils  # noqa: E402
from tfx_bsl.public import tfxio  # noqa: E402

from solutionkit.declared_file import load_declaration  # noqa: E402
from solutionkit.dotted import import_from  # noqa: E402
from solutionkit.examples.audit import audit  # noqa: E402
from solutionkit.examples.columns import TableSpec  # noqa: E402
from solutionkit.examples.encoding import write_splits  # noqa: E402
from solutionkit.models.arrays import TransformedSplit, raw_feature_spec, read_folds, transform_examples  # noqa: E402
from solutionkit.ranks import roc_auc  # noqa: E402
from solutionkit.splits import SPLITS  # noqa: E402
from solutionkit.use_case import Project  # noqa: E402

TABLE = """
[data]
path = "rows.csv"
split = "column"
split_table = "split.csv"
eval_values = ["test", "eval"]

[columns]
label = "{label}"
split = "split"
ignore = [{ignore}]
"""
PHOTOS = """
[data]
path = "{folder}"
labels = "{labels}"
split = "column"
eval_values = [{evaluated}]

[columns]
{columns}
"""
MODELS = ("baseline", "deep")


def main() -> int:
    """Learn each set with each preset and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, default=ROOT.parent / "shared" / "samples")
    parser.add_argument("--sets", nargs="*", help="default: all")
    parser.add_argument("--presets", nargs="*", default=["quick", "standard"])
    options = parser.parse_args()
    known = {name: stated for file in FAMILIES for name, stated in tomllib.loads(file.read_text()).items()}
    wanted = [name for name in options.sets or known if (options.samples / name).is_dir()]
    if not wanted:
        print(f"skipped: no such set in {options.samples}")
        return 0
    print(f"{os.cpu_count()} cores, {platform.platform()}\n")
    columns = [f"{preset} {name}" for preset in options.presets for name in MODELS]
    print("| set | metric | reference | " + " | ".join(columns) + " | seconds |")
    print("|---|---|---|" + "---|" * (len(columns) + 1))
    reached = 0
    for name in wanted:
        best = max(known[name]["references"].values())
        figures, seconds = measure(options.samples / name, known[name], options.presets)
        reached += max(figures[-len(MODELS) :]) >= best
        told = " | ".join(f"{value:.4f}" for value in figures)
        spent = ", ".join(f"{value:.0f}" for value in seconds)
        metric = known[name].get("metric", "roc_auc")
        print(f"| {name} | {metric} | {best:.4f} | {told} | {spent} |", flush=True)
    print(f"\nThe better model of the last preset reaches the reference on {reached} of {len(wanted)}.")
    return 0


def measure(folder: Path, stated: dict[str, Any], presets: list[str]) -> tuple[list[float], list[float]]:
    """The metric of the evaluation rows, and seconds of training, by preset and model; means over folds."""
    figures, seconds = [], []
    for fold in stated.get("folds", [None]):
        with tempfile.TemporaryDirectory() as place:
            project, spec, splits = transformed(folder, stated, fold, Path(place))
            trainers = project.use_case.modality.trainers("supervised")
            for preset in presets:
                training = project.training.model_copy(update={"preset": preset})
                for function in trainers:
                    started = time.monotonic()
                    train = import_from(Path(place), function)
                    trained = train(splits["train"], splits["validation"], spec, training)
                    seconds.append(time.monotonic() - started)
                    rows = splits["eval"]
                    scores = np.concatenate([np.asarray(trained.score(item)) for item in rows.batches(256)])
                    figures.append(METRICS[stated.get("metric", "roc_auc")](rows.label, scores))
                    print(f"{folder.name} {fold or ''} {preset} {trained.facts}", file=sys.stderr, flush=True)
                    keras.backend.clear_session()
    shape = (-1, len(presets) * len(MODELS))
    return np.reshape(figures, shape).mean(axis=0).tolist(), np.reshape(seconds, shape).mean(axis=0).tolist()


def accuracy(labels: np.ndarray, scores: np.ndarray) -> float:
    """Share of rows whose likeliest class is theirs."""
    found = scores[:, 0] > 0.5 if scores.shape[1] == 1 else scores.argmax(axis=1)
    return float((found == labels).mean())


def separation(labels: np.ndarray, scores: np.ndarray) -> float:
    """ROC-AUC of the second of two classes."""
    return roc_auc(labels > 0, scores[:, 0])


METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "accuracy": accuracy,
    "roc_auc": separation,
}


def transformed(
    folder: Path, stated: dict[str, Any], fold: int | None, place: Path
) -> tuple[Project, TableSpec, dict[str, TransformedSplit]]:
    """A set's splits as the pipeline's Trainer reads them."""
    package = photos(folder, stated, fold, place) if "columns" in stated else table(folder, stated, place)
    project = Project(place, load_declaration(place / "use_case.toml"), package)
    audited = audit(project)
    write_splits(audited, place / "examples")
    spec = audited.spec
    preprocessing = import_from(place, project.use_case.modality.preprocessing)
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(raw_feature_spec(spec)))
    source = tfxio.TFExampleRecord(
        str(place / "examples" / "Split-train" / "*"), schema=metadata.schema, telemetry_descriptors=["truth"]
    )
    with tft_beam.Context(temp_dir=str(place / "temp")):
        import apache_beam as beam

        with beam.Pipeline() as pipeline:
            rows = pipeline | source.BeamSource()
            function = (rows, source.TensorAdapterConfig()) | tft_beam.AnalyzeDataset(
                lambda inputs: preprocessing(inputs, spec)
            )
            _ = function | tft_beam.WriteTransformFn(str(place / "graph"))
    output = tft.TFTransformOutput(str(place / "graph"))
    splits = {}
    for split in SPLITS:
        serialized, folds = read_folds([str(place / "examples" / f"Split-{split}" / "*")])
        splits[split] = replace(transform_examples(serialized, output, spec), fold=folds)
    return project, spec, splits


def table(folder: Path, stated: dict[str, Any], place: Path) -> str:
    """Declare a table; returns the use case."""
    as_commas(folder / stated["file"], place / "rows.csv")
    (place / "split.csv").write_bytes((folder / "split.csv").read_bytes())
    ignored = ", ".join(
        f'"{name}"' for name in [*stated.get("ignore", []), *filter(None, [stated.get("id")])]
    )
    (place / "use_case.toml").write_text(TABLE.format(label=stated["label"], ignore=ignored))
    return "customer_churn"


def photos(folder: Path, stated: dict[str, Any], fold: int | None, place: Path) -> str:
    """Declare a folder of photographs; returns the use case."""
    text = PHOTOS.format(
        folder=(folder / stated.get("folder", "")).resolve(),
        labels=(folder / "labels.csv").resolve(),
        evaluated='"test", "eval"' if fold is None else f'"{fold}"',
        columns="\n".join(f'{key} = "{value}"' for key, value in stated["columns"].items()),
    )
    (place / "use_case.toml").write_text(text)
    return "defect_inspection"


def as_commas(source: Path, target: Path) -> None:
    """A CSV file with commas between, whatever stood there."""
    with source.open(newline="", encoding="utf-8-sig") as file:
        dialect = csv.Sniffer().sniff(file.read(4096), delimiters=",;")
        file.seek(0)
        with target.open("w", newline="", encoding="utf-8") as copy:
            csv.writer(copy).writerows(csv.reader(file, dialect))


if __name__ == "__main__":
    sys.exit(main())

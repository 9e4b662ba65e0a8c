"""Are the recipes good on data that nobody tuned to? Public tables of a folder, by configuration alone.

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
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "templates" / "customer_churn"))

from solutionkit.environment import prepare_environment  # noqa: E402

prepare_environment()

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow_transform as tft  # noqa: E402
import tensorflow_transform.beam as tft_beam  # noqa: E402
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils  # noqa: E402
from tfx_bsl.public import tfxio  # noqa: E402

from solutionkit.declared_file import load_declaration  # noqa: E402
from solutionkit.examples.audit import audit  # noqa: E402
from solutionkit.examples.columns import TableSpec  # noqa: E402
from solutionkit.examples.encoding import write_splits  # noqa: E402
from solutionkit.models import gradient_boosting, tabular_network  # noqa: E402
from solutionkit.models.arrays import TransformedSplit, raw_feature_spec, read_folds, transform_examples  # noqa: E402
from solutionkit.ranks import roc_auc  # noqa: E402
from solutionkit.splits import SPLITS  # noqa: E402
from solutionkit.transform.tabular import preprocessing_fn  # noqa: E402
from solutionkit.use_case import Project  # noqa: E402

DECLARATION = """
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
TRAINERS = {"baseline": gradient_boosting.train, "deep": tabular_network.train}


def main() -> int:
    """Learn each set with each preset and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, default=ROOT.parent / "shared" / "samples")
    parser.add_argument("--sets", nargs="*", help="default: all")
    parser.add_argument("--presets", nargs="*", default=["quick", "standard"])
    options = parser.parse_args()
    known = tomllib.loads((HERE / "tables.toml").read_text())
    wanted = [name for name in options.sets or known if (options.samples / name).is_dir()]
    if not wanted:
        print(f"skipped: no such set in {options.samples}")
        return 0
    print(f"{os.cpu_count()} cores, {platform.platform()}\n")
    columns = [f"{preset} {name}" for preset in options.presets for name in TRAINERS]
    print("| table | reference | " + " | ".join(columns) + " | seconds |")
    print("|---|---|" + "---|" * (len(columns) + 1))
    reached = 0
    for name in wanted:
        best = max(known[name]["references"].values())
        figures, seconds = measure(options.samples / name, known[name], options.presets)
        reached += max(figures[-len(TRAINERS) :]) >= best
        told = " | ".join(f"{value:.4f}" for value in figures)
        spent = ", ".join(f"{value:.0f}" for value in seconds)
        print(f"| {name} | {best:.4f} | {told} | {spent} |", flush=True)
    print(f"\nThe better model of the last preset reaches the reference on {reached} of {len(wanted)}.")
    return 0


def measure(folder: Path, stated: dict[str, Any], presets: list[str]) -> tuple[list[float], list[float]]:
    """ROC-AUC of the evaluation rows, and seconds of training, by preset and model."""
    with tempfile.TemporaryDirectory() as place:
        project, spec, splits = transformed(folder, stated, Path(place))
        figures, seconds = [], []
        for preset in presets:
            training = project.training.model_copy(update={"preset": preset})
            for train in TRAINERS.values():
                started = time.monotonic()
                trained = train(splits["train"], splits["validation"], spec, training)
                seconds.append(time.monotonic() - started)
                rows = splits["eval"]
                scores = np.concatenate([np.asarray(trained.score(batch)) for batch in rows.batches(4096)])
                figures.append(roc_auc(rows.label > 0, scores[:, 0]))
                keras.backend.clear_session()
    return figures, seconds


def transformed(
    folder: Path, stated: dict[str, Any], place: Path
) -> tuple[Project, TableSpec, dict[str, TransformedSplit]]:
    """A set's splits as the pipeline's Trainer reads them."""
    as_commas(folder / stated["file"], place / "rows.csv")
    (place / "split.csv").write_bytes((folder / "split.csv").read_bytes())
    ignored = ", ".join(
        f'"{name}"' for name in [*stated.get("ignore", []), *filter(None, [stated.get("id")])]
    )
    (place / "use_case.toml").write_text(DECLARATION.format(label=stated["label"], ignore=ignored))
    project = Project(place, load_declaration(place / "use_case.toml"), "customer_churn")
    audited = audit(project)
    write_splits(audited, place / "examples")
    spec = audited.spec
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(raw_feature_spec(spec)))
    source = tfxio.TFExampleRecord(
        str(place / "examples" / "Split-train" / "*"), schema=metadata.schema, telemetry_descriptors=["truth"]
    )
    with tft_beam.Context(temp_dir=str(place / "temp")):
        import apache_beam as beam

        with beam.Pipeline() as pipeline:
            rows = pipeline | source.BeamSource()
            function = (rows, source.TensorAdapterConfig()) | tft_beam.AnalyzeDataset(
                lambda inputs: preprocessing_fn(inputs, spec)
            )
            _ = function | tft_beam.WriteTransformFn(str(place / "graph"))
    output = tft.TFTransformOutput(str(place / "graph"))
    splits = {}
    for split in SPLITS:
        serialized, folds = read_folds([str(place / "examples" / f"Split-{split}" / "*")])
        splits[split] = replace(transform_examples(serialized, output, spec), fold=folds)
    return project, spec, splits


def as_commas(source: Path, target: Path) -> None:
    """A CSV file with commas between, whatever stood there."""
    with source.open(newline="", encoding="utf-8-sig") as file:
        dialect = csv.Sniffer().sniff(file.read(4096), delimiters=",;")
        file.seek(0)
        with target.open("w", newline="", encoding="utf-8") as copy:
            csv.writer(copy).writerows(csv.reader(file, dialect))


if __name__ == "__main__":
    sys.exit(main())

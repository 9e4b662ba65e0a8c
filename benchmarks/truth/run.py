"""Are the recipes good on data that nobody tuned to? Public sets of a folder, by configuration alone.

    make setup && .venv/bin/python benchmarks/truth/run.py [--sets NAME …] [--presets quick standard best]

Each set is audited, transformed, learned and exported as the pipeline does it; TFMA, explanations and serving
are left out. Which settings are kept is decided by rows of the training side; the evaluation rows are only
told. "Mean" is the mean of baseline's and deep model's scores; milliseconds are those of one row in-process,
log losses of the evaluation rows are told on standard error. With two presets, the last lines say on how many
sets the later one is better, with a sign test.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import os
import platform
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FAMILIES = [Path(__file__).resolve().parent / f"{name}.toml" for name in ("tables", "images")]
for use_case in ("customer_churn", "defect_inspection", "medical_imaging"):
    sys.path.insert(0, str(ROOT / "templates" / use_case))

from solutionkit.environment import prepare_environment  # noqa: E402

prepare_environment()

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow_transform as tft  # noqa: E402
import tensorflow_transform.beam as tft_beam  # noqa: E402
from scipy.stats import binomtest  # noqa: E402
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils  # noqa: E402
from tfx_bsl.public import tfxio  # noqa: E402

from solutionkit.declaration import Training  # noqa: E402
from solutionkit.declared_file import load_declaration  # noqa: E402
from solutionkit.dotted import import_from  # noqa: E402
from solutionkit.examples.audit import audit  # noqa: E402
from solutionkit.examples.columns import TableSpec  # noqa: E402
from solutionkit.examples.encoding import write_splits  # noqa: E402
from solutionkit.models import export  # noqa: E402
from solutionkit.models.arrays import TransformedSplit, raw_feature_spec, read_folds, transform_examples  # noqa: E402
from solutionkit.models.calibrating import calibrated, log_losses  # noqa: E402
from solutionkit.models.saved import SavedScorer  # noqa: E402
from solutionkit.ranks import roc_auc  # noqa: E402
from solutionkit.splits import SPLITS  # noqa: E402
from solutionkit.tasks.classification.metrics import macro_f1  # noqa: E402
from solutionkit.use_case import Project  # noqa: E402

# Labels and scores -> the larger the better.
Metric = Callable[[np.ndarray, np.ndarray], float]
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
ARRAYS = """
[data]
path = "{arrays}"
{beside}split = "column"
eval_values = [{evaluated}]

[columns]
image = "image"
{columns}
"""
MODELS = ("simple", "baseline", "deep")
CALLS = 30


@dataclass(frozen=True)
class Found:
    """What a preset gives on a set; means over its folds.

    Attributes:
        quality: The metric of the evaluation rows, of the models and of the mean of the last two's scores.
        seconds: That training took.
        milliseconds: That one row takes.
        megabytes: Of the SavedModel.
    """

    quality: np.ndarray
    seconds: np.ndarray
    milliseconds: np.ndarray
    megabytes: np.ndarray

    @property
    def cells(self) -> list[str]:
        """As cells of a table."""
        told = [f"{value:.4f}" for value in self.quality]
        for values, digits in ((self.seconds, 0), (self.milliseconds, 2), (self.megabytes, 1)):
            told.append(", ".join(f"{value:.{digits}f}" for value in values))
        return told


@dataclass(frozen=True)
class Data:
    """What a Trainer reads.

    Attributes:
        project: The set as declared.
        spec: What its columns are.
        splits: Its rows, transformed.
        output: What tf.Transform wrote.
        examples: Some rows as serialized tf.Examples.
    """

    project: Project
    spec: TableSpec
    splits: dict[str, TransformedSplit]
    output: tft.TFTransformOutput
    examples: np.ndarray


def main() -> int:
    """Learn each set with each preset and print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
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
    print(
        "| set | preset | metric | reference | simple | baseline | deep | mean | seconds | one row, ms | MB |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    qualities, reached = [], 0
    for name in wanted:
        best = max(known[name]["references"].values())
        found = measure(options.samples / name, known[name], options.presets)
        reached += max(found[-1].quality[: len(MODELS)]) >= best
        for preset, item in zip(options.presets, found, strict=True):
            stated = [name, preset, known[name].get("metric", "roc_auc"), f"{best:.4f}"]
            print(f"| {' | '.join(stated + item.cells)} |", flush=True)
        qualities.append([item.quality for item in found])
    print(f"\nThe better model of the last preset reaches the reference on {reached} of {len(wanted)}.")
    compare(np.array(qualities), options.presets)
    return 0


def compare(qualities: np.ndarray, presets: list[str]) -> None:
    """Print on how many sets a preset is better than the one before it.

    Args:
        qualities: `(sets, presets, models and their mean)`.
        presets: Their names.
    """
    for place, (before, after) in enumerate(pairwise(presets)):
        for model, gains in zip(MODELS, np.diff(qualities, axis=1)[:, place].T, strict=False):
            better, worse = int((gains > 0).sum()), int((gains < 0).sum())
            p = binomtest(better, better + worse).pvalue if better + worse else 1.0
            print(
                f"{model}: {after} is better than {before} on {better} sets, worse on {worse} (sign test"
                f" p = {p:.2f}); mean gain {gains.mean():+.4f}"
            )


def measure(folder: Path, stated: dict[str, Any], presets: list[str]) -> list[Found]:
    """What each preset gives on a set."""
    metric = METRICS[stated.get("metric", "roc_auc")]
    rows: dict[str, list[Found]] = {preset: [] for preset in presets}
    for fold in stated.get("folds", [None]):
        with tempfile.TemporaryDirectory() as place:
            data = transformed(folder, stated, fold, Path(place))
            for seed in stated.get("seeds", [data.project.training.seed]):
                for preset in presets:
                    told = f"{folder.name} {'' if fold is None else fold} {preset} {seed}"
                    training = data.project.training.model_copy(update={"preset": preset, "seed": seed})
                    rows[preset].append(
                        learned(data, training, metric, Path(place) / f"{preset}{seed}", told)
                    )
    fields = [field.name for field in dataclasses.fields(Found)]
    return [
        Found(*(np.mean([getattr(item, name) for item in items], axis=0) for name in fields))
        for items in rows.values()
    ]


def learned(data: Data, training: Training, metric: Metric, folder: Path, told: str) -> Found:
    """The models with a preset.

    Args:
        data: What they learn from and are judged by.
        training: As declared.
        metric: Of the evaluation rows.
        folder: Where the models are written.
        told: What to call it on standard error, beside what is told of each training.
    """
    splits, answers, figures = data.splits, [], []
    for function in data.project.trainers.values():
        train = import_from(folder, function)
        started = time.monotonic()
        raw = train(splits["train"], splits["validation"], data.spec, training)
        labels = (splits["validation"].label, splits["train"].label)
        trained = calibrated(raw, *labels, data.spec.task.calibrators, training.seed)
        seconds = time.monotonic() - started
        batches = splits["eval"].batches(data.spec.rows_scored)
        answers.append(np.concatenate([np.asarray(trained.score(item)) for item in batches]))
        loss = log_losses(splits["eval"].label, answers[-1]).mean()
        print(f"{told} log loss {loss:.5f} {trained.facts}", file=sys.stderr, flush=True)
        exported = folder / function.partition(":")[0]
        export.export(trained, data.output, data.spec, data.examples, exported)
        saved = SavedScorer(exported)
        saved.score_examples(data.examples[:1])
        latency = []
        for _ in range(CALLS):
            begun = time.perf_counter()
            saved.score_examples(data.examples[:1])
            latency.append(time.perf_counter() - begun)
        figures.append([seconds, np.median(latency) * 1e3, export.model_size(exported) / 1e6])
        keras.backend.clear_session()
    quality = [metric(splits["eval"].label, item) for item in [*answers, np.mean(answers[1:], axis=0)]]
    return Found(np.array(quality), *np.transpose(figures))


def accuracy(labels: np.ndarray, scores: np.ndarray) -> float:
    """Share of rows whose likeliest class is theirs."""
    found = scores[:, 0] > 0.5 if scores.shape[1] == 1 else scores.argmax(axis=1)
    return float((found == labels).mean())


def separation(labels: np.ndarray, scores: np.ndarray) -> float:
    """ROC-AUC of the second of two classes."""
    return roc_auc(labels > 0, scores[:, 0])


def class_f1(labels: np.ndarray, scores: np.ndarray) -> float:
    """The mean of the classes' F1."""
    return float(macro_f1(labels, scores, np.ones((1, len(labels))))[0])


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "macro_f1": class_f1,
    "roc_auc": separation,
}


def transformed(folder: Path, stated: dict[str, Any], fold: int | None, place: Path) -> Data:
    """A set as the pipeline's Trainer reads it."""
    if "arrays" in stated:
        package = scans(folder, stated, fold, place)
    else:
        package = photos(folder, stated, fold, place) if "columns" in stated else table(folder, stated, place)
    return prepared(Project(place, load_declaration(place / "use_case.toml"), package), place)


def prepared(project: Project, place: Path) -> Data:
    """A project's rows as the pipeline's Trainer reads them.

    Args:
        project: The project.
        place: A folder for examples and graphs.
    """
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
    splits, examples = {}, np.zeros(0, object)
    for split in SPLITS:
        examples, folds = read_folds([str(place / "examples" / f"Split-{split}" / "*")])
        splits[split] = replace(transform_examples(examples, output, spec), fold=folds)
    return Data(project, spec, splits, output, examples[:64])


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


def scans(folder: Path, stated: dict[str, Any], fold: int | None, place: Path) -> str:
    """Declare a file of arrays; returns the use case."""
    evaluated = stated["evaluated"] if fold is None else [fold]
    columns = [f'{key} = "{value}"' for key, value in stated["columns"].items()]
    if "positive" in stated:
        columns.append(f"positive = {stated['positive']}")
    text = ARRAYS.format(
        arrays=(folder / stated["arrays"]).resolve(),
        beside=f'labels = "{(folder / stated["beside"]).resolve()}"\n' if "beside" in stated else "",
        evaluated=", ".join(f'"{value}"' if isinstance(value, str) else str(value) for value in evaluated),
        columns="\n".join(columns),
    )
    (place / "use_case.toml").write_text(text)
    return "medical_imaging"


def as_commas(source: Path, target: Path) -> None:
    """A CSV file with commas between, whatever stood there."""
    with source.open(newline="", encoding="utf-8-sig") as file:
        dialect = csv.Sniffer().sniff(file.read(4096), delimiters=",;")
        file.seek(0)
        with target.open("w", newline="", encoding="utf-8") as copy:
            csv.writer(copy).writerows(csv.reader(file, dialect))


if __name__ == "__main__":
    sys.exit(main())

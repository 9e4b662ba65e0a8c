"""Texts of public sets told by class, beside their reference numbers, without TFX.

    make setup && .venv/bin/python benchmarks/text/run.py <folder of sets> [--sets …] [--models …]

The folder holds `text_banking77`, `text_hwu64`, `text_github_issues`, `text_newsgroups_it`,
`text_airline_complaints` and `text_xsid_multilingual`. Models never see the official evaluation part.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import tensorflow as tf

from solutionkit.compare.metrics import Metric
from solutionkit.declaration import Training
from solutionkit.environment import prepare_environment
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import TEXT, Feature
from solutionkit.kinds.text_cleaning import STEPS, cleaned
from solutionkit.models.arrays import TransformedSplit
from solutionkit.tasks.routing.task import Routing

TRAINERS = {"simple": "bayes", "baseline": "linear", "deep": "network"}
SEED, FOLDS = 20, 6
PARTS = 512


@dataclass(frozen=True)
class Set:
    """A public set.

    Attributes:
        read: Folder of sets -> rows with `text`, `label`, `held_out`, and `unit` where rows belong together.
        metric: That of the reference.
        reference: What a linear model of TF-IDF gets.
    """

    read: Callable[[Path], pl.DataFrame]
    metric: str
    reference: str


def banking(folder: Path) -> pl.DataFrame:
    """Questions to a bank, 77 intents, official parts."""
    parts = [pl.read_csv(folder / "text_banking77" / f"{name}.csv") for name in ("train", "test")]
    return pl.concat(
        [
            part.select("text", label="category", held_out=pl.lit(name).cast(pl.Int64))
            for name, part in enumerate(parts)
        ]
    )


def plain(
    file: str, label: str, held_out: pl.Expr, *text: str, unit: str = ""
) -> Callable[[Path], pl.DataFrame]:
    """Rows of one file.

    Args:
        file: Within the folder of sets.
        label: The column.
        held_out: Which rows evaluate.
        text: The columns.
        unit: The column of what rows belong together by.
    """

    def read(folder: Path) -> pl.DataFrame:
        table = pl.read_csv(folder / file, infer_schema_length=0)
        joined = pl.concat_str([pl.col(name).fill_null("") for name in text], separator="\n")
        units = {"unit": pl.col(unit)} if unit else {}
        return table.select(text=joined, label=label, held_out=held_out.cast(pl.Int64), **units)

    return read


TEST, FOLD = pl.col("split") == "test", pl.col("fold") == "0"
SETS = {
    "banking77": Set(banking, "accuracy", ".912"),
    "hwu64": Set(plain("text_hwu64/hwu64.csv", "label", FOLD, "text"), "accuracy", ".885"),
    "github_issues": Set(
        plain("text_github_issues/issues.csv.gz", "label", TEST, "title", "body"), "macro_f1", ".765"
    ),
    "newsgroups_it": Set(
        plain("text_newsgroups_it/newsgroups_it.csv.gz", "label", TEST, "body"), "accuracy", ".739"
    ),
    "airline_complaints": Set(
        plain("text_airline_complaints/airline_complaints.csv", "label", FOLD, "text"), "macro_f1", ".477"
    ),
    "xsid": Set(
        plain("text_xsid_multilingual/xsid.csv", "intent", TEST, "text", unit="id"), "accuracy", ".896"
    ),
}


def arrays(table: pl.DataFrame) -> tuple[TableSpec, dict[str, TransformedSplit]]:
    """A set as models read it."""
    known = table.filter(pl.col("held_out") == 0)
    classes = sorted(known["label"].unique())
    table = table.filter(pl.col("label").is_in(classes))
    spec = TableSpec(Routing("label", tuple(classes)), (Feature("text", TEXT, tuple(STEPS)),))
    texts = table["text"].to_list()
    clean = [
        cleaned(tf.constant(texts[start : start + PARTS]), spec.features[0]).numpy()
        for start in range(0, len(texts), PARTS)
    ]
    codes = {name: place for place, name in enumerate(classes)}
    labels = np.array([codes[name] for name in table["label"].to_list()])
    random, held_out = np.random.default_rng(SEED), table["held_out"].to_numpy() == 1
    units = table["unit"].fill_null("").to_numpy() if "unit" in table.columns else np.arange(len(labels))
    units = np.where(units == "", [f"row {row}" for row in range(len(units))], units).astype(str)
    codes_of = np.unique(units, return_inverse=True)[1]
    fold = random.permutation(codes_of.max() + 1)[codes_of] % FOLDS
    whole = TransformedSplit({TEXT: np.concatenate(clean)}, labels, fold)
    places = {"train": ~held_out & (fold > 0), "validation": ~held_out & (fold == 0), "eval": held_out}
    return spec, {name: whole.take(place) for name, place in places.items()}


def outputs_of(score: Callable[[dict[str, tf.Tensor]], tf.Tensor], rows: TransformedSplit) -> np.ndarray:
    """`(rows, classes)`."""
    run = tf.function(score, autograph=False, reduce_retracing=True)
    return np.concatenate([run(batch).numpy() for batch in rows.batches(PARTS // 4)])


def covered(labels: np.ndarray, outputs: np.ndarray, share: float) -> float:
    """The accuracy of the surest rows."""
    order = np.argsort(-outputs.max(axis=1), kind="stable")[: round(share * len(labels))]
    return float((outputs[order].argmax(axis=1) == labels[order]).mean())


def measure(name: str, folder: Path, models: list[str], training: Training) -> None:
    """Train and judge models of a set, a line each."""
    item = SETS[name]
    spec, splits = arrays(item.read(folder))
    task = spec.task
    assert isinstance(task, Routing)
    labels = splits["eval"].label
    metrics: dict[str, Metric] = task.metrics()
    for model in models:
        started = time.monotonic()
        train = importlib.import_module(f"solutionkit.models.text.{TRAINERS[model]}").train
        trained = train(splits["train"], splits["validation"], spec, training)
        seconds = time.monotonic() - started
        outputs = outputs_of(trained.score, splits["eval"]).astype(np.float64)
        told = {
            key: metrics[key].value(labels, outputs) for key in ("accuracy", "macro_f1") if key in metrics
        }
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(
            f"| {name} | {len(splits['train'])} | {len(task.classes)} | {model} |"
            f" {' | '.join(f'{value:.4f}' for value in told.values())} |"
            f" {covered(labels, outputs, 0.8):.4f} |"
            f" {item.metric} {item.reference} | {seconds:.0f} | {memory:.1f} |",
            flush=True,
        )


def main() -> int:
    """Measure the sets that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    parser.add_argument("--models", nargs="*", default=list(TRAINERS), choices=list(TRAINERS))
    parser.add_argument("--preset", default="standard", choices=["quick", "standard"])
    options = parser.parse_args()
    if options.folder is None or not options.folder.is_dir():
        print("skipped: name the folder that holds the public sets")
        return 0
    prepare_environment()
    print(f"{os.cpu_count()} cores, {platform.platform()}, preset {options.preset}\n")
    print("| set | texts | classes | model | accuracy | macro F1 | of 80 % | reference | s | GB |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in options.sets:
        measure(name, options.folder, options.models, Training(preset=options.preset, seed=SEED))
    return 0


if __name__ == "__main__":
    sys.exit(main())

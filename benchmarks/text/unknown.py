"""Texts of classes that nobody told the models of: are they less sure of them?

    .venv/bin/python benchmarks/text/unknown.py <folder of sets> [--models baseline deep] [--preset quick]
        [--labelled]

A third of the classes of HWU64 is held out from training, five times by fixed seeds; told apart are the
evaluation's texts of known and of unknown classes, by the largest probability, beside the largest margin of
scikit-learn's LinearSVC on the same TF-IDF. With --labelled the models learn half of these classes as one
more, of what belongs nowhere, and are asked about the other half.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
from pathlib import Path

import numpy as np
import polars as pl
from run import SEED, SETS, TRAINERS, arrays, outputs_of
from scipy import sparse
from sklearn.svm import LinearSVC

from solutionkit.declaration import Training
from solutionkit.environment import prepare_environment
from solutionkit.kinds import TEXT
from solutionkit.models.text.features import learned_blocks, matrix
from solutionkit.ranks import roc_auc

DRAWS, HELD_OUT, REFUSED = 5, 1 / 3, 0.05
# What belongs nowhere; it comes first among classes.
NOWHERE = " nowhere"


def told(unknown: np.ndarray, doubt: np.ndarray) -> tuple[float, float]:
    """ROC-AUC, and the share of unknown texts that are refused where 5 % of the known ones are."""
    threshold = np.quantile(doubt[~unknown], 1.0 - REFUSED)
    return roc_auc(unknown, doubt), float((doubt[unknown] > threshold).mean())


def main() -> int:
    """Print a line a draw and model, and means."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", nargs="*", default=list(TRAINERS), choices=list(TRAINERS))
    parser.add_argument("--preset", default="quick", choices=["quick", "standard"])
    parser.add_argument("--labelled", action="store_true")
    options = parser.parse_args()
    prepare_environment()
    print(f"{os.cpu_count()} cores, {platform.platform()}, preset {options.preset}\n")
    print("| draw | model | accuracy of known | ROC-AUC | refused at 5 % |\n|---|---|---|---|---|")
    table = SETS["hwu64"].read(options.folder)
    classes = np.array(sorted(table["label"].unique()))
    found: dict[str, list[tuple[float, float, float]]] = {}
    for draw in range(DRAWS):
        drawn = np.random.default_rng(draw).permutation(classes)[: round(HELD_OUT * len(classes))]
        shown = drawn[: len(drawn) // 2] if options.labelled else drawn[:0]
        away = set(drawn[len(shown) :])
        # What is shown of what belongs nowhere is no part of the evaluation.
        asked = table.filter(~pl.col("label").is_in(shown) | (pl.col("held_out") == 0))
        asked = asked.with_columns(
            label=pl.when(pl.col("label").is_in(shown)).then(pl.lit(NOWHERE)).otherwise("label")
        )
        known = asked.filter(~pl.col("label").is_in(away) | (pl.col("held_out") == 1))
        # Unknown ones get a label of the known ones, which nobody reads.
        unknown = pl.col("label").is_in(away)
        first = next(name for name in classes if name not in drawn)
        spec, splits = arrays(
            known.with_columns(label=pl.when(unknown).then(pl.lit(first)).otherwise("label"))
        )
        evaluated = splits["eval"]
        strange = known.filter(pl.col("held_out") == 1)["label"].is_in(away).to_numpy()

        def note(
            name: str, doubt: np.ndarray, said: np.ndarray, strange: np.ndarray = strange,
            labels: np.ndarray = evaluated.label, draw: int = draw,
        ) -> None:  # fmt: skip
            right = float((said == labels)[~strange].mean())
            found.setdefault(name, []).append((right, *told(strange, doubt)))
            print(
                f"| {draw} | {name} | {' | '.join(f'{value:.4f}' for value in found[name][-1])} |", flush=True
            )

        train, validation = splits["train"], splits["validation"]
        blocks = learned_blocks(train.inputs[TEXT], 64)
        rows = [sparse.hstack(matrix(part.inputs[TEXT], blocks), "csr") for part in (train, evaluated)]
        margins = LinearSVC(C=0.5, random_state=SEED).fit(rows[0], train.label).decision_function(rows[1])
        note(
            "LinearSVC's margin",
            -margins[:, int(options.labelled) :].max(axis=1),
            np.unique(train.label)[margins.argmax(axis=1)],
        )
        for model in options.models:
            module = importlib.import_module(f"solutionkit.models.text.{TRAINERS[model]}")
            trained = module.train(train, validation, spec, Training(preset=options.preset, seed=SEED))
            outputs = outputs_of(trained.score, evaluated)
            note(model, -outputs[:, int(options.labelled) :].max(axis=1), outputs.argmax(axis=1))
    for name, lines in found.items():
        print(f"| mean | {name} | {' | '.join(f'{value:.4f}' for value in np.mean(lines, axis=0))} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())

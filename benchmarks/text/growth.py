"""How long very many tickets take: cleaned and masked, compared with each other, and scored.

    .venv/bin/python benchmarks/text/growth.py [--rows 1000000]

Tickets of the sample (`templates/support_tickets`), over and over with other numbers. Models are trained on
6,000 of them; told are seconds and the process's peak memory.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from run import PARTS, SEED, outputs_of

from solutionkit.declaration import Training
from solutionkit.environment import prepare_environment
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import TEXT, Feature
from solutionkit.kinds.text_cleaning import STEPS, cleaned_cells
from solutionkit.modalities.text.alike import alike_texts, joined, length_groups
from solutionkit.models.arrays import TransformedSplit
from solutionkit.tasks.routing.task import Routing

KNOWN, DISTINCT = 6000, 20_000
COLUMNS = ["subject", "body"]
FEATURE = Feature("text", TEXT, STEPS)


def main() -> int:
    """Print a line a step."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    prepare_environment()
    sys.path.insert(0, str(Path(__file__).parents[2] / "templates" / "support_tickets"))
    generate = importlib.import_module("support_tickets.sample_data").generate
    print(f"{os.cpu_count()} cores, {platform.platform()}, {options.rows:,} tickets\n")
    print("| step | s | GB at most |\n|---|---|---|")

    def told(step: str, started: float) -> None:
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"| {step} | {time.monotonic() - started:.0f} | {memory:.1f} |", flush=True)

    few = generate(DISTINCT, SEED)
    row = np.arange(options.rows)
    many = few.select(COLUMNS).take(pa.array(row % DISTINCT))
    many = many.set_column(0, "subject", pa.array([f"ticket {number}" for number in row]))
    started = time.monotonic()
    clean = pa.table({name: cleaned_cells(many[name], FEATURE) for name in COLUMNS})
    told("cleaned and masked", started)
    started = time.monotonic()
    alike_texts(many, COLUMNS)
    length_groups(many, COLUMNS)
    told("copies and lengths", started)
    known = few.slice(0, KNOWN)
    names, labels = np.unique(known["queue"].to_pylist(), return_inverse=True)
    texts = pa.table({name: cleaned_cells(known[name], FEATURE) for name in COLUMNS})
    encoded = np.array([text.encode() for text in joined(texts, COLUMNS).to_pylist()], object)
    fold = np.arange(KNOWN) % 6
    held_out = fold == 0
    rows = TransformedSplit({TEXT: encoded}, labels, fold)
    spec = TableSpec(Routing("queue", tuple(names)), (FEATURE,))
    whole = np.array([text.encode() for text in joined(clean, COLUMNS).to_pylist()], object)
    every = TransformedSplit({TEXT: whole}, np.zeros(len(whole), np.int64))
    for model in ("linear", "network"):
        train = importlib.import_module(f"solutionkit.models.text.{model}").train
        trained = train(rows.take(~held_out), rows.take(held_out), spec, Training(preset="quick", seed=SEED))
        started = time.monotonic()
        outputs_of(trained.score, every)
        told(f"scored by {model}, {PARTS // 4} at a time", started)
    return 0


if __name__ == "__main__":
    sys.exit(main())

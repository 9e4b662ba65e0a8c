"""What labels of chosen texts are worth beside labels of texts at random.

    .venv/bin/python benchmarks/text/labelling.py <folder of sets> [--sets hwu64 banking77]

From 500 labelled texts the baseline is trained, 250 more are chosen as `solutionkit label-next` chooses, or
drawn, and so on; told is the accuracy on the evaluation's texts.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from pathlib import Path

import numpy as np
from run import SEED, SETS, arrays, outputs_of
from sklearn.feature_extraction.text import HashingVectorizer

from solutionkit.declaration import Training
from solutionkit.environment import prepare_environment
from solutionkit.kinds import TEXT
from solutionkit.labelling import next_rows
from solutionkit.models.text import linear

START, BATCH, ROUNDS, SEEDS = 500, 250, 6, 3


def main() -> int:
    """Print accuracies by number of labels."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="*", default=["hwu64", "banking77"], choices=list(SETS))
    options = parser.parse_args()
    prepare_environment()
    print(f"{os.cpu_count()} cores, {platform.platform()}\n")
    counts = [START + BATCH * number for number in range(ROUNDS)]
    print(f"| set | chosen | {' | '.join(map(str, counts))} |\n|{'---|' * (len(counts) + 2)}")
    for name in options.sets:
        spec, splits = arrays(SETS[name].read(options.folder))
        pool, evaluated = splits["train"], splits["eval"]
        hashing = HashingVectorizer(n_features=2**16, ngram_range=(1, 2), token_pattern=r"\w+")
        vectors = hashing.transform([text.decode() for text in pool.inputs[TEXT]])
        for how in ("at random", "label-next"):
            accuracies = np.zeros((SEEDS, ROUNDS))
            for seed in range(SEEDS):
                random = np.random.default_rng(seed)
                order = random.permutation(len(pool))
                labelled, rest = order[:START], order[START:]
                for number in range(ROUNDS):
                    trained = linear.train(
                        pool.take(labelled), splits["validation"].take(slice(0, 200)), spec,
                        Training(preset="quick", seed=SEED),
                    )  # fmt: skip
                    said = outputs_of(trained.score, evaluated).argmax(axis=1)
                    accuracies[seed, number] = (said == evaluated.label).mean()
                    if how == "at random":
                        chosen = np.arange(BATCH)
                    else:
                        outputs = outputs_of(trained.score, pool.take(rest))
                        chosen = next_rows(outputs, vectors[rest], BATCH, seed)
                    labelled = np.concatenate([labelled, rest[chosen]])
                    rest = np.delete(rest, chosen)
            means = " | ".join(f"{value:.4f}" for value in accuracies.mean(axis=0))
            print(f"| {name} | {how} | {means} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

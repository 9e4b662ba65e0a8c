"""How often do conformal sets hold the truth, by site too, and is what is told surer than what is referred?

make setup && .venv/bin/python benchmarks/medical/coverage.py [--films 4000] [--preset quick] [--models …]

Films of the sample's generator with the corners covered, whole patients evaluate. Coverage counts patients by
class, as is promised; its standard error is that of so many independent ones.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "truth"))

import numpy as np
import run as truth

from solutionkit.compare.evaluation import unit_codes
from solutionkit.declaration import Training
from solutionkit.declared_file import load_declaration
from solutionkit.dotted import import_from
from solutionkit.models.arrays import parse_columns, read_serialized
from solutionkit.models.calibrating import calibrated
from solutionkit.tasks.classification.metrics import class_probabilities
from solutionkit.tasks.diagnosis.conformal import class_levels, covered_units, referred
from solutionkit.use_case import Project
from solutionkit.verbs.sample import write_sample

TEMPLATE = truth.ROOT / "templates" / "medical_imaging"
PROMISED = 0.9
Columns = dict[str, dict[str, np.ndarray]]


def main() -> None:
    """Learn, promise, and count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--films", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--models", nargs="*", default=["simple", "baseline"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        declared = (TEMPLATE / "use_case.toml").read_text()
        declared = declared.replace("# [images]", "[images]").replace("# corners", "corners")
        (place / "use_case.toml").write_text(declared)
        project = Project(place, load_declaration(place / "use_case.toml"), "medical_imaging")
        write_sample(project, project.sample_path, options.films, options.seed)
        data = truth.prepared(project, place)
        columns = {split: columns_of(data, place, split) for split in data.splits}
        sites = sorted(set(columns["eval"]["site"]))
        header = ["model", "held", *sites, "referred", "right of told", "right of all"]
        print(f"Promised: {PROMISED:.0%}\n\n| {' | '.join(header)} |\n|{'---|' * len(header)}")
        training = project.training.model_copy(update={"preset": options.preset})
        for name in options.models:
            print(f"| {' | '.join([name, *judged(data, name, training, columns, sites)])} |", flush=True)


def columns_of(data: truth.Data, place: Path, split: str) -> dict[str, np.ndarray]:
    """Patients and sites of a split's rows."""
    serialized = read_serialized([str(place / "examples" / f"Split-{split}" / "*")])
    return parse_columns(serialized, data.spec, ["patient", "site"])


def judged(data: truth.Data, name: str, training: Training, columns: Columns, sites: list[str]) -> list[str]:
    """A model's cells of the table.

    Args:
        data: What it learns from and is judged by.
        name: The model's.
        training: As declared.
        columns: Patients and sites by split.
        sites: All of them.
    """
    train, validation, evaluated = (data.splits[split] for split in ("train", "validation", "eval"))
    learn = import_from(data.project.folder, data.project.trainers[name])
    raw = learn(train, validation, data.spec, training)
    model = calibrated(raw, validation.label, train.label, data.spec.task.calibrators, training.seed)
    known, held_out = validation.label, model.validation_scores
    patients = columns["validation"]["patient"]
    if model.train_scores is not None:
        told = ~np.isnan(model.train_scores).any(axis=1)
        known = np.concatenate([train.label[told], known])
        held_out = np.concatenate([model.train_scores[told], held_out])
        patients = np.concatenate([columns["train"]["patient"][told], patients])
    levels = class_levels(known, class_probabilities(held_out), unit_codes(patients), PROMISED)
    batches = evaluated.batches(data.spec.rows_scored)
    said = class_probabilities(np.concatenate([np.asarray(model.score(batch)) for batch in batches]))
    units, site = unit_codes(columns["eval"]["patient"]), columns["eval"]["site"]
    covered, pairs = covered_units(evaluated.label, said, levels, units)
    by_site = [covered[np.unique(pairs[site == value])] for value in sites]
    unsure, right = referred(said, levels), said.argmax(axis=1) == evaluated.label
    shares = [f"{share:.1%}" for share in (unsure.mean(), right[~unsure].mean(), right.mean())]
    return [*map(shown, [covered, *by_site]), *shares]


def shown(covered: np.ndarray) -> str:
    """A share with its standard error and of how many."""
    share = covered.mean()
    return f"{share:.1%} ± {np.sqrt(share * (1 - share) / len(covered)):.1%} of {len(covered):,}"


if __name__ == "__main__":
    main()

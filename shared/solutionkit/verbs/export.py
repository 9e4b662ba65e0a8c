"""`solutionkit export`: a model in another format, checked against the SavedModel on the evaluation rows."""

from __future__ import annotations

import argparse
import functools
import time

import numpy as np
import pyarrow as pa

from solutionkit.environment import prepare_environment
from solutionkit.errors import UserError
from solutionkit.examples.columns import load_spec
from solutionkit.examples.encoding import with_files
from solutionkit.kinds import IMAGE
from solutionkit.output import summary_to, written
from solutionkit.runner.models import model_folder
from solutionkit.splits import EVAL
from solutionkit.tasks.classification.task import classification
from solutionkit.use_case import load_project
from solutionkit.verbs.check import load_audited
from solutionkit.verbs.log import stderr_to


def main(options: argparse.Namespace) -> int:
    """Convert, check and write."""
    prepare_environment()
    if not options.output.resolve().parent.is_dir():
        raise UserError(f"{options.output}: its folder does not exist; make it first.")
    folder = model_folder(load_project(options.project), options.model)
    spec = load_spec(folder)
    if not spec.of(IMAGE):
        raise UserError(f"{folder}: LiteRT is for networks of images; serve this model instead.")
    project, audited = load_audited(options.project, None)
    if audited.spec != spec:
        raise UserError(
            f"{folder}: use_case.toml or the images have changed since this model was trained; run the"
            " pipeline again, so that it is checked on images that it has not seen."
        )
    with stderr_to(project.state / "logs" / "export.log"):
        from solutionkit.examples.encoding import unlabelled_examples
        from solutionkit.explain.loading import ModelExplainer
        from solutionkit.models.litert import LiteScorer, convert
        from solutionkit.models.saved import SavedScorer

        content = convert(folder)
        lite, saved = LiteScorer(content), SavedScorer(folder)
        rows = audited.table.filter(pa.array(audited.splits == EVAL))
        labels = rows[spec.label].to_numpy()
        transform = ModelExplainer(folder).transform
        expected, converted, seconds = [], [], 0.0
        for piece in with_files(rows, spec, audited.folder):
            expected.append(saved.score_table(piece))
            images = transform(unlabelled_examples(piece.drop_columns([spec.label]), spec)).of(IMAGE)
            started = time.perf_counter()
            converted.append(lite.score(images))
            seconds += time.perf_counter() - started
    before, after = np.concatenate(expected), np.concatenate(converted)
    with written(options.output) as stream:
        stream.write(content)
    say = functools.partial(print, file=summary_to(options.output))
    task = classification(spec)
    height, width, channels = spec.only(IMAGE).shape
    say(f"{options.model} model ({folder}) in {options.output}: {len(content) / 1e3:,.0f} kB")
    say(f"input    1 x {height} x {width} x {channels} pixels, float32 from 0 to {spec.only(IMAGE).white:,}")
    say(f"output   {task.outputs} probabilities: {', '.join(task.classes[-task.outputs :])}")
    say(f"speed    {1000 * seconds / len(labels):.1f} ms an image on one thread, without decoding")
    say(f"on {len(labels):,} evaluation images{'':12}SavedModel  LiteRT")
    for metric in task.metrics().values():
        values = (metric.value(labels, scores) for scores in (before, after))
        say(f"         {metric.title:28}{next(values):10.4f}{next(values):8.4f}")
    say(
        f"largest difference of a probability {np.abs(before - after).max():.3f},"
        f" mean {np.abs(before - after).mean():.4f}"
    )
    return 0

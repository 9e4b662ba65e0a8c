"""Images a second of ingest, training and scoring, ours beside a plain tf.data and Keras script, in one run.

    make setup && .venv/bin/python benchmarks/images/run.py [--images 1200]

The plain script does the same work on the same files: it decodes and scales every image, trains the same
network with the same batches, and scores the same files. Quality comes first: the sample's figures and heat
maps; `benchmarks/truth` has public photographs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from solutionkit.environment import prepare_environment
from solutionkit.kinds import IMAGE

prepare_environment()

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from solutionkit.declaration import Training  # noqa: E402
from solutionkit.examples.audit import audit  # noqa: E402
from solutionkit.examples.columns import TableSpec  # noqa: E402
from solutionkit.examples.encoding import write_splits  # noqa: E402
from solutionkit.explain.loading import ModelExplainer  # noqa: E402
from solutionkit.models import image_network  # noqa: E402
from solutionkit.models.arrays import TransformedSplit, read_serialized  # noqa: E402
from solutionkit.models.image_learning import BATCH  # noqa: E402
from solutionkit.models.residual_network import SIZES  # noqa: E402
from solutionkit.models.saved import SavedScorer  # noqa: E402
from solutionkit.runner.models import model_folder  # noqa: E402
from solutionkit.use_case import IMAGES, Project, load_project  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
EPOCHS = (1, 4)
IMAGES_A_REQUEST, CONCURRENCY, SECONDS = 8, 4, 5.0


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1200)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, {platform.platform()}\n")
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder), "sample")
        command = [str(BIN / "solutionkit"), "sample", "--rows", str(options.images)]
        subprocess.run(command, cwd=project, check=True, capture_output=True)
        quality(project, "sample")
        speed(load_project(project))
    return 0


def make_project(folder: Path, slug: str) -> Path:
    """Generate a project."""
    answers = ["use_case=defect_inspection", f"project_name={slug}", f"project_slug={slug}"]
    command = [str(BIN / "cookiecutter"), str(ROOT), "--no-input", "--output-dir", str(folder), *answers]
    subprocess.run(command, check=True, capture_output=True)
    return folder / slug


def quality(project: Path, title: str) -> None:
    """Run the pipeline and print what the models are worth."""
    started = time.monotonic()
    subprocess.run([str(BIN / "solutionkit"), "run"], cwd=project, check=True, capture_output=True)
    compared = json.loads((project / "runs" / "latest" / "comparison.json").read_text())
    explained = json.loads((project / "runs" / "latest" / "explanations.json").read_text())
    print(f"{title}: {compared['rows']['train']} + {compared['rows']['eval']} images,", end=" ")
    print(f"{time.monotonic() - started:.0f} s in all\n\n{compared['reason']}\n")
    print("| model | accuracy | 95 % interval | training, s | pointing game | by chance | IoU |")
    print("|---|---|---|---|---|---|---|")
    for name in ("baseline", "deep"):
        model, heat = compared["models"][name], explained["models"][name].get("localisation")
        found = model["metrics"]["accuracy"]
        cells = [name, f"{found['value']:.4f}", f"{found['low']:.4f} to {found['high']:.4f}"]
        cells.append(f"{model['train_seconds']:.0f}")
        cells += (
            [
                f"{heat['pointing_game']['value']:.2f}",
                f"{heat['pointing_game_by_chance']:.2f}",
                f"{heat['iou']:.2f}",
            ]
            if heat
            else ["", "", ""]
        )
        print(f"| {' | '.join(cells)} |")
    print()


def speed(project: Project) -> None:
    """Print images a second of both."""
    audited = audit(project)
    folder = model_folder(project, "deep")
    spec = audited.spec
    files = [str(project.sample_path / name) for name in audited.table["image"].to_pylist()]
    labels = audited.table[spec.label].to_numpy()
    rows: list[tuple[str, float, float]] = []

    arrays: list[TransformedSplit] = []
    pixels: list[np.ndarray] = []
    rows.append(
        (
            "ingest: files to pixels in memory",
            rate(lambda: arrays.append(ours_ingest(project, folder)), len(files)),
            rate(lambda: pixels.append(plain_ingest(files, spec)), len(files)),
        )
    )
    data = TransformedSplit({"image": pixels[0]}, labels)
    rows.append(("training, an epoch", ours_training(data, spec), plain_training(files, labels, spec)))

    scorer, maps = SavedScorer(folder), network_of(folder)
    source = project.sample_path / "images"

    def ours_scoring() -> None:
        for piece in IMAGES.read_new(source, spec).pieces():
            scorer.score_table(piece)

    def plain_scoring() -> None:
        dataset = plain_dataset(files, spec).batch(128).prefetch(2)
        maps.predict(dataset, verbose=0)

    ours_scoring()
    plain_scoring()
    ours, plain = rate(ours_scoring, len(files)), rate(plain_scoring, len(files))
    rows.append(("scoring files, in-process", ours, plain))
    rows.append(("serving files, gRPC", served(project), plain))
    print("| work, images a second | ours | tf.data and Keras | ratio |")
    print("|---|---|---|---|")
    for name, ours, plain in rows:
        print(f"| {name} | {ours:,.0f} | {plain:,.0f} | {ours / plain:.2f} |")


def rate(work: Callable[[], object], images: int) -> float:
    """Images a second."""
    started = time.perf_counter()
    work()
    return images / (time.perf_counter() - started)


def ours_ingest(project: Project, model: Path) -> TransformedSplit:
    """The audit, the tf.Examples, and tf.Transform's graph over them."""
    explainer = ModelExplainer(model)
    with tempfile.TemporaryDirectory() as folder:
        write_splits(audit(project), Path(folder))
        serialized = read_serialized([f"{folder}/Split-*/*"])
    return explainer.transform(serialized)


def plain_dataset(files: list[str], spec: TableSpec) -> tf.data.Dataset:
    """Files decoded and scaled, as many at a time as tf.data likes."""
    height, width, channels = spec.only(IMAGE).shape

    def load(file: tf.Tensor) -> tf.Tensor:
        image = tf.io.decode_image(tf.io.read_file(file), channels, expand_animations=False)
        image.set_shape([None, None, channels])
        return tf.image.resize(image, (height, width), antialias=True)

    return tf.data.Dataset.from_tensor_slices(files).map(load, num_parallel_calls=tf.data.AUTOTUNE)


def plain_ingest(files: list[str], spec: TableSpec) -> np.ndarray:
    """All pixels in memory."""
    batches = plain_dataset(files, spec).batch(128).prefetch(2)
    return np.concatenate([batch.numpy().astype(np.uint8) for batch in batches])


def ours_training(data: TransformedSplit, spec: TableSpec) -> float:
    """Images a second of an epoch, compilation apart."""
    seconds = []
    for epochs in EPOCHS:
        training = Training(epochs=epochs)
        bag = image_network.Bag.of(data, data.take(np.arange(32)), spec, training)
        learner = bag.learner(0, image_network.Recipe(SIZES[training.size]))
        started = time.perf_counter()
        learner.finished()
        seconds.append(time.perf_counter() - started)
    return len(data) * (EPOCHS[1] - EPOCHS[0]) / (seconds[1] - seconds[0])


def plain_training(files: list[str], labels: np.ndarray, spec: TableSpec) -> float:
    """The same network by `compile` and `fit` on cached files, with Keras's own augmentation layers."""
    change = keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal_and_vertical"),
            keras.layers.RandomContrast(0.2, value_range=(0, 255)),
            keras.layers.RandomBrightness(0.06),
        ]
    )
    dataset = tf.data.Dataset.zip(
        plain_dataset(files, spec).cache(), tf.data.Dataset.from_tensor_slices(labels)
    )
    dataset = dataset.shuffle(len(files)).batch(BATCH, drop_remainder=True)
    dataset = dataset.map(
        lambda image, label: (change(image, training=True), label), num_parallel_calls=tf.data.AUTOTUNE
    ).prefetch(2)
    seconds = []
    for epochs in EPOCHS:
        network = image_network.build(spec, Training()).whole
        network.compile(
            keras.optimizers.AdamW(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        )
        started = time.perf_counter()
        network.fit(dataset, epochs=epochs, verbose=0)
        seconds.append(time.perf_counter() - started)
    return len(files) * (EPOCHS[1] - EPOCHS[0]) / (seconds[1] - seconds[0])


def network_of(model: Path) -> keras.Model:
    """The exported network as a Keras model."""
    extra = model / "assets.extra" / "explanation"
    maps = keras.models.load_model(extra / image_network.MAPS_FILE, compile=False)
    head = keras.models.load_model(extra / image_network.HEAD_FILE, compile=False)
    return keras.Model(maps.input, head(maps.output))


def served(project: Project) -> float:
    """Images a second that our server answers over gRPC; client and server share the cores."""
    command = [str(BIN / "solutionkit"), "loadtest", "--model", "deep", "--json", "load.json"]
    command += ["--rows", str(IMAGES_A_REQUEST), "--concurrency", str(CONCURRENCY), "--seconds", str(SECONDS)]
    subprocess.run(command, cwd=project.folder, check=True, capture_output=True)
    load = json.loads((project.folder / "load.json").read_text())["loads"][0]
    return float(load["requests_per_second"]) * IMAGES_A_REQUEST


if __name__ == "__main__":
    sys.exit(main())

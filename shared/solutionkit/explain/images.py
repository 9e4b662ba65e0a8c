"""The models of images explained on the same ones: the content of `explanations.json`."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import PIL.Image
import tensorflow as tf

from solutionkit.compare.calibration import wilson
from solutionkit.examples.columns import TableSpec
from solutionkit.explain import summary
from solutionkit.explain.attribution import RELIABLE, Attribution
from solutionkit.explain.evaluated import EvaluatedModels
from solutionkit.explain.image_models import ImageExplainer
from solutionkit.explain.localisation import chance_of_pointing, deletion, enlarged, overlap, points_at
from solutionkit.kinds import IMAGE
from solutionkit.modalities.image.folder import MASK_LEVEL
from solutionkit.tasks.classification.metrics import class_probabilities, detected, detection_scores
from solutionkit.tasks.classification.task import classification
from solutionkit.transform.images import decoded, fitted, with_channels

# Images with a mask on which heat maps are judged; and how many are shown of each outcome.
JUDGED, SHOWN = 40, 3
SHOWN_KINDS = ("true_positive", "false_negative", "false_positive", "right", "confused")


def explain_images(evaluated: EvaluatedModels) -> dict[str, Any]:
    """Explain the models.

    Args:
        evaluated: The models, and the rows.

    Returns:
        The content of `explanations.json`.
    """
    examples, labels, ids = evaluated.examples, evaluated.labels, evaluated.ids
    explainers, probabilities = evaluated.explainers, evaluated.outputs
    selected, decision, seed = evaluated.selected, evaluated.decision, evaluated.seed
    spec = evaluated.spec
    outputs = probabilities[selected]
    notable = spec.task.notable(labels, outputs, decision, SHOWN)
    shown = [(kind, row) for kind in SHOWN_KINDS for row in notable.get(kind, [])]
    task = classification(spec)
    positive = np.flatnonzero(detected(labels) if task.has_negative_class else np.ones(len(labels), bool))
    for feature in spec.metadata_files:
        positive = positive[has_mask(examples[positive], feature.name)]
    drawn = np.random.default_rng(seed).permutation(positive)[:JUDGED]
    rows = np.concatenate([np.sort(drawn), np.array([row for _, row in shown], np.int64)])
    arrays = explainers["baseline"].transform(examples[rows])
    masks = read_masks(examples[rows], spec, arrays.of(IMAGE).shape[1:3])
    taken_for = class_probabilities(probabilities[selected]).argmax(axis=1)
    targets = taken_for[rows].astype(np.int64)
    everything = {name: model.explainer.explain(arrays, targets) for name, model in explainers.items()}
    # What another draw would show otherwise is not shown.
    steady = {name: ~(item.reliabilities < RELIABLE) for name, item in everything.items()}
    judged = [place for place in range(len(drawn)) if masks[place] is not None]
    models: dict[str, dict[str, Any]] = {}
    for name, attribution in everything.items():
        overall = attribution.take(slice(len(drawn)))
        models[name] = {
            "method": explainers[name].explainer.method,
            "base_value": float(overall.base.mean()),
            "residual": summary.residual(overall),
            "reliability": overall.reliability,
        }
        if judged:
            models[name]["localisation"] = localisation(
                explainers[name].explainer, attribution, arrays.of(IMAGE), targets, masks, judged, seed
            )
    single = []
    for place, (kind, row) in enumerate(shown, start=len(drawn)):
        mask = masks[place]
        single.append(
            {
                "kind": kind,
                "id": ids[row],
                "label": task.classes[int(labels[row])],
                "taken_for": {
                    name: task.classes[int(class_probabilities(item[row][None]).argmax())]
                    for name, item in probabilities.items()
                },
                "score": {
                    name: float(
                        detection_scores(item[row][None])[0]
                        if task.has_negative_class
                        else item[row][targets[place]]
                    )
                    for name, item in probabilities.items()
                },
                "image": as_data_uri(arrays.of(IMAGE)[place], spec),
                "mask": None if mask is None else as_data_uri(mask[..., None] * np.uint8(255), None),
                "heat": {
                    name: np.round(attribution.values[place], 4).tolist()
                    for name, attribution in everything.items()
                    if steady[name][place]
                },
            }
        )
    return {
        "kind": "images",
        "unit": "log odds",
        "rows": len(drawn),
        "target": task.positive_name or f"the class that the {selected} model takes it for",
        "models": models,
        "agreement": agreement(everything, arrays.of(IMAGE).shape[1:3]),
        "single_rows": single,
    }


def has_mask(examples: np.ndarray, name: str) -> np.ndarray:
    """`(rows,)` whether serialized tf.Examples have a mask."""
    parsed = tf.io.parse_example(examples, {name: tf.io.FixedLenFeature([], tf.string, "")})
    there: np.ndarray = parsed[name].numpy() != b""
    return there


def read_masks(examples: np.ndarray, spec: TableSpec, size: tuple[int, ...]) -> list[np.ndarray | None]:
    """The masks of serialized tf.Examples as `(height, width)` truth values, None where there is none."""
    if not spec.metadata_files:
        return [None] * len(examples)
    name = spec.metadata_files[0].name
    parsed = tf.io.parse_example(examples, {name: tf.io.FixedLenFeature([], tf.string, "")})[name]
    masks: list[np.ndarray | None] = []
    for file in parsed.numpy():
        if not file:
            masks.append(None)
            continue
        pixels = with_channels(decoded(tf.constant(file), tf.uint8), 1)
        scaled = fitted(tf.cast(pixels > MASK_LEVEL, tf.float32), size)[..., 0].numpy()
        masks.append(scaled >= min(0.5, float(scaled.max())))
    return masks


def localisation(
    explainer: ImageExplainer,
    attribution: Attribution,
    images: np.ndarray,
    targets: np.ndarray,
    masks: list[np.ndarray | None],
    judged: list[int],
    seed: int,
) -> dict[str, Any]:
    """How well the heat finds what the masks show.

    Args:
        explainer: The model's.
        attribution: Heat of the explained images.
        images: `(images, height, width, channels)` these.
        targets: `(images,)` the output that is explained.
        masks: Of each image `(height, width)` truth values, if there are.
        judged: Positions of images that have a mask.
        seed: Of what is deleted at random.
    """
    height, width = images.shape[1:3]
    random = np.random.default_rng(seed)
    sound = explainer.background[0]
    hits, overlaps, chances, deleted, at_random = [], [], [], [], []
    for place in judged:
        mask = masks[place]
        assert mask is not None
        heat = enlarged(attribution.values[place], height, width)
        hits.append(points_at(heat, mask))
        overlaps.append(overlap(heat, mask))
        chances.append(chance_of_pointing(mask))

        def outputs(steps: np.ndarray, place: int = place) -> np.ndarray:
            return explainer.outputs(steps, np.repeat(targets[place], len(steps)))

        deleted.append(deletion(images[place], heat, sound, outputs))
        noise = enlarged(random.random(attribution.values[place].shape), height, width)
        at_random.append(deletion(images[place], noise, sound, outputs))
    low, high = wilson(sum(hits), len(hits))
    return {
        "images": len(hits),
        "pointing_game": {"value": float(np.mean(hits)), "low": low, "high": high},
        "pointing_game_by_chance": float(np.mean(chances)),
        "iou": float(np.mean(overlaps)),
        "deletion": float(np.mean(deleted)),
        "deletion_at_random": float(np.mean(at_random)),
    }


def agreement(everything: dict[str, Attribution], size: tuple[int, ...]) -> dict[str, Any]:
    """How far the two models look at the same places."""
    pairs = zip(everything["baseline"].values, everything["deep"].values, strict=True)
    correlations = []
    for ours, theirs in pairs:
        first, second = enlarged(ours, *size), enlarged(theirs, *size)
        if first.std() > 0 and second.std() > 0:
            correlations.append(float(np.corrcoef(first.ravel(), second.ravel())[0, 1]))
    return {"heat_correlation": float(np.mean(correlations)) if correlations else None}


def as_data_uri(pixels: np.ndarray, spec: TableSpec | None) -> str:
    """`(height, width, channels)` pixels as a PNG within an address."""
    white = spec.only(IMAGE).white if spec is not None else 255
    shown = np.minimum(pixels * (255.0 / white), 255.0).astype(np.uint8)
    target = io.BytesIO()
    PIL.Image.fromarray(shown[..., 0] if shown.shape[-1] == 1 else shown).save(target, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(target.getvalue()).decode()

"""Both models of images explained on the same ones: the content of `explanations.json`."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import PIL.Image
import tensorflow as tf

from solutionkit.compare.calibration import wilson
from solutionkit.compare.metrics import class_probabilities, detected, detection_scores
from solutionkit.examples.columns import TableSpec
from solutionkit.examples.images import MASK_LEVEL
from solutionkit.explain import summary
from solutionkit.explain.attribution import Attribution
from solutionkit.explain.image_models import ImageExplainer
from solutionkit.explain.loading import ModelExplainer
from solutionkit.explain.localisation import chance_of_pointing, deletion, enlarged, overlap, points_at
from solutionkit.transform.images import decoded, with_channels

# Images with a mask on which heat maps are judged; and how many are shown of each outcome.
JUDGED, SHOWN = 40, 3


def explain_images(
    examples: np.ndarray,
    labels: np.ndarray,
    ids: list[str],
    explainers: dict[str, ModelExplainer],
    probabilities: dict[str, np.ndarray],
    selected: str,
    threshold: float | None,
    seed: int,
) -> dict[str, Any]:
    """Explain both models.

    Args:
        examples: `(rows,)` serialized tf.Examples of the evaluation split.
        labels: `(rows,)` class ids.
        ids: What to call each row.
        explainers: By model name.
        probabilities: `(rows, outputs)` by model name.
        selected: The model whose hits and misses are shown.
        threshold: That model's decision threshold, where there is something to decide.
        seed: Draws the images on which heat maps are judged.

    Returns:
        The content of `explanations.json`.
    """
    spec = next(iter(explainers.values())).spec
    shown = notable_images(labels, probabilities[selected], threshold, spec)
    positive = np.flatnonzero(detected(labels) if spec.detects else np.ones(len(labels), bool))
    if spec.mask:
        positive = positive[has_mask(examples[positive], spec.mask)]
    drawn = np.random.default_rng(seed).permutation(positive)[:JUDGED]
    rows = np.concatenate([np.sort(drawn), np.array([row for _, row in shown], np.int64)])
    arrays = explainers["baseline"].transform(examples[rows])
    masks = read_masks(examples[rows], spec, arrays.image.shape[1:3])
    taken_for = class_probabilities(probabilities[selected]).argmax(axis=1)
    targets = taken_for[rows].astype(np.int64)
    everything = {name: model.explainer.explain(arrays, targets) for name, model in explainers.items()}
    judged = [place for place in range(len(drawn)) if masks[place] is not None]
    models: dict[str, dict[str, Any]] = {}
    for name, found in everything.items():
        overall = found.take(slice(len(drawn)))
        models[name] = {
            "method": explainers[name].explainer.method,
            "base_value": float(overall.base.mean()),
            "residual": summary.residual(overall),
        }
        if judged:
            models[name]["localisation"] = localisation(
                explainers[name].explainer, found, arrays.image, targets, masks, judged, seed
            )
    single = []
    for place, (kind, row) in enumerate(shown, start=len(drawn)):
        mask = masks[place]
        single.append(
            {
                "kind": kind,
                "id": ids[row],
                "label": spec.classes[int(labels[row])],
                "taken_for": {
                    name: spec.classes[int(class_probabilities(item[row][None]).argmax())]
                    for name, item in probabilities.items()
                },
                "score": {
                    name: float(
                        detection_scores(item[row][None])[0] if spec.detects else item[row][targets[place]]
                    )
                    for name, item in probabilities.items()
                },
                "image": as_data_uri(arrays.image[place], spec),
                "mask": None if mask is None else as_data_uri(mask[..., None] * np.uint8(255), None),
                "heat": {
                    name: np.round(found.values[place], 4).tolist() for name, found in everything.items()
                },
            }
        )
    return {
        "kind": "images",
        "unit": "log odds",
        "rows": len(drawn),
        "target": spec.positive_name or f"the class that the {selected} model takes it for",
        "models": models,
        "agreement": agreement(everything, arrays.image.shape[1:3]),
        "single_rows": single,
    }


def notable_images(
    labels: np.ndarray, probabilities: np.ndarray, threshold: float | None, spec: TableSpec
) -> list[tuple[str, int]]:
    """`(kind, row)` of images worth a look: the surest hits, misses and false alarms, or confusions."""
    taken_for = class_probabilities(probabilities).argmax(axis=1)
    if spec.detects and threshold is not None:
        scores, positive = detection_scores(probabilities), detected(labels) == 1
        flagged = scores >= threshold
        groups = {
            "true_positive": (flagged & positive, scores),
            "false_negative": (~flagged & positive, -scores),
            "false_positive": (flagged & ~positive, scores),
        }
    else:
        sure = probabilities.max(axis=1)
        groups = {"right": (taken_for == labels, sure), "confused": (taken_for != labels, sure)}
    found = []
    for kind, (members, strength) in groups.items():
        rows = np.flatnonzero(members)
        found += [(kind, int(row)) for row in rows[np.argsort(-strength[rows], kind="stable")[:SHOWN]]]
    return found


def has_mask(examples: np.ndarray, name: str) -> np.ndarray:
    """`(rows,)` whether serialized tf.Examples have a mask."""
    parsed = tf.io.parse_example(examples, {name: tf.io.FixedLenFeature([], tf.string, "")})
    found: np.ndarray = parsed[name].numpy() != b""
    return found


def read_masks(examples: np.ndarray, spec: TableSpec, size: tuple[int, ...]) -> list[np.ndarray | None]:
    """The masks of serialized tf.Examples as `(height, width)` truth values, None where there is none."""
    if spec.mask is None:
        return [None] * len(examples)
    parsed = tf.io.parse_example(examples, {spec.mask: tf.io.FixedLenFeature([], tf.string, "")})[spec.mask]
    masks: list[np.ndarray | None] = []
    for file in parsed.numpy():
        if not file:
            masks.append(None)
            continue
        pixels = with_channels(decoded(tf.constant(file), tf.uint8), 1)
        scaled = tf.image.resize(tf.cast(pixels > MASK_LEVEL, tf.float32), size, method="area")[
            ..., 0
        ].numpy()
        masks.append(scaled >= min(0.5, float(scaled.max())))
    return masks


def localisation(
    explainer: ImageExplainer,
    found: Attribution,
    images: np.ndarray,
    targets: np.ndarray,
    masks: list[np.ndarray | None],
    judged: list[int],
    seed: int,
) -> dict[str, Any]:
    """How well the heat finds what the masks show."""
    height, width = images.shape[1:3]
    random = np.random.default_rng(seed)
    sound = explainer.background[0]
    hits, overlaps, chances, deleted, at_random = [], [], [], [], []
    for place in judged:
        mask = masks[place]
        assert mask is not None
        heat = enlarged(found.values[place], height, width)
        hits.append(points_at(heat, mask))
        overlaps.append(overlap(heat, mask))
        chances.append(chance_of_pointing(mask))

        def outputs(steps: np.ndarray, place: int = place) -> np.ndarray:
            return explainer.outputs(steps, np.repeat(targets[place], len(steps)))

        deleted.append(deletion(images[place], heat, sound, outputs))
        noise = enlarged(random.random(found.values[place].shape), height, width)
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
    found = []
    for ours, theirs in pairs:
        first, second = enlarged(ours, *size), enlarged(theirs, *size)
        if first.std() > 0 and second.std() > 0:
            found.append(float(np.corrcoef(first.ravel(), second.ravel())[0, 1]))
    return {"heat_correlation": float(np.mean(found)) if found else None}


def as_data_uri(pixels: np.ndarray, spec: TableSpec | None) -> str:
    """`(height, width, channels)` pixels as a PNG within an address."""
    white = spec.image.white if spec is not None and spec.image is not None else 255
    shown = np.minimum(pixels * (255.0 / white), 255.0).astype(np.uint8)
    target = io.BytesIO()
    PIL.Image.fromarray(shown[..., 0] if shown.shape[-1] == 1 else shown).save(target, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(target.getvalue()).decode()

"""What else must be known of models of scans: what they bear, and whether they know who made a scan.

Beside heat maps: how much is lost under noise, contrast, rotation, blur and JPEG? Can site or scanner be read
from what the last layer of a network sees? That a network knows them is no fault yet; with a corner that
drives the answer (`modalities.image.shortcut`) it is how.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
from scipy import ndimage
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from solutionkit.explain.evaluated import EvaluatedModels
from solutionkit.explain.images import explain_images
from solutionkit.kinds import IMAGE
from solutionkit.models.arrays import parse_columns
from solutionkit.ranks import roc_auc
from solutionkit.tasks.classification.metrics import class_probabilities, detected
from solutionkit.tasks.classification.task import classification

# Scans that are looked at, values of a column at most that are read, and patients of each in a class.
MOST_SCANS, MOST_VALUES, FEWEST_UNITS = 240, 8, 15
# Directions of the last layer that are read from, and the parts that are read by what was learned of others.
DIRECTIONS, PARTS = 20, 5


def explain_scans(evaluated: EvaluatedModels) -> dict[str, Any]:
    """Explain the models as images', and test what drives them.

    Args:
        evaluated: The models, and the rows.

    Returns:
        The content of `explanations.json`; beside that of images `robustness` and `read_from_last_layer`.
    """
    examples, labels, seed = evaluated.examples, evaluated.labels, evaluated.seed
    explainers, probabilities = evaluated.explainers, evaluated.outputs
    told = explain_images(evaluated)
    spec = explainers["baseline"].spec
    rows = np.sort(np.random.default_rng(seed).permutation(len(labels))[:MOST_SCANS])
    scans = explainers["baseline"].transform(examples[rows]).of(IMAGE).astype(np.float32)
    task = classification(spec)
    white = float(spec.only(IMAGE).white)
    units = np.arange(len(rows)) if evaluated.units is None else evaluated.units[rows]
    findings = {further.label for further in spec.further}
    makers = [name for name in spec.carried if name not in findings]
    made_by = {
        name: values
        for name, values in parse_columns(examples[rows], spec, makers).items()
        if 2 <= len(set(values.tolist())) <= MOST_VALUES
    }
    for name, model in explainers.items():
        targets = class_probabilities(probabilities[name][rows]).argmax(axis=1).astype(np.int64)
        outputs = model.explainer.outputs

        def said(images: np.ndarray, outputs: Any = outputs, targets: np.ndarray = targets) -> np.ndarray:
            odds: np.ndarray = outputs(images, targets)
            return odds

        if hasattr(model.explainer, "last_layer"):
            told["models"][name]["read_from_last_layer"] = readable(
                model.explainer.last_layer(scans), made_by, labels[rows], units, seed
            )
        if task.has_negative_class:
            told["models"][name]["robustness"] = robustness(said, scans, detected(labels[rows]), white, seed)
    told["kind"] = "scans"
    return told


def readable(
    features: np.ndarray, made_by: dict[str, np.ndarray], labels: np.ndarray, units: np.ndarray, seed: int
) -> list[dict[str, Any]]:
    """How well a column can be read from a network's last layer, among scans of one class.

    Within classes, because who made a scan may go with the disease, which the network is to know.

    Args:
        features: `(scans, features)` what the last layer sees.
        made_by: Columns such as site and scanner, each `(scans,)`.
        labels: `(scans,)` class ids.
        units: `(scans,)` codes of patients: who was learned from is not read.
        seed: Of the parts.

    Returns:
        By column the ROC-AUC (0.5 by chance) of its values against all others, of scans that were not
        learned from.
    """
    told = []
    for column, values in made_by.items():
        found: list[tuple[int, float]] = []
        for label in np.unique(labels):
            own = labels == label
            for value in sorted(set(values.tolist())):
                wanted, whose = values[own] == value, units[own]
                if min(len(np.unique(whose[side])) for side in (wanted, ~wanted)) < FEWEST_UNITS:
                    continue
                reader = make_pipeline(
                    StandardScaler(),
                    PCA(DIRECTIONS, random_state=seed),
                    LogisticRegression(max_iter=1000),
                )
                parts = StratifiedGroupKFold(PARTS, shuffle=True, random_state=seed)
                said = cross_val_predict(
                    reader, features[own], wanted, groups=whose, cv=parts, method="decision_function"
                )
                found.append((int(own.sum()), roc_auc(wanted, said)))
        if found:
            scans = sum(count for count, _ in found)
            told.append({"column": column, "roc_auc": sum(count * value for count, value in found) / scans})
    return told


def robustness(
    said: Callable[[np.ndarray], np.ndarray], scans: np.ndarray, labels: np.ndarray, white: float, seed: int
) -> list[dict[str, Any]]:
    """The ROC-AUC of worse scans, beside that of these.

    Args:
        said: `(scans, height, width, channels)` -> `(scans,)` log odds.
        scans: The scans.
        labels: `(scans,)` 0 or 1.
        white: The largest value of a pixel.
        seed: Of the noise.
    """
    if labels.all() or not labels.any():
        return []
    random = np.random.default_rng(seed)
    told: list[dict[str, Any]] = []
    for name, worse in disturbed(scans, white, random).items():
        odds = said(worse)
        told.append({"change": name, "roc_auc": roc_auc(labels == 1, odds)})
    return told


def disturbed(scans: np.ndarray, white: float, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Scans as they are and worse, by what was done to them."""
    height, width = scans.shape[1:3]
    middle = scans.mean(axis=(1, 2), keepdims=True)
    noise = random.normal(0.0, 1.0, scans.shape).astype(np.float32)
    half = ndimage.zoom(scans, (1, 0.5, 0.5, 1), order=1)
    factors = (1, height / half.shape[1], width / half.shape[2], 1)
    return {
        "as they are": scans,
        "noise of 5 %": np.clip(scans + 0.05 * white * noise, 0.0, white),
        "noise of 10 %": np.clip(scans + 0.1 * white * noise, 0.0, white),
        "three quarters of the contrast": middle + 0.75 * (scans - middle),
        "brighter by 10 %": np.clip(scans + 0.1 * white, 0.0, white),
        "rotated by 5 degrees": ndimage.rotate(
            scans, 5.0, axes=(1, 2), reshape=False, order=1, mode="nearest"
        ),
        "rotated by 10 degrees": ndimage.rotate(
            scans, 10.0, axes=(1, 2), reshape=False, order=1, mode="nearest"
        ),
        "JPEG of quality 30": np.stack([as_jpeg(scan, white) for scan in scans]),
        "half the resolution": ndimage.zoom(half, factors, order=1)[:, :height, :width],
    }


def as_jpeg(scan: np.ndarray, white: float, quality: int = 30) -> np.ndarray:
    """`(height, width, channels)` pixels as a JPEG file of eight bits leaves them."""
    target = io.BytesIO()
    pixels = np.clip(scan * (255.0 / white), 0, 255).astype(np.uint8)
    PIL.Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(
        target, "JPEG", quality=quality
    )
    read = np.asarray(PIL.Image.open(target), np.float32) * np.float32(white / 255.0)
    return read.reshape(scan.shape)

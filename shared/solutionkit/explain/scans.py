"""What else must be known of models of scans: what drives them, and what they bear.

Beside heat maps: does a corner drive the answer, where a marker may stand that goes with the disease (J. Zech
et al., "Variable generalization performance of a deep learning model to detect pneumonia", PLOS Medicine 15,
2018)? How much is lost under noise, contrast, rotation, blur and JPEG?
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
from scipy import ndimage, stats

from solutionkit.compare.exported import parse_columns
from solutionkit.explain.evaluated import EvaluatedModels
from solutionkit.explain.images import explain_images
from solutionkit.kinds import IMAGE
from solutionkit.ranks import roc_auc
from solutionkit.tasks.classification.metrics import class_probabilities, detected
from solutionkit.tasks.classification.task import classification

# Scans that are looked at, and values of a column at most that are compared.
MOST_SCANS, MOST_VALUES, FEWEST_SCANS = 240, 8, 15
# A corner's side, as a share of the scan's; places within the body of the same size beside.
CORNER, BESIDE = 0.22, 4
# So much must the log odds of a group move more than those of others, and so unlikely by chance.
STRONG, TIMES, LEVEL = 0.5, 4.0, 0.01
PLACES = {"top left": (0, 0), "top right": (0, 1), "bottom left": (1, 0), "bottom right": (1, 1)}


def explain_scans(evaluated: EvaluatedModels) -> dict[str, Any]:
    """Explain the models as images', and test what drives them.

    Args:
        evaluated: The models, and the rows.

    Returns:
        The content of `explanations.json`; beside that of images `shortcut` and `robustness`.
    """
    examples, labels, seed = evaluated.examples, evaluated.labels, evaluated.seed
    explainers, probabilities = evaluated.explainers, evaluated.outputs
    told = explain_images(evaluated)
    spec = explainers["baseline"].spec
    rows = np.sort(np.random.default_rng(seed).permutation(len(labels))[:MOST_SCANS])
    scans = explainers["baseline"].transform(examples[rows]).of(IMAGE).astype(np.float32)
    task = classification(spec)
    white = float(spec.only(IMAGE).white)
    made_by = {
        name: values
        for name, values in parse_columns(examples[rows], spec, list(spec.carried)).items()
        if 2 <= len(set(values.tolist())) <= MOST_VALUES
    }
    for name, model in explainers.items():
        targets = class_probabilities(probabilities[name][rows]).argmax(axis=1).astype(np.int64)
        outputs = model.explainer.outputs

        def said(images: np.ndarray, outputs: Any = outputs, targets: np.ndarray = targets) -> np.ndarray:
            odds: np.ndarray = outputs(images, targets)
            return odds

        told["models"][name]["shortcut"] = shortcut(said, scans, made_by, seed)
        if task.has_negative_class:
            told["models"][name]["robustness"] = robustness(said, scans, detected(labels[rows]), white, seed)
    told["kind"] = "scans"
    told["shortcut"] = in_words({name: told["models"][name]["shortcut"] for name in explainers})
    return told


def shortcut(
    said: Callable[[np.ndarray], np.ndarray],
    scans: np.ndarray,
    made_by: dict[str, np.ndarray],
    seed: int,
) -> dict[str, Any]:
    """How far each corner moves the answer, beside places within the body, and for whose scans.

    Args:
        said: `(scans, height, width, channels)` -> `(scans,)` log odds.
        scans: The scans.
        made_by: Columns such as site and scanner, each `(scans,)`.
        seed: Of the places within the body.

    Returns:
        `corners` with the mean absolute `change` of the log odds, `within` that of places in the body, and
        `found`: corners that move the answer of one value's scans.
    """
    before = said(scans)
    height, width = scans.shape[1:3]
    side = max(int(CORNER * min(height, width)), 2)
    random = np.random.default_rng(seed)
    within = []
    for _ in range(BESIDE):
        top, left = (int(random.integers(side, max(size - 2 * side, side + 1))) for size in (height, width))
        within.append(np.abs(before - said(covered(scans, top, left, side))).mean())
    usual = float(np.mean(within))
    corners, tested = [], []
    for place, (down, across) in PLACES.items():
        change = before - said(covered(scans, down * (height - side), across * (width - side), side))
        corners.append({"place": place, "change": float(np.abs(change).mean())})
        for column, values in made_by.items():
            for value in sorted(set(values.tolist())):
                own = values == value
                if min(own.sum(), (~own).sum()) < FEWEST_SCANS or change.std() == 0.0:
                    continue
                tested.append(
                    {
                        "place": place,
                        "column": column,
                        "value": value,
                        "change": float(change[own].mean()),
                        "elsewhere": float(change[~own].mean()),
                        "p_value": float(stats.ttest_ind(change[own], change[~own], equal_var=False).pvalue),
                    }
                )
    found = [
        item
        for item in tested
        if abs(item["change"] - item["elsewhere"]) >= STRONG
        and abs(item["change"]) >= TIMES * abs(item["elsewhere"])
        and item["p_value"] * len(tested) < LEVEL
    ]
    found.sort(key=lambda item: -abs(item["change"] - item["elsewhere"]))
    return {"corners": corners, "within": usual, "found": found}


def covered(scans: np.ndarray, top: int, left: int, side: int) -> np.ndarray:
    """Scans of which a square shows nothing but the median of what lies about it.

    Args:
        scans: `(scans, height, width, channels)`.
        top: The square's first row.
        left: Its first column.
        side: Its side, pixels.
    """
    result = scans.copy()
    around = scans[:, max(top - 2, 0) : top + side + 2, max(left - 2, 0) : left + side + 2]
    plain = np.median(around, axis=(1, 2), keepdims=True)
    result[:, top : top + side, left : left + side] = plain
    return result


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


def in_words(found: dict[str, dict[str, Any]]) -> str:
    """One sentence a model that goes by a corner; that none does, else."""
    told = []
    for name, item in found.items():
        if item["found"]:
            hit = item["found"][0]
            told.append(
                f"The {name} model goes by the {hit['place']} corner: without it the log odds of scans with"
                f" {hit['column']} = {hit['value']} fall by {hit['change']:.2f} on average, those of others"
                f" by {hit['elsewhere']:.2f}, and places within the body move them by {item['within']:.2f}."
                " Such a model tells who made the scan, not what is on it: cover the corners"
                " (images.corners) and train again."
            )
    return (
        " ".join(told)
        or "No corner drives the answer of any model more for one group of scans than for others."
    )

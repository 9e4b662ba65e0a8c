"""Heat laid over images: warm where the picture speaks for the class, cold where it speaks against it."""

from __future__ import annotations

import base64
import io
from typing import Any

import matplotlib as mpl
import numpy as np
import PIL.Image

from solutionkit.examples.columns import TableSpec
from solutionkit.explain.localisation import enlarged
from solutionkit.kinds import IMAGE

COLOURS = "RdBu_r"
STRONGEST = 0.65
SHOWN_SIDE = 192


def overlay(pixels: np.ndarray, heat: np.ndarray, spec: TableSpec | None = None) -> np.ndarray:
    """`(height, width, 3)` uint8: the image in grey under its heat.

    Args:
        pixels: `(height, width, channels)`.
        heat: `(places, places)` contributions.
        spec: Says how many bits the pixels have; 8 without it.
    """
    largest = spec.only(IMAGE).white if spec is not None else 255
    grey = pixels.astype(np.float64).mean(axis=-1, keepdims=True) / largest
    place = enlarged(heat, *pixels.shape[:2])
    scale = max(float(np.abs(heat).max()), 1e-9)
    colour = mpl.colormaps[COLOURS](0.5 + 0.5 * np.clip(place / scale, -1.0, 1.0))[..., :3]
    strength = STRONGEST * np.abs(place / scale).clip(0.0, 1.0)[..., None]
    mixed: np.ndarray = np.round(255.0 * ((1.0 - strength) * grey + strength * colour)).astype(np.uint8)
    return mixed


def overlay_uri(image: str, heat: list[list[float]]) -> str:
    """A PNG within an address, from an image within an address and its heat."""
    with PIL.Image.open(io.BytesIO(base64.b64decode(image.partition(",")[2]))) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    target = io.BytesIO()
    mixed = PIL.Image.fromarray(overlay(pixels, np.array(heat)))
    longer = max(mixed.size)
    if longer < SHOWN_SIDE:
        factor = SHOWN_SIDE / longer
        mixed = mixed.resize((round(mixed.width * factor), round(mixed.height * factor)))
    mixed.save(target, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(target.getvalue()).decode()


def with_overlays(single_rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with a picture of each model's heat in the place of its numbers."""
    return [
        {
            **row,
            "overlay": {model: overlay_uri(row["image"], heat) for model, heat in row["heat"].items()},
        }
        for row in single_rows
    ]

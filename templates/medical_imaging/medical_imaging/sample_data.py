"""Rendered films of chests with planted findings, masks that show where, and a mark that goes with disease.

Each patient has a chest of its own (width, ribs, heart, soft tissue), and up to four films are taken of it. A
film shows an opacity, an effusion, both or nothing, from barely visible to plain. Ill patients are more often
filmed in bed, by a portable scanner that burns an L into the top left corner: whoever learns that mark has
learned nothing about lungs. `MARKED` is what a report must find out, and what is gone when the corner is
cropped.
"""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
import PIL.ImageDraw
import pyarrow as pa
from scipy import ndimage

SIDE = 96
MOST_FILMS = 4
ILL_SHARE = 0.4
OPACITY, EFFUSION = 0.7, 0.45
SITES, SITE_SHARES = ("north", "south"), (0.6, 0.4)
# How often patients are filmed in bed, if they are ill and if they are not.
IN_BED = {True: 0.75, False: 0.15}
PORTABLE, FIXED = "portable", "fixed"
MARKED = ("top left", "scanner", PORTABLE)
MARKER, MARKER_SIDE = 215.0, 10
# How unlike each other bodies are, in grey levels, and how wide that is.
TISSUE, TISSUE_PIXELS = 5.0, 8.0
# The least change in grey levels that a mask calls a finding.
VISIBLE = 5.0
YES, NO = "yes", "no"


def generate(rows: int, seed: int, marker: bool = True) -> pa.Table:
    """Render films.

    Args:
        rows: How many.
        seed: The same seed gives the same films.
        marker: Whether the portable scanner burns its mark into the corner.

    Returns:
        One row a film: `image` (a PNG file), `abnormal`, `opacity` and `effusion` (yes or no), `patient`,
        `sex`, `age_band`, `site`, `scanner`, and `mask`, a PNG file that is white where a finding is, or
        nothing.
    """
    random = np.random.default_rng(seed)
    columns: dict[str, list[object]] = {
        name: []
        for name in (
            "image",
            "abnormal",
            "opacity",
            "effusion",
            "patient",
            "sex",
            "age_band",
            "site",
            "scanner",
            "mask",
        )
    }
    number = 0
    while len(columns["image"]) < rows:
        number += 1
        ill = random.random() < ILL_SHARE
        body = Chest(random)
        site = str(random.choice(SITES, p=SITE_SHARES))
        sex = str(random.choice(("F", "M")))
        age = int(np.clip(random.normal(62 if ill else 50, 15), 20, 94)) // 20 * 20
        for _ in range(min(int(random.integers(1, MOST_FILMS + 1)), rows - len(columns["image"]))):
            portable = random.random() < IN_BED[ill]
            opacity = ill and random.random() < OPACITY
            effusion = ill and random.random() < EFFUSION
            film, mask = body.film(random, opacity, effusion, portable and marker)
            told = {
                "image": as_png(film),
                "abnormal": YES if opacity or effusion else NO,
                "opacity": YES if opacity else NO,
                "effusion": YES if effusion else NO,
                "patient": f"P{number:05d}",
                "sex": sex,
                "age_band": f"{age}-{age + 19}",
                "site": site,
                "scanner": PORTABLE if portable else FIXED,
                "mask": as_png(np.where(mask, 255.0, 0.0)) if mask.any() else None,
            }
            for name, value in told.items():
                columns[name].append(value)
    binary = {"image", "mask"}
    return pa.table(
        {
            name: pa.array(values, pa.large_binary() if name in binary else pa.string())
            for name, values in columns.items()
        }
    )


class Chest:
    """One patient's chest.

    Args:
        random: Draws it.
    """

    def __init__(self, random: np.random.Generator) -> None:
        self.width = random.uniform(0.36, 0.43)
        self.lung = random.uniform(0.125, 0.155), random.uniform(0.26, 0.31)
        self.heart = random.uniform(0.10, 0.15)
        self.ribs = random.uniform(7.5, 10.0), random.uniform(0.0, 8.0)
        tissue = ndimage.gaussian_filter(random.normal(size=(SIDE, SIDE)), TISSUE_PIXELS)
        self.tissue = TISSUE * tissue / tissue.std()

    def film(
        self, random: np.random.Generator, opacity: bool, effusion: bool, marked: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """`(SIDE, SIDE)` grey levels, and where a finding can be seen.

        Args:
            random: Draws position, exposure and noise.
            opacity: Whether there is one.
            effusion: Whether there is one.
            marked: Whether the scanner's mark is burned in.
        """
        down, across = np.mgrid[0:SIDE, 0:SIDE] / SIDE
        y, x = 0.5 + random.normal(0.0, 0.012, 2)
        body = soft(1.0 - ((across - x) / self.width) ** 2 - ((down - y - 0.08) / 0.56) ** 2, 0.05)
        lungs = np.zeros((SIDE, SIDE))
        for side in (-1, 1):
            wide, high = self.lung
            lungs += soft(
                1.0 - ((across - x - side * 0.185) / wide) ** 2 - ((down - y + 0.02) / high) ** 2, 0.12
            )
        heart = soft(1.0 - ((across - x - 0.05) / self.heart) ** 2 - ((down - y - 0.13) / 0.14) ** 2, 0.15)
        spine = np.exp(-(((across - x) / 0.035) ** 2))
        period, phase = self.ribs
        bend = ((across - x) * SIDE) ** 2 / 260.0
        ribs = np.clip(np.sin(2.0 * np.pi * (down * SIDE + bend - phase) / period) - 0.55, 0.0, None)
        grey = 18.0 + 125.0 * body - 85.0 * lungs * (1.0 - heart) + 28.0 * spine * body + 26.0 * ribs * lungs
        grey = grey + self.tissue * body
        change = np.zeros((SIDE, SIDE))
        if opacity:
            change += self._opacity(random, y, x, down, across)
        if effusion:
            change += self._effusion(random, y, x, down, across) * (lungs > 0.05)
        grey = grey + change
        grey = grey * random.uniform(0.9, 1.1) + random.normal(0.0, 4.0, grey.shape)
        if marked:
            grey = np.where(as_mark() > 0.5, MARKER, grey)
        return grey, change > VISIBLE

    def _opacity(
        self, random: np.random.Generator, y: float, x: float, down: np.ndarray, across: np.ndarray
    ) -> np.ndarray:
        """A cloudy spot within a lung."""
        wide, high = self.lung
        side = -1.0 if random.random() < 0.5 else 1.0
        turn, far = random.uniform(0.0, 2.0 * np.pi), np.sqrt(random.uniform(0.0, 0.5))
        centre_y = y - 0.02 + high * far * np.sin(turn)
        centre_x = x + side * 0.185 + wide * far * np.cos(turn)
        size = random.uniform(0.05, 0.1)
        cloud = ndimage.gaussian_filter(random.normal(size=down.shape), 2.5)
        spot = np.exp(-((down - centre_y) ** 2 + (across - centre_x) ** 2) / (2.0 * (0.6 * size) ** 2))
        found: np.ndarray = random.uniform(12.0, 45.0) * spot * (1.0 + 0.5 * cloud / cloud.std())
        return found

    def _effusion(
        self, random: np.random.Generator, y: float, x: float, down: np.ndarray, across: np.ndarray
    ) -> np.ndarray:
        """Fluid at the bottom of a lung, higher at its outer side."""
        wide, high = self.lung
        side = -1.0 if random.random() < 0.5 else 1.0
        outward = (across - x - side * 0.185) * side / wide
        level = (
            y
            - 0.02
            + high * random.uniform(0.3, 0.75)
            - 0.06 * np.clip(outward, -1.0, 1.0) ** 2 * (outward > 0)
        )
        inside = (np.abs(outward) < 1.0) & (down < y - 0.02 + high)
        found: np.ndarray = random.uniform(12.0, 42.0) * inside / (1.0 + np.exp(-(down - level) / 0.012))
        return found


def soft(value: np.ndarray, width: float) -> np.ndarray:
    """1 where a value is above nought, 0 below, with a soft edge."""
    edge: np.ndarray = 1.0 / (1.0 + np.exp(-np.clip(value / width, -30.0, 30.0)))
    return edge


def as_mark() -> np.ndarray:
    """`(SIDE, SIDE)` the mark of the portable scanner: an L in the top left corner."""
    canvas = PIL.Image.new("L", (SIDE, SIDE))
    drawing = PIL.ImageDraw.Draw(canvas)
    drawing.line([(5, 4), (5, 4 + MARKER_SIDE), (5 + MARKER_SIDE // 2, 4 + MARKER_SIDE)], fill=255, width=2)
    return np.asarray(canvas) / 255.0


def as_png(grey: np.ndarray) -> bytes:
    """Grey levels as a PNG file."""
    target = io.BytesIO()
    PIL.Image.fromarray(np.clip(np.round(grey), 0, 255).astype(np.uint8)).save(target, "PNG")
    return target.getvalue()

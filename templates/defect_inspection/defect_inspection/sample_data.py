"""Sample photos of rolled metal plates, some with a planted defect, and masks that show where.

Each plate has a finish of its own (grain, roll marks, brightness, uneven light), and four photos are taken
of it, so photos of one plate must not stand on both sides of a split. About half of the photos show nothing
worse than dust. Defects are drawn from barely visible to plain, so that no model finds all of them.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import PIL.Image
import PIL.ImageDraw
import pyarrow as pa
from scipy import ndimage

SIDE = 128
PHOTOS_OF_A_PLATE = 4
OK = "ok"
OK_SHARE = 0.5
STATIONS = ("north", "south")
# The least change in grey levels that a mask calls a defect.
VISIBLE = 4.0


def generate(rows: int, seed: int) -> pa.Table:
    """Render photos.

    Args:
        rows: How many.
        seed: The same seed gives the same photos.

    Returns:
        One row a photo: `image` (a PNG file), `defect` (what it shows, or "ok"), `plate`, `station`, and
        `mask`, a PNG file that is white where the defect is, or nothing.
    """
    random = np.random.default_rng(seed)
    images: list[bytes] = []
    masks: list[bytes | None] = []
    labels: list[str] = []
    for row in range(rows):
        if row % PHOTOS_OF_A_PLATE == 0:
            finish = random.uniform(size=4)
        surface = render_surface(random, finish)
        kind = OK if random.random() < OK_SHARE else str(random.choice(list(DEFECTS)))
        labels.append(kind)
        if kind == OK:
            masks.append(None)
        else:
            change, shape = DEFECTS[kind](random)
            surface = surface + change
            masks.append(as_png(np.where(shape, 255.0, 0.0)))
        images.append(as_png(surface + random.normal(0.0, 3.0, surface.shape)))
    return pa.table(
        {
            "image": pa.array(images, pa.large_binary()),
            "defect": labels,
            "plate": [f"P{row // PHOTOS_OF_A_PLATE:05d}" for row in range(rows)],
            "station": [STATIONS[row // PHOTOS_OF_A_PLATE % len(STATIONS)] for row in range(rows)],
            "mask": pa.array(masks, pa.large_binary()),
        }
    )


def render_surface(random: np.random.Generator, finish: np.ndarray) -> np.ndarray:
    """`(SIDE, SIDE)` grey levels of a sound surface.

    Args:
        random: Draws the photo.
        finish: `(4,)` between 0 and 1: coarseness, contrast and brightness of the grain, unevenness of light.
    """
    coarse, contrast, bright, uneven = finish
    grain = ndimage.gaussian_filter(random.normal(size=(SIDE, SIDE)), (0.7, 2.0 + 8.0 * coarse))
    grain *= (6.0 + 8.0 * contrast) / grain.std()
    marks = ndimage.gaussian_filter1d(random.normal(size=(SIDE, 1)), 0.8, axis=0)
    angle = random.uniform(0.0, 2.0 * np.pi)
    down, across = np.mgrid[0:SIDE, 0:SIDE] / SIDE - 0.5
    light = (10.0 + 40.0 * uneven) * (np.cos(angle) * across + np.sin(angle) * down)
    surface: np.ndarray = 105.0 + 50.0 * bright + grain + 3.0 * marks + light
    for _ in range(random.poisson(2.0)):
        y, x = random.integers(2, SIDE - 2, 2)
        surface[y : y + 2, x : x + 2] += random.uniform(-45.0, 45.0)
    return surface


def scratch(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A thin bent line across the grain, brighter or darker."""
    length, angle = random.uniform(30, 90), random.uniform(0.3, np.pi - 0.3)
    bend = random.uniform(-0.006, 0.006)
    steps = np.linspace(-0.5, 0.5, 24) * length
    turns = angle + bend * steps
    y, x = place(random, 20)
    points = [(x + s * np.cos(t), y + s * np.sin(t)) for s, t in zip(steps, turns, strict=True)]
    canvas = PIL.Image.new("L", (SIDE, SIDE))
    PIL.ImageDraw.Draw(canvas).line(points, fill=255, width=int(random.integers(1, 3)))
    line = ndimage.gaussian_filter(np.asarray(canvas) / 255.0, 0.6)
    return planted(line * sign(random) * random.uniform(22.0, 75.0))


def pit(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A few small dark holes with a bright rim."""
    change = np.zeros((SIDE, SIDE))
    y, x = place(random, 24)
    for _ in range(random.integers(2, 6)):
        distance = distances(y + random.normal(0.0, 9.0), x + random.normal(0.0, 9.0))
        radius = random.uniform(1.8, 4.0)
        change -= random.uniform(35.0, 80.0) * np.exp(-((distance / radius) ** 2))
        change += 14.0 * np.exp(-(((distance - 1.9 * radius) / 1.2) ** 2))
    return planted(change)


def inclusion(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A ragged dark streak along the grain."""
    y, x = place(random, 24)
    down, across = np.mgrid[0:SIDE, 0:SIDE]
    width, length = random.uniform(2.0, 4.5), random.uniform(9.0, 24.0)
    ragged = ndimage.gaussian_filter(random.normal(size=(SIDE, SIDE)), 2.0) * 7.0
    body = 1.0 - ((down - y) / width) ** 2 - ((across - x) / length) ** 2 + ragged
    inside = ndimage.gaussian_filter((body > 0.0).astype(float) * (np.abs(across - x) < 1.5 * length), 0.7)
    inside *= np.abs(down - y) < 3.0 * width
    return planted(-inside * random.uniform(18.0, 55.0))


def patch(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A ragged area where the grain is gone and a rough scale shows."""
    y, x = place(random, 30)
    ragged = ndimage.gaussian_filter(random.normal(size=(SIDE, SIDE)), 5.0) * 90.0
    inside = distances(y, x) + ragged < random.uniform(11.0, 24.0)
    inside &= distances(y, x) < 40.0
    rough = ndimage.gaussian_filter(random.normal(size=(SIDE, SIDE)), 1.1)
    change = inside * (rough / rough.std() * random.uniform(7.0, 16.0) + sign(random) * random.uniform(4, 18))
    return change, inside


def stain(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A smooth darker blot with a dried rim."""
    y, x = place(random, 26)
    radius = random.uniform(11.0, 24.0)
    ragged = ndimage.gaussian_filter(random.normal(size=(SIDE, SIDE)), 9.0) * 60.0
    distance = distances(y, x) + ragged
    depth = random.uniform(8.0, 26.0)
    change = -depth / (1.0 + np.exp((distance - radius) / 1.5))
    change -= 0.6 * depth * np.exp(-(((distance - radius) / 1.6) ** 2))
    return planted(change)


DEFECTS: dict[str, Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]] = {
    "inclusion": inclusion,
    "patch": patch,
    "pit": pit,
    "scratch": scratch,
    "stain": stain,
}


def planted(change: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A change of grey levels and where it can be seen."""
    return change, np.abs(change) > VISIBLE


def place(random: np.random.Generator, margin: int) -> np.ndarray:
    """`(2,)` row and column at which a defect is centred."""
    return random.uniform(margin, SIDE - margin, 2)


def distances(y: float, x: float) -> np.ndarray:
    """`(SIDE, SIDE)` distance of every pixel to a point."""
    down, across = np.mgrid[0:SIDE, 0:SIDE]
    distance: np.ndarray = np.hypot(down - y, across - x)
    return distance


def sign(random: np.random.Generator) -> float:
    """Brighter or darker."""
    return 1.0 if random.random() < 0.5 else -1.0


def as_png(grey: np.ndarray) -> bytes:
    """Grey levels as a PNG file."""
    target = io.BytesIO()
    PIL.Image.fromarray(np.clip(np.round(grey), 0, 255).astype(np.uint8)).save(target, "PNG")
    return target.getvalue()

"""Is the heat where the defect is? Heat maps against masks, as numbers.

The pointing game is of J. Zhang et al., "Top-down Neural Attention by Excitation Backprop" (ECCV 2016);
deletion of V. Petsiuk, A. Das, K. Saenko, "RISE" (BMVC 2018).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

# The pointing game forgives a miss by this share of the longer side; the paper forgives 15 pixels.
TOLERANCE = 0.05
DELETED = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
# The longer side over the width of the Gaussian that parts light from grain.
SMOOTHING = 16


def enlarged(heat: np.ndarray, height: int, width: int) -> np.ndarray:
    """`(places, places)` heat as `(height, width)`, linearly between the places' centres."""
    down = (np.arange(height) + 0.5) * heat.shape[0] / height - 0.5
    across = (np.arange(width) + 0.5) * heat.shape[1] / width - 0.5
    grid = np.meshgrid(down, across, indexing="ij")
    pixels: np.ndarray = ndimage.map_coordinates(heat, grid, order=1, mode="nearest")
    return pixels


def points_at(heat: np.ndarray, mask: np.ndarray) -> bool:
    """Whether the hottest pixel lies in the mask, or beside it.

    Args:
        heat: `(height, width)`.
        mask: `(height, width)` of truth values.
    """
    y, x = np.unravel_index(np.argmax(heat), heat.shape)
    distance = ndimage.distance_transform_edt(~mask)
    return bool(distance[y, x] <= TOLERANCE * max(heat.shape))


def chance_of_pointing(mask: np.ndarray) -> float:
    """How often a pixel drawn at random would win the pointing game."""
    distance = ndimage.distance_transform_edt(~mask)
    return float((distance <= TOLERANCE * max(mask.shape)).mean())


def overlap(heat: np.ndarray, mask: np.ndarray) -> float:
    """Intersection over union of the mask and as many of the hottest pixels as it has."""
    hottest = np.zeros(heat.size, bool)
    hottest[np.argsort(-heat, axis=None, kind="stable")[: int(mask.sum())]] = True
    chosen = hottest.reshape(heat.shape)
    return float((chosen & mask).sum() / max((chosen | mask).sum(), 1))


def deletion(
    image: np.ndarray,
    order: np.ndarray,
    sound: np.ndarray,
    outputs: Callable[[np.ndarray], np.ndarray],
) -> float:
    """Mean share of the probability that is left while pixels give way to a sound surface; low is good.

    Args:
        image: `(height, width, channels)`.
        order: `(height, width)`: pixels with the largest numbers go first.
        sound: Such an image, whose grain pixels are filled with.
        outputs: `(images,)` log odds of images.
    """
    rank = np.empty(order.size, np.int64)
    rank[np.argsort(-order, axis=None, kind="stable")] = np.arange(order.size)
    gone = [rank.reshape(order.shape) < share * order.size for share in DELETED]
    steps = np.stack([filled(image, where, sound) for where in gone])
    probability = 1.0 / (1.0 + np.exp(-outputs(steps)))
    kept = np.minimum(probability / max(probability[0], 1e-9), 1.0)
    return float(np.trapezoid(kept, DELETED) / DELETED[-1])


def filled(image: np.ndarray, gone: np.ndarray, sound: np.ndarray) -> np.ndarray:
    """The image with gone pixels filled: light from what is left around them, grain from a sound image.

    A piece of another image alone would show a seam, which is a defect itself.
    """
    spread = (max(image.shape) / SMOOTHING, max(image.shape) / SMOOTHING, 0)
    left = np.broadcast_to(~gone[..., None], image.shape).astype(np.float64)
    light = ndimage.gaussian_filter(image * left, spread)
    light /= np.maximum(ndimage.gaussian_filter(left, spread), 1e-6)
    known = ndimage.gaussian_filter(left, spread) > 1e-6
    light = np.where(known, light, (image * left).sum() / max(left.sum(), 1.0))
    grain = sound - ndimage.gaussian_filter(sound.astype(np.float64), spread)
    return np.where(left > 0, image, np.clip(light + grain, 0.0, np.iinfo(image.dtype).max))

"""Text that stands in the pixels of scans: it may be a patient's name.

Read by PaddlePaddle's PP-OCR networks as RapidOCR packs them. On drawn films of 96 to 2,048 pixels a name of
the usual size was found in each, and on 180 public scans without text nothing (benchmarks/README.md,
medical). What it says is never told.
"""

from __future__ import annotations

import io
import logging
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image

from solutionkit.kinds import IMAGE
from solutionkit.kinds.image_files import load_files

if TYPE_CHECKING:
    from solutionkit.examples.audit import AuditedTable

# Scans of a table that are looked at: a third of a second each. Those that show as much text as to be told.
LOOKED_AT, SHOWN = 60, 3
# A longer side is scaled down to the first, a shorter one up to the second: letters of three pixels are none.
LONGEST, SHORTEST = 1024, 96
# Letters and digits that are text, not a mark of a side, and how sure their reader must be.
FEWEST_LETTERS, SURE = 4, 0.7
MISSING = "pixels are not searched for text: that needs the extra 'burned-in' (rapidocr-onnxruntime)"


def closer_look(audited: AuditedTable) -> list[str]:
    """Notes on scans of a table that show text.

    Args:
        audited: The table.
    """
    if reader() is None:
        return [MISSING]
    assert audited.folder is not None
    names = audited.table[audited.spec.only(IMAGE).name].to_pylist()
    drawn = np.sort(np.random.default_rng(0).permutation(len(names))[:LOOKED_AT])
    found = []
    for row in drawn:
        (file,) = load_files(audited.folder, [names[row]])
        if file is not None and shows_text(file):
            found.append(names[row])
    looked = f"of {len(drawn):,} scans that were looked at"
    if not found:
        return [f"no text was found in the pixels {looked}"]
    shown = f"{', '.join(found[:SHOWN])}{' …' if len(found) > SHOWN else ''}"
    return [
        f"{len(found):,} {looked} show text, which may name a patient: {shown}; blank it before you go on, or"
        " cover corners by images.corners"
    ]


def shows_text(file: bytes) -> bool:
    """Whether an image file shows text; only with `reader`.

    Args:
        file: PNG, JPEG or BMP.
    """
    read = reader()
    assert read is not None
    picture: PIL.Image.Image = PIL.Image.open(io.BytesIO(file))
    if picture.mode.startswith("I"):
        deep = np.asarray(picture).astype(np.float32)
        picture = PIL.Image.fromarray((deep * (255.0 / max(float(deep.max()), 1.0))).astype(np.uint8))
    picture = picture.convert("RGB")
    scale = min(LONGEST / max(picture.size), max(SHORTEST / max(picture.size), 1.0))
    if scale != 1.0:
        width, height = (max(round(side * scale), 1) for side in picture.size)
        picture = picture.resize((width, height))
    lines, _ = read(np.asarray(picture))
    return any(
        float(sure) > SURE and sum(letter.isalnum() for letter in text) >= FEWEST_LETTERS
        for _, text, sure in lines or []
    )


@cache
def reader() -> Any:
    """What reads text; None where it is not installed."""
    try:
        from rapidocr_onnxruntime import RapidOCR
    except ImportError:
        return None
    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    return RapidOCR()

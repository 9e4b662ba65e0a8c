"""Text in the pixels of scans is found, and what it says is not told."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw
import pyarrow as pa
import pytest

from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import Feature
from solutionkit.modalities.image import burned_in
from solutionkit.modalities.image.burned_in import closer_look, shows_text
from solutionkit.tasks.classification.task import Classification

SPEC = TableSpec(Classification("y", ("no", "yes")), (Feature("film", "image"),))
RANDOM = np.random.default_rng(0)


def film(side: int, text: str = "", size: int = 12, deep: bool = False) -> bytes:
    down, across = np.mgrid[0:side, 0:side] / side
    body = 40 + 80 * np.exp(-((across - 0.5) ** 2 + (down - 0.5) ** 2) / 0.1)
    grey = (body + RANDOM.normal(0, 5, (side, side))).clip(0, 255).astype(np.uint8)
    picture = PIL.Image.fromarray(grey)
    if text:
        PIL.ImageDraw.Draw(picture).text((side * 0.05, side * 0.05), text, fill=230, font_size=size)
    if deep:
        picture = PIL.Image.fromarray(np.asarray(picture).astype(np.uint16) * 16)
    target = io.BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()


@pytest.mark.parametrize(
    ("side", "size", "deep"), [(96, 10, False), (256, 12, False), (512, 14, True), (1400, 30, False)]
)
def test_a_name_is_found_and_a_mark_of_the_side_is_none(side: int, size: int, deep: bool) -> None:
    assert shows_text(film(side, "DOE JOHN 1965", size, deep))
    assert not shows_text(film(side, "L", size, deep))


def test_nothing_is_found_where_nothing_is() -> None:
    assert not shows_text(film(28))
    assert not shows_text(film(200))


@dataclass
class Audited:
    table: pa.Table
    folder: Path
    spec: TableSpec = SPEC


def test_scans_that_show_text_are_named_and_not_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        (tmp_path / f"{number}.png").write_bytes(film(128, "DOE JOHN" if number in (2, 4) else ""))
    audited = Audited(pa.table({"film": [f"{number}.png" for number in range(6)]}), tmp_path)
    (note,) = closer_look(audited)  # type: ignore[arg-type]
    assert note.startswith("2 of 6 scans that were looked at show text")
    assert "2.png, 4.png" in note
    assert "DOE" not in note
    few = Audited(pa.table({"film": ["0.png", "1.png"]}), tmp_path)
    assert closer_look(few) == ["no text was found in the pixels of 2 scans that were looked at"]  # type: ignore[arg-type]
    monkeypatch.setattr(burned_in, "reader", lambda: None)
    assert closer_look(audited) == [burned_in.MISSING]  # type: ignore[arg-type]

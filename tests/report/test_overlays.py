import base64
import io

import numpy as np
import PIL.Image

from solutionkit.report.overlays import SHOWN_SIDE, overlay, with_overlays


def test_what_speaks_for_is_warm_and_against_is_cold() -> None:
    pixels = np.full((8, 8, 1), 128, np.uint8)
    mixed = overlay(pixels, np.array([[1.0, 0.0], [0.0, -1.0]])).astype(int)
    assert mixed.shape == (8, 8, 3)
    warm, cold = mixed[0, 0], mixed[7, 7]
    assert warm[0] > warm[2]
    assert cold[2] > cold[0]


def test_no_heat_leaves_the_picture() -> None:
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    assert np.array_equal(overlay(pixels, np.zeros((2, 2))), np.repeat(pixels, 3, axis=2))


def test_small_pictures_are_shown_large() -> None:
    target = io.BytesIO()
    PIL.Image.fromarray(np.zeros((16, 32), np.uint8)).save(target, "PNG")
    image = "data:image/png;base64," + base64.b64encode(target.getvalue()).decode()
    (row,) = with_overlays([{"id": "a", "image": image, "heat": {"deep": [[0.0, 1.0]]}}])
    content = base64.b64decode(row["overlay"]["deep"].partition(",")[2])
    with PIL.Image.open(io.BytesIO(content)) as shown:
        assert shown.size == (SHOWN_SIDE, SHOWN_SIDE // 2)
    assert row["id"] == "a"

"""Images in one file of arrays: both layouts, and what is refused before it is unpacked."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from solutionkit.errors import UserError
from solutionkit.kinds import image_arrays
from solutionkit.kinds.image_arrays import read_arrays

RANDOM = np.random.default_rng(1)


def pictures(count: int, *shape: int, dtype: Any = np.uint8) -> np.ndarray:
    return RANDOM.integers(0, 256, (count, *shape)).astype(dtype)


def saved(folder: Path, **arrays: np.ndarray) -> Path:
    file = folder / "images.npz"
    np.savez(file, **arrays)
    return file


def test_parts_become_a_split(tmp_path: Path) -> None:
    parts = {"train": 5, "val": 2, "test": 3}
    arrays = {f"{name}_images": pictures(count, 28, 28) for name, count in parts.items()}
    arrays |= {f"{name}_labels": np.arange(count)[:, None] for name, count in parts.items()}
    found = read_arrays(saved(tmp_path, **arrays))
    assert found.columns["split"].tolist() == ["train"] * 5 + ["val"] * 2 + ["test"] * 3
    assert found.columns["labels"].tolist() == [*range(5), *range(2), *range(3)]
    assert found.names()[0] == "00"
    pixels = np.asarray(PIL.Image.open(io.BytesIO(found.png("05"))))
    assert (pixels == arrays["val_images"][0]).all()


def test_several_labels_an_image_are_columns_each(tmp_path: Path) -> None:
    arrays = {"train_images": pictures(4, 20, 20, 3), "train_labels": np.eye(4, 3, dtype=np.uint8)}
    found = read_arrays(saved(tmp_path, **arrays))
    assert set(found.columns) == {"split", "labels_0", "labels_1", "labels_2"}
    assert found.columns["labels_1"].tolist() == [0, 1, 0, 0]
    # Pictures beside pictures are no columns.
    arrays |= {"train_masks": pictures(4, 20, 20), "train_version": np.array(3)}
    assert set(read_arrays(saved(tmp_path, **arrays)).columns) == set(found.columns)


def test_one_array_with_columns_beside(tmp_path: Path) -> None:
    found = read_arrays(
        saved(
            tmp_path,
            images=pictures(6, 24, 24, 1, dtype=np.uint16),
            patient=np.array(["a", "b"] * 3),
            classes=np.array(["x", "y"]),
        )
    )
    assert found.images.shape == (6, 24, 24)
    assert set(found.columns) == {"patient"}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.arange(3)}, "holds 0 arrays of images"),
        ({"a": pictures(2, 20, 20), "b": pictures(2, 20, 20)}, "holds 2 arrays of images"),
        ({"a": pictures(2, 20, 20).astype(np.float32)}, "float32, which has no fixed scale"),
        ({"a": pictures(2, 20, 20, 4)}, "shape"),
        ({"train_images": pictures(2, 20, 20), "test_images": pictures(2, 24, 20)}, "differ in size"),
        (
            {
                "train_images": pictures(2, 20, 20),
                "test_images": pictures(2, 20, 20),
                "train_labels": np.zeros(2),
            },
            "not every one of train, test has labels",
        ),
    ],
)
def test_what_is_no_set_of_images_is_named(
    tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        read_arrays(saved(tmp_path, **arrays))


def test_what_is_no_archive_and_what_holds_objects_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "images.npz"
    file.write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"no readable \.npz"):
        read_arrays(file)
    np.savez(file, a=np.array([object()]))
    with pytest.raises(UserError, match="holds Python objects"):
        read_arrays(file)
    with pytest.raises(UserError, match="no such file"):
        read_arrays(tmp_path / "other.npz")


def test_a_bomb_is_refused_by_what_its_header_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        target, {"descr": "|u1", "fortran_order": False, "shape": (10**6, 1000, 1000)}
    )
    with zipfile.ZipFile(tmp_path / "images.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", target.getvalue() + bytes(1000))
    with pytest.raises(UserError, match="unpacks to 1,000 GB"):
        read_arrays(tmp_path / "images.npz")
    monkeypatch.setattr(image_arrays, "MOST_BYTES", 1000)
    with pytest.raises(UserError, match="more than 0 are not read"):
        read_arrays(saved(tmp_path, images=pictures(9, 20, 20)))

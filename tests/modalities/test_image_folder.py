"""Folders of images, good and bad."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pyarrow as pa
import pytest

from solutionkit.errors import DataError, UserError
from solutionkit.examples.audit import AuditedTable, audit
from solutionkit.examples.encoding import with_files
from solutionkit.kinds import IMAGE
from solutionkit.kinds.image_files import Picture
from solutionkit.modalities.image import folder as image_folder
from solutionkit.use_case import IMAGES as MODALITY
from solutionkit.use_case import load_project

IMAGES = 120
DECLARATION = """
[data]
path = "photos"
{data}
[columns]
image = "file"
label = "kind"
negative = "ok"
{columns}
"""


def picture(seed: int, side: tuple[int, int] = (24, 32), grey: bool = True) -> np.ndarray:
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (*side, 1 if grey else 3), np.uint8)
    return pixels[..., 0] if grey else pixels


def save(file: Path, pixels: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(pixels).save(file)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sub-folder a class: "ok" and "bad", sixty images each."""
    for number in range(IMAGES):
        save(tmp_path / "photos" / ("ok" if number % 2 else "bad") / f"{number:03}.png", picture(number))
    (tmp_path / "pyproject.toml").write_text('[tool.solutionkit]\nuse_case = "defect_inspection"\n')
    declare(tmp_path)
    return tmp_path / "photos"


def declare(project: Path, data: str = "", columns: str = "", extra: str = "") -> None:
    (project / "use_case.toml").write_text(DECLARATION.format(data=data, columns=columns) + extra)


def audited(folder: Path) -> AuditedTable:
    return audit(load_project(folder.parent))


def refused(folder: Path) -> str:
    """The one error that a folder gives."""
    with pytest.raises(UserError) as error:
        audited(folder)
    return str(error.value)


def labelled(folder: Path, rows: list[tuple[str, ...]], header: str = "file,kind") -> None:
    """Name the images in a table instead of by folders."""
    lines = [header, *(",".join(row) for row in rows)]
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    declare(folder.parent, 'labels = "photos/labels.csv"')


def all_rows(folder: Path) -> list[tuple[str, ...]]:
    return [(f"{file.parent.name}/{file.name}", file.parent.name) for file in sorted(folder.glob("*/*.png"))]


def test_a_good_folder(folder: Path) -> None:
    found = audited(folder)
    assert found.rows() == {"train": 81, "validation": 15, "eval": 24}
    assert found.spec.task.classes == ("ok", "bad")
    assert found.spec.only(IMAGE) is not None
    assert (found.spec.only(IMAGE).shape, found.spec.only(IMAGE).bits) == ((24, 32, 1), 8)
    assert found.notes == ()
    piece = next(with_files(found.table, found.spec, found.folder))
    first = found.table["file_file"][0].as_py()
    assert piece["file"][0].as_py() == (folder / first).read_bytes()


def test_a_table_of_labels_with_split_group_and_mask(folder: Path) -> None:
    rows = [
        (path, kind, "test" if number % 4 == 0 else "train", path if kind == "bad" else "")
        for number, (path, kind) in enumerate(all_rows(folder))
    ]
    labelled(folder, rows, "file,kind,part,where")
    columns = 'split = "part"\nmask = "where"'
    declare(folder.parent, 'labels = "photos/labels.csv"\nsplit = "column"', columns)
    found = audited(folder)
    assert found.rows()["eval"] == IMAGES // 4
    piece = next(with_files(found.table, found.spec, found.folder))
    masks = [mask is not None for mask in piece["where"].to_pylist()]
    assert masks == [label == 1 for label in found.table["kind"].to_pylist()]


def test_several_classes_with_and_without_a_sound_one(folder: Path) -> None:
    for number in range(40):
        save(folder / "scratched" / f"{number}.png", picture(1000 + number))
    assert audited(folder).spec.task.classes == ("ok", "bad", "scratched")
    file = folder.parent / "use_case.toml"
    file.write_text(file.read_text().replace('negative = "ok"', ""))
    found = audited(folder).spec.task
    assert (found.classes, found.has_negative_class, found.outputs) == (("bad", "ok", "scratched"), False, 3)
    file.write_text(file.read_text() + "\n[business]\nfalse_positive = -1\n")
    assert "[business] needs to know which value of 'kind'" in refused(folder)


def test_learning_from_sound_parts_alone_makes_one_class_of_all_defects(folder: Path) -> None:
    for number in range(40):
        save(folder / "scratched" / f"{number}.png", picture(1000 + number))
    declare(folder.parent, extra='\n[training]\nmethod = "anomaly"\n')
    assert audited(folder).spec.task.classes == ("ok", "not ok")


@pytest.mark.parametrize("split", ["group", "random", "stratified"])
def test_groups_never_straddle_a_split_even_if_they_share_a_picture(folder: Path, split: str) -> None:
    names = all_rows(folder)
    rows = [(path, kind, f"part{number // 2}") for number, (path, kind) in enumerate(names)]
    # The first photo of every sixth part is a copy of one of the part before.
    for start in range(2, IMAGES, 12):
        (folder / names[start][0]).write_bytes((folder / names[start - 1][0]).read_bytes())
        rows[start] = (rows[start][0], rows[start - 1][1], rows[start][2])
    rows = [(path, kind, part) for path, kind, part in rows if Path(path).parts[0] == kind]
    labelled(folder, rows, "file,kind,part")
    declare(folder.parent, f'labels = "photos/labels.csv"\nsplit = "{split}"', 'group = "part"')
    found = audited(folder)
    by_file = dict(zip(found.table["file_file"].to_pylist(), found.splits, strict=True))
    for part in {part for _, _, part in rows}:
        assert len({by_file[path] for path, _, other in rows if other == part}) == 1
    digests: dict[bytes, set[str]] = {}
    for path, split_name in by_file.items():
        digests.setdefault((folder / path).read_bytes(), set()).add(split_name)
    assert all(len(splits) == 1 for splits in digests.values())


def test_a_given_split_that_parts_groups_is_told(folder: Path) -> None:
    rows = [
        (path, kind, f"part{number // 6}", "test" if number % 6 < 2 else "train")
        for number, (path, kind) in enumerate(all_rows(folder))
    ]
    labelled(folder, rows, "file,kind,part,side")
    columns = 'group = "part"\nsplit = "side"'
    declare(folder.parent, 'labels = "photos/labels.csv"\nsplit = "column"', columns)
    assert any("20 groups by 'part' stand on both sides" in note for note in audited(folder).notes)


def test_copies_of_a_picture_stay_together_or_are_told(folder: Path) -> None:
    for number in range(1, 20, 2):
        (folder / "ok" / f"copy{number}.png").write_bytes((folder / "ok" / "001.png").read_bytes())
    found = audited(folder)
    names = found.table["file_file"].to_pylist()
    copies = {str(split) for name, split in zip(names, found.splits, strict=True) if "copy" in name}
    assert len(copies) == 1
    rows = [
        (path, kind, "test" if "copy" in path or "00" in path else "train") for path, kind in all_rows(folder)
    ]
    rows[-1] = (*rows[-1][:2], "test")
    for number, row in enumerate(rows):
        if row[0] == "ok/001.png":
            rows[number] = (*row[:2], "train")
    labelled(folder, rows, "file,kind,part")
    declare(folder.parent, 'labels = "photos/labels.csv"\nsplit = "column"', 'split = "part"')
    assert any("the same picture stands in several splits" in note for note in audited(folder).notes)


def no_folder(folder: Path) -> str:
    folder.rename(folder.parent / "photo")
    return "no such folder (did you mean 'photo'?)"


def no_image(folder: Path) -> str:
    for file in folder.glob("*/*.png"):
        file.rename(file.with_suffix(".txt"))
    return "the folder holds no image"


def no_label(folder: Path) -> str:
    for file in folder.glob("*/*.png"):
        file.rename(folder / file.name)
    return "the images have no label"


def beside_the_classes(folder: Path) -> str:
    (folder / "ok" / "001.png").rename(folder / "001.png")
    return "1 images lie in no class's sub-folder (001.png"


def one_class(folder: Path) -> str:
    for file in folder.glob("bad/*.png"):
        file.rename(folder / "ok" / file.name)
    return "has 1 distinct values ('ok')"


def many_broken(folder: Path) -> str:
    for number in range(0, 10, 2):
        file = folder / "bad" / f"{number:03}.png"
        file.write_bytes(file.read_bytes()[:150])
    return "5 of 120 images cannot be used"


def two_labels(folder: Path) -> str:
    (folder / "bad" / "new.png").write_bytes((folder / "ok" / "001.png").read_bytes())
    return "bad/new.png and ok/001.png are the same picture, labelled 'bad' and 'ok'"


def missing_file(folder: Path) -> str:
    labelled(folder, [*all_rows(folder), ("ok/999.png", "ok")])
    return "labels.csv: no such file in"


def doubled_row(folder: Path) -> str:
    labelled(folder, [*all_rows(folder), all_rows(folder)[0]])
    return "labels.csv: bad/000.png stands in several rows"


def wrong_column(folder: Path) -> str:
    labelled(folder, all_rows(folder), "files,kind")
    return "the column 'file' (columns.image) is missing (did you mean 'files'?)"


def wrong_label(folder: Path) -> str:
    labelled(folder, [("bad/000.png", "ok"), *all_rows(folder)[1:]])
    return "labels.csv: bad/000.png is labelled 'ok' but lies in the folder of 'bad'"


def unknown_negative(folder: Path) -> str:
    (folder / "ok").rename(folder / "fine")
    return "columns.negative = 'ok' is no value of 'kind' ('bad', 'fine')"


def a_mask_of_class_numbers(folder: Path) -> str:
    save(folder / "masks" / "a.png", picture(1) // 100)
    labelled(
        folder,
        [
            (*row, "masks/a.png" if row[1] == "bad" else "")
            for row in all_rows(folder)
            if "masks" not in row[0]
        ],
        "file,kind,where",
    )
    declare(folder.parent, 'labels = "photos/labels.csv"', 'mask = "where"')
    return "the mask masks/a.png has nothing white"


def long_and_thin(folder: Path) -> str:
    for number, file in enumerate(sorted(folder.glob("*/*.png"))):
        save(file, picture(number, (20, 2000)))
    return "becomes 512 x 5 pixels"


def escapes_the_folder(folder: Path) -> str:
    save(folder.parent / "outside.png", picture(7))
    labelled(folder, [*all_rows(folder), ("../outside.png", "ok")])
    return "labels.csv: no such file in"


BAD_FOLDERS = [
    no_folder,
    no_image,
    no_label,
    beside_the_classes,
    one_class,
    many_broken,
    two_labels,
    missing_file,
    doubled_row,
    wrong_column,
    wrong_label,
    unknown_negative,
    escapes_the_folder,
    a_mask_of_class_numbers,
    long_and_thin,
]


@pytest.mark.parametrize("spoil", BAD_FOLDERS, ids=lambda function: function.__name__)
def test_a_bad_folder_gives_one_clear_error(folder: Path, spoil: Callable[[Path], str]) -> None:
    expected = spoil(folder)
    message = refused(folder)
    assert expected in message
    assert "photos" in message or "labels.csv" in message


def test_few_broken_files_are_left_out_by_name(folder: Path) -> None:
    (folder / "ok" / "001.png").write_bytes(b"")
    found = audited(folder)
    assert found.notes == ("left out: ok/001.png is empty",)
    assert sum(found.rows().values()) == IMAGES - 1


def test_white_is_what_the_camera_calls_white() -> None:
    deep = [Picture(64, 64, True, 16, highest, "") for highest in (900, 4000)]
    assert image_folder.image_feature("file", deep, 128).white == 4095
    assert image_folder.image_feature("file", [*deep, Picture(64, 64, True, 8, 255, "")], 128).white == 65_535
    assert image_folder.image_feature("file", [Picture(64, 64, True, 8, 60, "")], 128).white == 255


def test_the_size_follows_the_usual_aspect_ratio_and_nothing_is_enlarged() -> None:
    pictures = [Picture(300, 600, True, 8, 255, "")] * 5 + [Picture(100, 100, False, 16, 60_000, "")]
    feature = image_folder.image_feature("file", pictures, 128)
    assert (feature.shape, feature.bits) == ((64, 128, 3), 16)
    small = [dataclasses.replace(pictures[0], height=28, width=28)]
    assert image_folder.image_feature("file", small, 128).shape == (28, 28, 1)


def test_rows_to_predict_on(folder: Path) -> None:
    spec = audited(folder).spec
    assert MODALITY.read_new(folder, spec).table.num_rows == IMAGES
    one = MODALITY.read_new(folder / "ok" / "001.png", spec)
    assert one.names == ("file_file", ["001.png"])
    assert next(one.pieces())["file"][0].as_py() == (folder / "ok" / "001.png").read_bytes()
    (folder / "ok" / "003.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"ok/003\.png is empty"):
        MODALITY.read_new(folder, spec)
    with pytest.raises(UserError, match="this model reads images"):
        MODALITY.read_new(folder.parent / "use_case.toml", spec)


def test_the_table_stays_paths_until_it_is_written(folder: Path) -> None:
    assert pa.types.is_string(audited(folder).table["file"].type)


@pytest.mark.parametrize(
    ("side", "count", "expected"), [(200, 100, 200), (900, 100, 320), (900, 100_000, 64), (900, 4_000, 288)]
)
def test_the_usual_size_is_bounded_and_does_not_drift(side: int, count: int, expected: int) -> None:
    pictures = [Picture(side, side, True, 8, 255, "")] * count
    assert image_folder.image_feature("file", pictures).shape == (expected, expected, 1)
    more = [*pictures, *pictures[: count // 100]]
    assert image_folder.image_feature("file", more).shape == (expected, expected, 1)


def test_long_images_keep_their_longer_side() -> None:
    pictures = [Picture(1260, 500, True, 8, 255, "")] * 50
    assert image_folder.image_feature("file", pictures).shape == (512, 203, 1)

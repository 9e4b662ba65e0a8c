"""A folder of images -> a table with a row an image, and by name what is wrong with which file.

Every file is decoded once before anything trains, by the very op that the exported model decodes
with, so what passes here cannot fail later. Pixels stay in their files until tf.Examples are written.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from solutionkit.cells import as_text, place
from solutionkit.declaration import Declaration
from solutionkit.errors import DataError, Problem, suggestion
from solutionkit.examples.dialect import Dialect
from solutionkit.examples.reading import read_table
from solutionkit.examples.splitting import parted
from solutionkit.kinds import Feature
from solutionkit.kinds.image_files import SMALLEST_SIDE, Picture, inspect_files
from solutionkit.modalities.image.sources import (
    HEADER_COLUMNS,
    SHOWN,
    array_columns,
    header_columns,
    image_files,
    is_arrays,
    refuse_names,
)

# What cameras of 10, 12, 14 and 16 bits call white.
WHITE_LEVELS = (1023, 4095, 16_383, 65_535)
# Of an image, unless the declaration says otherwise: what is small is still seen, and some hundred images are
# learned from in minutes. All together: a gigabyte in colour.
USUAL_PIXELS, USUAL_PIXELS_IN_ALL = 110_000, 350_000_000
SMALLEST_USUAL_SIDE, LONGEST_USUAL_SIDE, SIDE_STEP = 64, 512, 32
# A mask is white above this; a picture of class numbers is none.
MASK_LEVEL = 127


@dataclass(frozen=True)
class ImageTable:
    """The images of a folder.

    Attributes:
        table: A row an image: its path relative to `folder`, its label, and what the table of labels says.
        folder: Where the paths start.
        pictures: What each row's file holds.
        notes: Files that were left out and oddities, one sentence each.
        problems: What must be mended, one sentence each.
    """

    table: pa.Table
    folder: Path
    pictures: list[Picture]
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_images(declaration: Declaration) -> ImageTable:
    """Read a folder of images: by its table of labels, or by a sub-folder a class.

    Raises:
        UserError: There is no such folder, nothing in it, or too much of it is broken.
    """
    data, columns = declaration.data, declaration.columns
    folder, name = data.path, columns.image
    assert folder is not None
    assert name is not None
    files = image_files(folder)
    refuse_names(folder, files)
    notes: list[str] = []
    problems: list[Problem]
    if is_arrays(folder):
        table = array_columns(folder, name, _read_labels(declaration) if data.labels else None)
        problems = []
    elif data.labels:
        table, problems = _labelled_by_table(folder, files, data.labels, declaration)
        named = {*table[name].to_pylist()}
        if columns.mask and columns.mask in table.column_names:
            named |= {*table[columns.mask].to_pylist()}
        left_out = [path for path in files if path not in named]
        if left_out:
            shown = ", ".join(left_out[:3]) + (" …" if len(left_out) > 3 else "")
            notes.append(f"{len(left_out)} images are not in {data.labels.name} and are left out: {shown}")
    else:
        table, problems = _labelled_by_folder(files, declaration)
    paths = table[name].to_pylist()
    inspected = inspect_files(folder, paths)
    broken = {path: item for path, item in zip(paths, inspected, strict=True) if isinstance(item, str)}
    if len(broken) > data.broken_fraction * len(paths):
        problems += broken_files(broken)
        share = f"data.broken_fraction (now {data.broken_fraction:g})"
        remedy = f"mend or remove them, or set {share} to leave them out"
        message = f"{len(broken)} of {len(paths)} images cannot be used"
        problems.append(Problem("many_broken_images", message, remedy))
    notes += [f"left out: {path} {reason}" for path, reason in broken.items()]
    whole = [isinstance(item, Picture) for item in inspected]
    pictures = [item for item in inspected if isinstance(item, Picture)]
    table = table.filter(pa.array(whole))
    made, refused, told = header_columns(folder, table[name].to_pylist(), wanted_headers(declaration, table))
    problems, notes = problems + refused, notes + told
    for column, values in made.items():
        table = table.append_column(column, values)
    doubted = _contradictions(table, pictures, declaration)
    if is_arrays(folder):
        # Nobody can take a single picture out of them.
        notes += [f"{item.message}; both stay" for item in doubted]
    else:
        problems += doubted
    if columns.mask and columns.mask in table.column_names:
        problems += _mask_problems(folder, table[columns.mask].to_pylist())
    return ImageTable(table.append_column(file_column(name), table[name]), folder, pictures, notes, problems)


def wanted_headers(declaration: Declaration, table: pa.Table) -> set[str]:
    """What is declared that headers may say and the table does not."""
    declared = {declaration.columns.group or "", *declaration.slices.columns}
    return declared & set(HEADER_COLUMNS) - set(table.column_names)


def named_files(declaration: Declaration) -> list[str]:
    """The images and masks that are asked for, as paths relative to the folder; none is opened.

    Raises:
        UserError: There is no such folder, or the table of labels does not fit it.
    """
    data, columns = declaration.data, declaration.columns
    assert data.path is not None
    files = image_files(data.path)
    if not data.labels or is_arrays(data.path):
        return files
    table, _ = _labelled_by_table(data.path, files, data.labels, declaration)
    wanted = [name for name in (columns.image, columns.mask) if name in table.column_names]
    return [path for name in wanted for path in as_text(table[name]).to_pylist() if path]


def broken_files(broken: Mapping[str, str]) -> list[Problem]:
    """Some of the files that cannot be used.

    Args:
        broken: By path the reason, as it follows the path.
    """
    listed = [Problem("broken_image", f"{path} {reason}") for path, reason in list(broken.items())[:SHOWN]]
    if len(broken) > SHOWN:
        listed.append(Problem("broken_image", f"and {len(broken) - SHOWN} more files like these"))
    return listed


def file_column(image: str) -> str:
    """The column that names a row's file, in tables whose image column holds pixels."""
    return f"{image}_file"


def image_feature(name: str, pictures: list[Picture], size: int | None = None) -> Feature:
    """The feature that fits a folder's images: their usual size and aspect ratio, grey if all are.

    Args:
        name: The image column.
        pictures: What the files hold.
        size: Wished pixels of the longer side; if most images are smaller, theirs. Without a wish, as many
            as two cores can learn from in minutes and memory holds.
    """
    heights = np.array([picture.height for picture in pictures])
    widths = np.array([picture.width for picture in pictures])
    ratio = float(np.median(heights / widths))
    own = int(np.median(np.maximum(heights, widths)))
    longer = min(size or usual_side(max(ratio, 1.0 / ratio), len(pictures)), own)
    height, width = (longer, round(longer / ratio)) if ratio >= 1.0 else (round(longer * ratio), longer)
    channels = 1 if all(picture.grey for picture in pictures) else 3
    bits = max(picture.bits for picture in pictures)
    # Files of eight bits are spread over sixteen when they are decoded together with such.
    mixed = bits == 16 and any(picture.bits == 8 for picture in pictures)
    highest = max(picture.highest for picture in pictures)
    white = 255 if bits == 8 else 65_535
    if bits == 16 and not mixed:
        white = next(level for level in WHITE_LEVELS if highest <= level)
    shape = (height, max(width, 1), channels)
    return Feature(name, "image", min_fraction=1.0, shape=shape, bits=bits, white=white)


def usual_side(elongation: float, count: int) -> int:
    """Pixels of the longer side, where nobody wished for any.

    Args:
        elongation: The longer side's share of the shorter.
        count: Of the images.
    """
    pixels = min(USUAL_PIXELS, USUAL_PIXELS_IN_ALL // max(count, 1))
    side = int(np.clip((pixels * elongation) ** 0.5, SMALLEST_USUAL_SIDE, LONGEST_USUAL_SIDE))
    # In steps, so that some images more do not change what a camera must send.
    return side // SIDE_STEP * SIDE_STEP


def shape_problems(feature: Feature) -> list[Problem]:
    """Images so long and thin that nothing would be left of the shorter side."""
    height, width, _ = feature.shape
    if min(height, width) >= SMALLEST_SIDE:
        return []
    message = (
        f"the images' usual shape becomes {width} x {height} pixels, and at least {SMALLEST_SIDE} a side are"
        " needed: set images.size to a larger number"
    )
    return [Problem("too_thin", message, column=feature.name)]


def copy_notes(images: ImageTable, name: str, splits: np.ndarray) -> list[str]:
    """One sentence for each picture that a given split parts from its copy."""
    digests = np.unique([picture.digest for picture in images.pictures], return_inverse=True)[1]
    paths = images.table[name].to_pylist()
    notes = []
    for rows in parted(digests, splits):
        listed = ", ".join(f"{paths[row]} ({splits[row]})" for row in rows)
        notes.append(f"the same picture stands in several splits: {listed}")
    return notes


def _read_labels(declaration: Declaration) -> pa.Table:
    """The table of labels."""
    data = declaration.data
    assert data.labels is not None
    return read_table(data.labels, Dialect.declared(declaration))


def _labelled_by_table(
    folder: Path, files: list[str], labels: Path, declaration: Declaration
) -> tuple[pa.Table, list[Problem]]:
    """The table of labels, with the rows whose file is there."""
    columns = declaration.columns
    name = columns.image or ""
    table = _read_labels(declaration)
    if name not in table.column_names:
        message = f"the column '{name}' (columns.image) is missing{suggestion(name, table.column_names)}"
        raise DataError(str(labels), [Problem("missing_column", message, column=name)])
    paths = [path and _relative(path, folder) for path in as_text(table[name]).to_pylist()]
    problems: list[Problem] = []

    def add(message: str, remedy: str = "") -> None:
        problems.append(Problem("image_labels", f"{labels.name}: {message}", remedy, name))

    if file_column(name) in table.column_names:
        add(f"the column '{file_column(name)}' is made by the library", "rename yours")
    unnamed = [row for row, path in enumerate(paths) if path is None]
    if unnamed:
        add(f"{place(unnamed[0])} names no image ('{name}' is empty)")
    known = set(files)
    root = folder.resolve()
    absent = [
        path
        for path in paths
        if path is not None
        and path not in known
        and not ((folder / path).resolve().is_relative_to(root) and (folder / path).is_file())
    ]
    if absent:
        near = suggestion(absent[0], files)
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        add(f"no such file in {folder}: {absent[0]}{near}{more}")
    counts: dict[str, int] = defaultdict(int)
    for path in paths:
        counts[path or ""] += 1
    doubled = [path for path, count in counts.items() if count > 1 and path]
    if doubled:
        more = f" and {len(doubled) - 1} more" if len(doubled) > 1 else ""
        add(f"{doubled[0]}{more} stands in several rows", "one row an image")
    if problems:
        raise DataError(str(labels), problems)
    if columns.label in table.column_names:
        problems += _wrong_folders(paths, as_text(table[columns.label]).to_pylist(), labels.name)
    return table.set_column(table.column_names.index(name), name, pa.array(paths, pa.string())), problems


def _relative(path: str, folder: Path) -> str:
    """A path as `image_files` writes it, absolute ones too where they lead into the folder."""
    inside = Path(path).is_absolute() and Path(path).is_relative_to(folder)
    return posixpath.normpath(Path(path).relative_to(folder).as_posix() if inside else path)


def _wrong_folders(paths: list[str], labels: list[str | None], source: str) -> list[Problem]:
    """Images in a sub-folder that is named after another class than the table says."""
    classes = {label for label in labels if label}
    return [
        Problem(
            "wrong_folder",
            f"{source}: {path} is labelled {label!r} but lies in the folder of {Path(path).parts[0]!r}",
        )
        for path, label in zip(paths, labels, strict=True)
        if label and len(Path(path).parts) > 1 and Path(path).parts[0] in classes - {label}
    ][:SHOWN]


def _labelled_by_folder(files: list[str], declaration: Declaration) -> tuple[pa.Table, list[Problem]]:
    """Path and label of images in a sub-folder a class."""
    columns = declaration.columns
    inside = [path for path in files if len(Path(path).parts) > 1]
    beside = [path for path in files if len(Path(path).parts) == 1]
    if not inside:
        message = (
            "the images have no label: put each into the sub-folder of its class, or name a table as"
            " data.labels"
        )
        raise DataError(str(declaration.data.path), [Problem("image_labels", message)])
    problems = []
    if beside:
        message = f"{len(beside)} images lie in no class's sub-folder ({', '.join(beside[:3])}…)"
        problems.append(Problem("image_labels", message, "move them"))
    labels = [Path(path).parts[0] for path in inside]
    return pa.table({columns.image: inside, columns.label: labels}), problems


def _contradictions(table: pa.Table, pictures: list[Picture], declaration: Declaration) -> list[Problem]:
    """The same picture under two labels."""
    columns = declaration.columns
    if columns.label not in table.column_names:
        return []
    paths = table[columns.image].to_pylist()
    labels = as_text(table[columns.label]).to_pylist()
    first: dict[str, int] = {}
    problems = []
    for row, picture in enumerate(pictures):
        other = first.setdefault(picture.digest, row)
        if labels[other] != labels[row]:
            message = (
                f"{paths[other]} and {paths[row]} are the same picture, labelled {labels[other]!r} and"
                f" {labels[row]!r}"
            )
            problems.append(Problem("contradiction", message, "keep the right one", rows=(other, row)))
    return problems[:SHOWN]


def _mask_problems(folder: Path, masks: list[str | None]) -> list[Problem]:
    """Masks that cannot be read, lie elsewhere, or show nothing."""
    paths = [path for path in masks if path]
    root = folder.resolve()
    outside = [path for path in paths if not (folder / path).resolve().is_relative_to(root)]
    if outside:
        return [Problem("mask", f"the mask {outside[0]} lies outside {folder}")]
    problems = []
    for path, inspected in zip(paths, inspect_files(folder, paths), strict=True):
        if isinstance(inspected, str):
            problems.append(Problem("mask", f"the mask {path} {inspected}"))
        elif inspected.highest <= MASK_LEVEL:
            message = f"the mask {path} has nothing white"
            problems.append(Problem("mask", message, "white (255) must be where the defect is"))
    return problems[:SHOWN]

"""Where images come from: a folder of files, DICOM among them, or one file of arrays; and what stands beside.

A DICOM header names a patient. Of it only what groups and slices need becomes a column, and of the patient a
number that means nothing elsewhere.
"""

from __future__ import annotations

import concurrent.futures
import os
from pathlib import Path

import pyarrow as pa

from solutionkit.errors import DataError, Problem, UserError, suggestion
from solutionkit.kinds import dicom
from solutionkit.kinds.image_arrays import SUFFIX, read_arrays
from solutionkit.kinds.image_files import MOST_FILE_BYTES

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", *dicom.SUFFIXES}
# Columns that are made of DICOM headers where something is declared by them.
PATIENT, SITE, BURNED_IN = "dicom_patient", "dicom_site", "dicom_burned_in"
HEADER_COLUMNS = (PATIENT, SITE, "dicom_sex", "dicom_age", "dicom_scanner")
UNKNOWN = "unknown"
SHOWN = 10


def is_arrays(source: Path) -> bool:
    """Whether images come in one file of arrays."""
    return source.suffix.lower() == SUFFIX


def image_files(folder: Path) -> list[str]:
    """The images of a folder, as paths relative to it, or of a file of arrays; sorted, without hidden ones.

    Raises:
        UserError: There is no such folder, or no image in it.
    """
    if not folder.exists():
        raise UserError(f"{folder}: no such folder{suggestion(folder.name, _names(folder.parent))}.")
    if is_arrays(folder):
        return read_arrays(folder).names()
    if not folder.is_dir():
        raise UserError(f"{folder}: a file; columns.image asks for a folder of images, or an .npz file.")
    paths: list[str] = []
    seen: set[str] = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        # A link may lead back to where it stands.
        folders[:] = sorted(
            item
            for item in folders
            if not item.startswith(".") and os.path.realpath(Path(parent, item)) not in seen
        )
        seen |= {os.path.realpath(Path(parent, item)) for item in folders}
        relative = Path(parent).relative_to(folder)
        paths += [
            (relative / name).as_posix()
            for name in sorted(names)
            if not name.startswith(".") and _may_hold_image(Path(parent, name))
        ]
    strange = [path for path in paths if not path.isprintable()]
    if strange:
        raise UserError(f"{folder}: the name of {strange[0]!a} is no readable text; rename the file.")
    if not paths:
        raise UserError(f"{folder}: the folder holds no image; PNG, JPEG, BMP, TIFF and DICOM are read.")
    return sorted(paths)


def _may_hold_image(file: Path) -> bool:
    """By its suffix; files of DICOM archives often have none."""
    if file.suffix:
        return file.suffix.lower() in SUFFIXES
    try:
        with file.open("rb") as stream:
            return dicom.is_dicom(stream.read(dicom.PREAMBLE + len(dicom.MAGIC)))
    except OSError:
        return False


def array_columns(file: Path, image: str, labels: pa.Table | None) -> pa.Table:
    """A row an image of a file of arrays, with what stands beside.

    Args:
        file: The arrays.
        image: What the column of images is called.
        labels: A table with a row an image, in their order, if there is one.

    Raises:
        UserError: The table has another number of rows.
    """
    arrays = read_arrays(file)
    columns: dict[str, object] = {image: pa.array(arrays.names(), pa.string())}
    columns |= {name: pa.array(values.tolist()) for name, values in arrays.columns.items()}
    if labels is not None:
        if labels.num_rows != len(arrays.images):
            message = f"has {labels.num_rows:,} rows, {file.name} {len(arrays.images):,} images"
            raise DataError(
                str(file), [Problem("image_labels", f"data.labels {message}", "one row an image")]
            )
        columns |= {name: labels[name] for name in labels.column_names if name != image}
    return pa.table(columns)


def refuse_names(folder: Path, paths: list[str]) -> None:
    """Refuse files that are named after a patient: names of files are stored and told.

    Args:
        folder: Where the paths start.
        paths: All files, those too that hold no picture.

    Raises:
        DataError: Words of a path are those of the name in its own header.
    """
    found = zip(paths, _headers(folder, paths), strict=True)
    named = [path for path, header in found if header and set(header.name) & set(dicom.words(path))]
    if named:
        message = f"the names of {len(named)} files hold the patient's name, and names of files are stored"
        raise DataError(str(folder), [Problem("identity", message, "rename them, e.g. by number")])


def header_columns(
    folder: Path, paths: list[str], wanted: set[str]
) -> tuple[dict[str, pa.Array], list[Problem], list[str]]:
    """Columns made of DICOM headers, and notes.

    Args:
        folder: Where the paths start.
        paths: Images that can be read.
        wanted: Names of `HEADER_COLUMNS` that are declared and that nothing else says.

    Returns:
        Columns, what must be mended, and notes; nothing where no file is DICOM.
    """
    found = _headers(folder, paths)
    if not any(found):
        return {}, [], []
    problems, notes = [], []
    burned = [path for path, header in zip(paths, found, strict=True) if header and header.burned_in]
    if burned:
        notes.append(
            f"{len(burned)} headers say that text is burned into the picture: {', '.join(burned[:3])}"
        )
    told = {
        PATIENT: _numbered([header.patient if header else "" for header in found], "patient"),
        SITE: _numbered([header.site if header else "" for header in found], "site"),
        "dicom_sex": [header.sex if header else "" for header in found],
        "dicom_age": [header.age if header else "" for header in found],
        "dicom_scanner": [header.scanner if header else "" for header in found],
    }
    columns = {
        name: pa.array([value or UNKNOWN for value in told[name]])
        for name in HEADER_COLUMNS
        if name in wanted
    }
    if PATIENT in wanted and (missing := sum(not header or not header.patient for header in found)):
        message = f"{missing} images name no patient in their header, by whom columns.group goes"
        problems.append(Problem("empty_cells", message, "name the patient in data.labels", PATIENT))
    return columns, problems, notes


def _headers(folder: Path, paths: list[str]) -> list[dicom.Header | None]:
    if is_arrays(folder):
        return [None] * len(paths)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        return list(threads.map(lambda path: _header(folder / path), paths))


def _header(file: Path) -> dicom.Header | None:
    """What a file's header says, if it is DICOM."""
    try:
        with file.open("rb") as stream:
            start = stream.read(dicom.PREAMBLE + len(dicom.MAGIC))
            if not dicom.is_dicom(start):
                return None
            return dicom.header_of(start + stream.read(MOST_FILE_BYTES))
    except (OSError, dicom.UnreadableError):
        return None


def _numbered(values: list[str], called: str) -> list[str]:
    """Values as numbers in the order in which they come: nothing leads back from them."""
    known = {value: place for place, value in enumerate(dict.fromkeys(filter(None, values)), 1)}
    width = len(str(len(known)))
    return [f"{called} {known[value]:0{width}d}" if value else "" for value in values]


def _names(folder: Path) -> list[str]:
    return [item.name for item in folder.iterdir()] if folder.is_dir() else []

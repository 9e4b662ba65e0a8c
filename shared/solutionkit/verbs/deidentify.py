"""`solutionkit deidentify`: DICOM files that name nobody, for a project to learn from or to be given away."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from rich.console import Console

from solutionkit.errors import UserError
from solutionkit.kinds.dicom import UnreadableError, as_png, header_of, is_dicom
from solutionkit.kinds.dicom_deidentified import deidentified
from solutionkit.kinds.image_files import MOST_FILE_BYTES
from solutionkit.modalities.image.burned_in import MISSING, reader, shows_text
from solutionkit.output import write_csv
from solutionkit.verbs.log import Spinning

KEY_COLUMNS = ("source", "written", "patient", "left_out")


def main(options: argparse.Namespace) -> int:
    """Write cleaned copies of a folder's files, all or none; 1 where none could be written."""
    refuse_places(options)
    if reader() is None and not options.unsearched:
        raise UserError(
            f"deidentify: {MISSING}. With --unsearched files are written all the same, names in their pixels"
            " too."
        )
    paths = files_of(options.input)
    # Numbers follow no order by which anybody could be found again.
    random.SystemRandom().shuffle(paths)
    target = options.output.absolute()
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        with Spinning(Console(stderr=True), "files are read") as shown:
            rows = cleaned(options.input, paths, draft, shown.tell)
        done = [row for row in rows if row["written"]]
        if done:
            if options.key:
                write_key(rows, options.key)
            draft.chmod(0o777 & ~current_umask())
            draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    print(f"{len(done):,} of {len(rows):,} files are in {options.output}" if done else "nothing was written")
    for why, count in counted(rows).items():
        print(f"note: {count:,} left out: {why}")
    if reader() is None:
        print(f"note: {MISSING}")
    if not options.key:
        print("note: nothing says which file is which; --key writes that, to be kept apart")
    return 0 if done else 1


def refuse_places(options: argparse.Namespace) -> None:
    """Raise a UserError for folders and files that are not as they must be."""
    target, key = options.output, options.key
    if not options.input.is_dir():
        raise UserError(f"{options.input}: no such folder.")
    if target.exists():
        raise UserError(f"{target}: it exists; name a folder that does not.")
    if key and key.exists():
        raise UserError(f"{key}: it exists; name a file that does not.")
    if key and key.resolve().is_relative_to(target.resolve()):
        raise UserError(f"{key}: who has the key knows the patients; keep it apart from {target}.")
    for place in filter(None, (target, key)):
        if not place.absolute().parent.is_dir():
            raise UserError(f"{place}: its folder does not exist; make it first.")


def files_of(folder: Path) -> list[str]:
    """All files of a folder, whatever they are called, as paths relative to it."""
    return [
        str(Path(parent, name).relative_to(folder))
        for parent, _, names in os.walk(folder)
        for name in sorted(names)
        if not name.startswith(".")
    ]


def cleaned(
    folder: Path, paths: list[str], target: Path, tell: Callable[[str], None]
) -> list[dict[str, str]]:
    """Write what can be written; a row a file for the key.

    Args:
        folder: Where the paths start.
        paths: Files.
        target: Where cleaned ones go, called by number.
        tell: Takes on how far it is.
    """
    patients: dict[str, str] = {}
    rows, width, number = [], len(str(len(paths))), 0
    for place, path in enumerate(paths, start=1):
        tell(f"{place:,} of {len(paths):,} files")
        row = dict.fromkeys(KEY_COLUMNS, "") | {"source": path}
        rows.append(row)
        try:
            content = content_of(folder / path)
            header = header_of(content)
            if header.burned_in:
                raise UnreadableError("its header says that text is burned into the picture")
            picture = as_png(content)
            if reader() is not None and shows_text(picture):
                raise UnreadableError("text stands in its pixels")
            known = header.patient or " ".join(header.name) or path
            patient = patients.get(known, f"patient {len(patients) + 1:0{width}d}")
            clean = deidentified(content, patient)
        except (UnreadableError, OSError) as error:
            row["left_out"] = error.strerror or "unreadable" if isinstance(error, OSError) else str(error)
            continue
        number += 1
        patients[known] = patient
        row |= {"written": f"{number:0{width}d}.dcm", "patient": patient}
        (target / row["written"]).write_bytes(clean)
    return rows


def content_of(file: Path) -> bytes:
    """A DICOM file's bytes.

    Raises:
        UnreadableError: It is none, or too large.
        OSError: It cannot be read.
    """
    if file.stat().st_size > MOST_FILE_BYTES:
        raise UnreadableError(f"has more than {MOST_FILE_BYTES // 1_000_000} MB")
    content = file.read_bytes()
    if not is_dicom(content):
        raise UnreadableError("is no DICOM file")
    return content


def write_key(rows: list[dict[str, str]], key: Path) -> None:
    """Which file became which, for its owner alone.

    Args:
        rows: A file each.
        key: The file to write.
    """
    before = os.umask(0o077)
    try:
        write_csv(pa.Table.from_pylist(rows), key)
    finally:
        os.umask(before)


def current_umask() -> int:
    """What a new folder of this process may not have."""
    found = os.umask(0)
    os.umask(found)
    return found


def counted(rows: list[dict[str, str]]) -> dict[str, int]:
    """How many files were left out, by why."""
    found: dict[str, int] = {}
    for row in rows:
        if row["left_out"]:
            found[row["left_out"]] = found.get(row["left_out"], 0) + 1
    return found

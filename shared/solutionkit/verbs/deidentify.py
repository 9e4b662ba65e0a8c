"""`solutionkit deidentify`: DICOM files that name nobody, for a project to learn from or to be given away."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import pyarrow as pa

from solutionkit.errors import UserError
from solutionkit.kinds.dicom import UnreadableError, as_png, header_of, is_dicom
from solutionkit.kinds.dicom_deidentified import deidentified
from solutionkit.modalities.image.burned_in import MISSING, reader, shows_text
from solutionkit.modalities.image.sources import image_files
from solutionkit.output import write_csv

KEY_COLUMNS = ("source", "written", "patient", "left_out")


def main(options: argparse.Namespace) -> int:
    """Write cleaned copies of a folder's files, all or none; 1 where none could be written."""
    target = options.output
    if target.exists():
        raise UserError(f"{target}: it exists; name a folder that does not.")
    if options.key and options.key.exists():
        raise UserError(f"{options.key}: it exists; name a file that does not.")
    if options.key and options.key.resolve().is_relative_to(target.resolve()):
        raise UserError(f"{options.key}: who has the key knows the patients; keep it apart from {target}.")
    paths = image_files(options.input)
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        rows = cleaned(options.input, paths, partial)
        if options.key:
            write_csv(pa.Table.from_pylist(rows), options.key)
        done = [row for row in rows if row["written"]]
        if done:
            partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    print(f"{len(done):,} of {len(rows):,} files are in {target}" if done else "nothing was written")
    for why, count in counted(rows).items():
        print(f"note: {count:,} left out: {why}")
    if reader() is None:
        print(f"note: {MISSING}")
    if not options.key:
        print("note: nothing says which file is which; --key writes that, to be kept apart")
    return 0 if done else 1


def cleaned(folder: Path, paths: list[str], target: Path) -> list[dict[str, str]]:
    """Write what can be written; a row a file for the key.

    Args:
        folder: Where the paths start.
        paths: Files.
        target: Where cleaned ones go, called by number.
    """
    patients: dict[str, str] = {}
    rows = []
    width = len(str(len(paths)))
    for number, path in enumerate(paths, start=1):
        row = dict.fromkeys(KEY_COLUMNS, "") | {"source": path}
        rows.append(row)
        try:
            content = (folder / path).read_bytes()
            if not is_dicom(content):
                raise UnreadableError("is no DICOM file")
            header = header_of(content)
            if header.burned_in:
                raise UnreadableError("its header says that text is burned into the picture")
            if reader() is not None and shows_text(as_png(content)):
                raise UnreadableError("text stands in its pixels")
            known = header.patient or " ".join(header.name) or path
            patient = patients.setdefault(known, f"patient {len(patients) + 1:0{width}d}")
            name = f"{number:0{width}d}.dcm"
            (target / name).write_bytes(deidentified(content, patient))
        except (UnreadableError, OSError) as error:
            row["left_out"] = error.strerror or "unreadable" if isinstance(error, OSError) else str(error)
        else:
            row |= {"written": name, "patient": patient}
    return rows


def counted(rows: list[dict[str, str]]) -> dict[str, int]:
    """How many files were left out, by why."""
    found: dict[str, int] = {}
    for row in rows:
        if row["left_out"]:
            found[row["left_out"]] = found.get(row["left_out"], 0) + 1
    return found

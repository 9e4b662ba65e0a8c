"""What several test files need: this repository, and its commands as a user runs them."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from solutionkit import cli

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def generate(folder: Path, slug: str = "demo", **answers: str) -> subprocess.CompletedProcess[str]:
    """Run cookiecutter on this repository as a user does."""
    given = {"use_case": "customer_churn", "project_name": "Demo", "project_slug": slug, **answers}
    return subprocess.run(
        [
            str(BIN / "cookiecutter"),
            str(ROOT),
            "--no-input",
            "--output-dir",
            str(folder),
            *(f"{key}={value}" for key, value in given.items()),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def solutionkit(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line in a project's folder, in this process: what is imported already costs no time."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.chdir(project), redirect_stdout(stdout), redirect_stderr(stderr):
        try:
            code = cli.main(list(arguments))
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    return subprocess.CompletedProcess(arguments, code, stdout.getvalue(), stderr.getvalue())


def solutionkit_process(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line as a user runs it; it sees code that was edited, and has its own standard output."""
    return subprocess.run(
        [str(BIN / "solutionkit"), *arguments], cwd=project, capture_output=True, text=True, timeout=600
    )


def opened(page: Path, profile: Path) -> str:
    """A page as a real browser builds it, without a network; `profile` is the browser's own folder."""
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += ["--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom"]
    command.append(page.resolve().as_uri())
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def film(pixels: np.ndarray, kind: str = "MONOCHROME2", bits: int = 8, **header: Any) -> Dataset:
    """A DICOM file's content, of `(height, width)` or `(height, width, 3)` pixels and what its header says."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = SecondaryCaptureImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
    data.set_pixel_data(pixels, kind, bits)
    for name, value in header.items():
        setattr(data, name, value)
    return data


def learning_for(project: Path, epochs: int) -> Path:
    """A generated project whose network learns for so many epochs of the sample."""
    for declaration in (project / "use_case.toml", project / "tests" / "sample" / "use_case.toml"):
        text = declaration.read_text()
        assert "[training]\n" in text
        declaration.write_text(text.replace("[training]\n", f"[training]\nepochs = {epochs}\n"))
    return project


def as_dicom(data: Dataset, syntax: UID = ExplicitVRLittleEndian) -> bytes:
    """The file; compressed where the syntax asks for that and the pixels are not yet."""
    if syntax.is_encapsulated and not data.file_meta.TransferSyntaxUID.is_encapsulated:
        data.compress(syntax)
    data.file_meta.TransferSyntaxUID = syntax
    target = io.BytesIO()
    data.save_as(target, enforce_file_format=True)
    return target.getvalue()


def film_example(pixels: np.ndarray) -> bytes:
    """A serialized tf.Example of a patient with a film, as the columns `patient` and `film`."""
    import tensorflow as tf

    file, made = io.BytesIO(), tf.train.Example()
    PIL.Image.fromarray(pixels).save(file, "PNG")
    made.features.feature["film"].bytes_list.value.append(file.getvalue())
    made.features.feature["patient"].bytes_list.value.append(b"7")
    serialized: bytes = made.SerializeToString()
    return serialized

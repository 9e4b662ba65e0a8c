"""`solutionkit deidentify` writes cleaned copies, all or none, and says what it left out."""

import csv
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw
import pydicom
import pytest

from solutionkit.cli import main
from solutionkit.modalities.image import burned_in
from solutionkit.verbs import deidentify
from support import as_dicom, film

NAME = "Quackenbush^Zelda"
PIXELS = np.random.default_rng(0).normal(90.0, 6.0, (160, 128)).clip(0, 255).astype(np.uint8)


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Two films of a patient, one of another, one with a name burned in, one that says so, and a photo."""
    folder = tmp_path / "films"
    folder.mkdir()
    drawn = PIL.Image.fromarray(PIXELS)
    PIL.ImageDraw.Draw(drawn).text((4, 4), "QUACKENBUSH Z", fill=240, font_size=14)
    made = {
        "Zelda1.dcm": film(PIXELS, PatientName=NAME, PatientID="Z-4711"),
        "Zelda2.dcm": film(PIXELS, PatientName=NAME, PatientID="Z-4711"),
        "b.dcm": film(PIXELS, PatientName="Grimes^Ida", PatientID="G-1"),
        "c.dcm": film(np.asarray(drawn), PatientName="Grimes^Ida", PatientID="G-1"),
        "1.2.840.113619": film(PIXELS, PatientName="Grimes^Ida", PatientID="G-1", BurnedInAnnotation="YES"),
    }
    for name, data in made.items():
        (folder / name).write_bytes(as_dicom(data))
    drawn.save(folder / "photo.png")
    return folder


def run(films: Path, *more: str) -> int:
    return main(["deidentify", "--input", str(films), "--output", str(films.parent / "clean"), *more])


def test_copies_are_called_by_number_and_a_patient_by_the_same(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "key.csv"
    assert run(films, "--key", str(key)) == 0
    told = capsys.readouterr().out
    assert "3 of 6 files are in" in told
    assert "1 left out: text stands in its pixels" in told
    assert "1 left out: its header says that text is burned into the picture" in told
    assert "1 left out: is no DICOM file" in told
    assert "Zelda" not in told
    clean = tmp_path / "clean"
    assert sorted(file.name for file in clean.iterdir()) == ["1.dcm", "2.dcm", "3.dcm"]
    assert key.stat().st_mode & 0o077 == 0
    assert b"Quackenbush" not in b"".join(file.read_bytes() for file in clean.iterdir())
    with key.open(newline="") as stream:
        rows = {row["source"]: row for row in csv.DictReader(stream)}
    assert len(rows) == 6
    ids = {name: rows[name]["patient"] for name in ("Zelda1.dcm", "Zelda2.dcm", "b.dcm")}
    assert ids["Zelda1.dcm"] == ids["Zelda2.dcm"] != ids["b.dcm"]
    for name, patient in ids.items():
        assert pydicom.dcmread(clean / rows[name]["written"]).PatientID == patient
    assert rows["c.dcm"]["left_out"] == "text stands in its pixels"


def test_without_a_reader_of_text_that_is_said(
    films: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(deidentify, "reader", lambda: None)
    assert run(films) == 1
    assert "With --unsearched" in capsys.readouterr().err
    assert run(films, "--unsearched") == 0
    told = capsys.readouterr().out
    assert "4 of 6 files" in told
    assert burned_in.MISSING in told
    assert "--key writes that" in told


def test_nothing_is_overwritten_and_nothing_half_written(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "clean").mkdir()
    assert run(films) == 1
    assert "it exists" in capsys.readouterr().err
    (tmp_path / "clean").rmdir()
    assert run(films, "--key", str(tmp_path / "clean" / "key.csv")) == 1
    assert "keep it apart" in capsys.readouterr().err
    assert run(films, "--key", str(tmp_path / "none" / "key.csv")) == 1
    assert "its folder does not exist" in capsys.readouterr().err

    def stops(*_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(deidentify, "deidentified", stops)
    assert run(films) == 130
    assert sorted(item.name for item in tmp_path.iterdir()) == ["films"]


def test_nothing_to_clean_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    PIL.Image.fromarray(PIXELS).save(folder / "a.png")
    assert run(folder) == 1
    assert "nothing was written" in capsys.readouterr().out
    assert not (tmp_path / "clean").exists()
    assert [item.name for item in tmp_path.iterdir()] == ["photos"]

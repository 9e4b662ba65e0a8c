"""Images of DICOM folders and of arrays become rows; whose they are becomes a number."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pyarrow as pa
import pyarrow.csv
import pytest
from scipy import ndimage

from solutionkit.declaration import Declaration
from solutionkit.errors import UserError
from solutionkit.examples.audit import AuditedTable, audit
from solutionkit.examples.encoding import with_files
from solutionkit.kinds.image_files import looks_of
from solutionkit.modalities.image.look_alike import alike_notes, alike_pairs
from solutionkit.use_case import Project, read_new
from support import as_dicom, film

RANDOM = np.random.default_rng(2)
SIDE = 24


def film_of(patient: str, name: str = "Doe^Jane", **more: Any) -> bytes:
    pixels = RANDOM.integers(0, 4096, (SIDE, SIDE)).astype(np.uint16)
    return as_dicom(film(pixels, bits=12, **{"PatientName": name, "PatientID": patient, **more}))


def project_of(folder: Path, data: dict[str, Any], **columns: Any) -> Project:
    declared = {"data": data, "columns": {"label": "finding", "image": "image", "positive": "yes", **columns}}
    return Project(folder, Declaration.model_validate_json(json.dumps(declared)), "defect_inspection")


def films(folder: Path, patients: int = 40, suffix: str = ".dcm", **more: Any) -> AuditedTable:
    source = folder / "films"
    source.mkdir()
    rows = []
    for number in range(2 * patients):
        name = f"f{number:03d}{suffix}"
        scanner = {"Manufacturer": "ACME", "PatientSex": "FM"[number % 2]}
        (source / name).write_bytes(film_of(f"ID-{number // 2}", **scanner, **more))
        rows.append((name, ("yes", "no")[number // 2 % 2]))
    names, findings = zip(*rows, strict=True)
    pa.csv.write_csv(pa.table({"image": names, "finding": findings}), folder / "labels.csv")
    data = {"path": str(source), "labels": str(folder / "labels.csv"), "split": "group"}
    project = project_of(folder, data, group="dicom_patient")
    slices = project.declaration.slices.model_copy(update={"columns": ["dicom_sex", "dicom_scanner"]})
    declaration = project.declaration.model_copy(update={"slices": slices})
    return audit(Project(folder, declaration, "defect_inspection"))


@pytest.mark.parametrize("suffix", [".dcm", ""])
def test_films_of_a_patient_stay_on_one_side_and_name_nobody(tmp_path: Path, suffix: str) -> None:
    found = films(tmp_path, suffix=suffix)
    assert found.spec.features[0].bits == 16
    sides: dict[str, set[str]] = {}
    for patient, side in zip(found.table["dicom_patient"].to_pylist(), found.splits, strict=True):
        sides.setdefault(patient, set()).add("eval" if side == "eval" else "train")
    assert len(sides) == 40
    assert all(len(item) == 1 for item in sides.values())
    assert set(found.table["dicom_sex"].to_pylist()) == {"F", "M"}
    assert set(found.table["dicom_scanner"].to_pylist()) == {"ACME"}
    told = json.dumps(found.table.to_pydict()) + "".join(found.notes)
    for piece in with_files(found.table, found.spec, found.folder):
        content = piece["image"].to_pylist()
        assert all(cell.startswith(b"\x89PNG") and b"Doe" not in cell for cell in content)
    assert "ID-" not in told
    assert "Doe" not in told


def test_files_named_after_a_patient_are_refused_without_the_name(tmp_path: Path) -> None:
    source = tmp_path / "films"
    source.mkdir()
    for number in range(20):
        folder = source / ("yes" if number % 2 else "no")
        folder.mkdir(exist_ok=True)
        (folder / f"doe_{number}.dcm").write_bytes(film_of(str(number)))
    with pytest.raises(UserError, match="the names of 20 files hold the patient's name") as error:
        audit(project_of(tmp_path, {"path": str(source)}))
    assert "doe" not in str(error.value).lower()


def test_a_folder_called_like_part_of_a_name_is_no_name(tmp_path: Path) -> None:
    source = tmp_path / "films"
    for number in range(60):
        folder = source / ("normal" if number % 2 else "ill")
        folder.mkdir(exist_ok=True, parents=True)
        (folder / f"{number}.dcm").write_bytes(film_of(str(number), "Abel^Norma"))
    project = project_of(tmp_path, {"path": str(source)}, positive="ill")
    assert audit(project).table.num_rows == 60
    # What holds no picture is not told by a name either.
    (source / "ill" / "norma.dcm").write_bytes(film_of("9", "Abel^Norma", NumberOfFrames=3))
    with pytest.raises(UserError, match="the names of 1 files hold the patient's name") as error:
        audit(project)
    assert "norma.dcm" not in str(error.value)


def test_a_film_without_a_patient_is_named_where_the_group_goes_by_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="80 images name no patient in their header"):
        films(tmp_path, PatientID="")


def test_burned_in_text_that_a_header_tells_of_is_noted(tmp_path: Path) -> None:
    assert any("burned into the picture" in note for note in films(tmp_path, BurnedInAnnotation="YES").notes)


def test_arrays_are_read_by_their_columns(tmp_path: Path) -> None:
    count = 90
    arrays = {
        "images": RANDOM.integers(0, 256, (count, SIDE, SIDE)).astype(np.uint8),
        "finding": np.where(np.arange(count) % 3 == 0, "yes", "no"),
        "fold": np.arange(count) % 5,
    }
    file = tmp_path / "set.npz"
    np.savez(file, **arrays)
    data = {"path": str(file), "split": "column", "eval_values": [0]}
    found = audit(project_of(tmp_path, data, split="fold"))
    assert found.rows()["eval"] == 18
    (piece,) = with_files(found.table, found.spec, found.folder)
    pixels = np.asarray(PIL.Image.open(io.BytesIO(piece["image"][7].as_py())))
    assert (pixels == arrays["images"][7]).all()
    # Beside them a table of one row an image, which says what the arrays do not.
    beside = tmp_path / "beside.csv"
    pa.csv.write_csv(pa.table({"patient": [f"p{number // 2}" for number in range(count)]}), beside)
    project = project_of(tmp_path, {**data, "labels": str(beside)}, split="fold", group="patient")
    assert "patient" in audit(project).table.column_names
    pa.csv.write_csv(pa.table({"patient": ["F"]}), beside)
    with pytest.raises(UserError, match=r"has 1 rows, set\.npz 90 images"):
        audit(project)
    arrays["images"][5] = arrays["images"][6]
    np.savez(file, **arrays)
    beside.unlink()
    notes = audit(project_of(tmp_path, data, split="fold")).notes
    assert any("5 and 06 are the same picture, labelled 'no' and 'yes'; both stay" in note for note in notes)
    new = read_new(project, file, found.spec)
    assert new.table.num_rows == count


def test_pictures_that_look_alike_are_told_if_patients_differ_or_sides_do() -> None:
    smooth = ndimage.gaussian_filter(RANDOM.normal(size=(40, 64, 64)), (0, 1.2, 1.2))
    scaled = ((smooth - smooth.min()) / np.ptp(smooth) * 255.0).astype(np.uint8)
    noisy = np.clip(scaled[:3] + RANDOM.normal(0.0, 1.0, (3, 64, 64)), 0, 255).astype(np.uint8)
    looks = [looks_of(picture[..., None]) for picture in [*scaled, *noisy]]
    assert alike_pairs(looks).tolist() == [[0, 40], [1, 41], [2, 42]]
    names = [f"{row}.png" for row in range(43)]
    whose = [f"p{row}" for row in range(40)] + ["p0", "new", "p2"]
    splits = np.array(["train"] * 42 + ["eval"])
    foreign, parted = alike_notes(looks, names, whose, splits)
    assert (
        foreign
        == "1 pairs of pictures look alike and are of different groups: one under two names? 1.png and 41.png"
    )
    assert parted.endswith("which flatters the models: 2.png and 42.png")
    assert alike_notes(looks[:40], names, whose, splits) == []
    assert alike_notes([], [], None, splits[:0]) == []

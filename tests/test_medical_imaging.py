"""A generated project of scans: the contract, the planted mark, referrals, the log, and that nobody is named."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from pydicom.uid import JPEG2000Lossless

from medical_imaging import sample_data
from solutionkit import testing
from solutionkit.use_case import Project
from support import CHROMIUM, as_dicom, film, generate, opened, solutionkit

pytestmark = pytest.mark.slow

NAME = "Quackenbush^Zelda"
FINDINGS = ("opacity_", "effusion_")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that keeps the contract, with its run."""
    folder = tmp_path_factory.mktemp("scans")
    answer = generate(folder, "films", use_case="medical_imaging")
    assert answer.returncode == 0, answer.stderr
    films = folder / "films"
    for declaration in (films / "use_case.toml", films / "tests" / "sample" / "use_case.toml"):
        text = declaration.read_text()
        assert "# further_labels" in text
        declaration.write_text(text.replace("# further_labels", "further_labels"))
    return testing.check_use_case(films, folder / "workspace")


def told_of(project: Project, name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((project.runs / "latest" / name).read_text())
    return found


def read(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as text:
        return list(csv.DictReader(text))


def test_the_planted_mark_is_found_and_named(project: Project) -> None:
    explained, compared = (told_of(project, f"{name}.json") for name in ("explanations", "comparison"))
    place, column, value = sample_data.MARKED
    objection = f"it goes by the {place} corner of scans with {column} = {value}"
    assert compared["objections"]["deep"] == objection  # type: ignore[index]
    models = explained["models"]
    for model in models.values():  # type: ignore[attr-defined]
        assert model["robustness"][0]["roc_auc"] > 0.8
    known = {item["column"]: item["roc_auc"] for item in models["deep"]["read_from_last_layer"]}  # type: ignore[index]
    assert known["scanner"] > 0.9 > known["sex"]


def test_findings_beside_are_told_by_the_same_network(project: Project) -> None:
    compared = told_of(project, "comparison.json")
    for label in ("opacity", "effusion"):
        found = compared["further"][label]  # type: ignore[index]
        assert found["primary_metric"] == "roc_auc"
        assert found["models"]["deep"]["metrics"]["roc_auc"]["value"] > 0.75
        business = found["models"]["deep"]["business"]
        assert 0.0 < business["threshold"] < 1.0
        assert business["covered"]["value"] > 0.7
        assert found["models"]["deep"]["calibration"]["expected_calibration_error"] < 0.2
    assert "opacity" in (project.runs / "latest" / "report.html").read_text()


def test_what_is_told_is_surer_than_what_is_referred(project: Project) -> None:
    compared = told_of(project, "comparison.json")
    for name in ("simple", "baseline", "deep"):
        business = compared["models"][name]["business"]  # type: ignore[index]
        assert business["value_per_1000"] is None
        assert 0.0 < business["referred"] < 0.9
        assert business["right_of_told"]["value"] > business["right_of_all"]["value"]
        assert business["covered"]["value"] > 0.75
        assert business["sensitivity"]["value"] > 0.7
        assert len(business["at_prevalence"]) == 2
    gaps = compared["models"]["deep"]["business"]["subgroup_gaps"]  # type: ignore[index]
    assert (gaps[0]["column"], gaps[0]["flagged"]) == ("scanner", True)


def test_predictions_of_dicom_are_told_referred_and_logged_without_a_name(
    project: Project, tmp_path: Path
) -> None:
    films = sample_data.generate(12, 77)
    source = tmp_path / "films"
    source.mkdir()
    for number, content in enumerate(films["image"].to_pylist()):
        pixels = np.asarray(PIL.Image.open(io.BytesIO(content)))
        data = film(pixels, PatientName=NAME, PatientID="Z-4711")
        (source / f"film{number:02d}.dcm").write_bytes(as_dicom(data, JPEG2000Lossless))
        (tmp_path / "png").mkdir(exist_ok=True)
        (tmp_path / "png" / f"film{number:02d}.png").write_bytes(content)
    log, outputs = tmp_path / "log.jsonl", []
    for folder in ("films", "png"):
        output = tmp_path / f"{folder}.csv"
        answer = solutionkit(
            project.folder, "predict", "--input", str(tmp_path / folder), "--output", str(output),
            "--audit-log", str(log),
        )  # fmt: skip
        assert answer.returncode == 0, answer.stderr
        assert "Quackenbush" not in answer.stdout + answer.stderr
        outputs.append(read(output))
    columns = [f"{label}{name}" for label in ("", *FINDINGS) for name in ("probability", "alert", "refer")]
    assert list(outputs[0][0]) == ["image_file", *columns, "entry"]
    assert [int(row["entry"]) for row in (*outputs[0], *outputs[1])] == list(range(1, 25))
    for dicom, png in zip(*outputs, strict=True):
        assert float(dicom["probability"]) == pytest.approx(float(png["probability"]), abs=1e-5)
        assert (dicom["alert"], dicom["refer"]) == (png["alert"], png["refer"])
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(lines) == 24
    assert lines[0]["input"] != lines[1]["input"]
    assert list(lines[0]["output"]) == sorted(columns)
    assert "film0" not in log.read_text()
    assert solutionkit(project.folder, "audit", "verify", str(log)).returncode == 0
    log.write_text("\n".join(log.read_text().splitlines()[1:]) + "\n")
    assert solutionkit(project.folder, "audit", "verify", str(log)).returncode == 1


def test_the_card_says_what_nobody_stated(project: Project) -> None:
    card = told_of(project, "model_card.json")
    assert card["uses_and_directions"]["intended_use"] == "not stated"  # type: ignore[index]
    assert "no medical device" in card["warnings"]["known_risks_and_limitations"][0]  # type: ignore[index]
    assert card["key_metrics"]["fairness_and_equity"]["slices"]  # type: ignore[index]
    assert "This is no medical device" in (project.runs / "latest" / "model_card.md").read_text()


@pytest.mark.skipif(CHROMIUM is None, reason="no browser")
def test_the_report_says_what_drives_the_answer(project: Project, tmp_path: Path) -> None:
    page = opened((project.runs / "latest" / "report.html").resolve(), tmp_path / "profile")
    assert "What drives the answer" in page
    assert "ships, though it goes by the top left corner" in page
    assert "What a flag means, and what is referred" in page
    assert "Net benefit" in page
    assert "JPEG of quality 30" in page

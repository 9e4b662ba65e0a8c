"""Copies of DICOM files in which nobody is named, and that say how that was done."""

import io

import numpy as np
import PIL.Image
import pydicom
import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit

from solutionkit.kinds.dicom import UnreadableError, as_png
from solutionkit.kinds.dicom_deidentified import METHOD, deidentified
from support import as_dicom, film

NAME = "Quackenbush^Zelda"
PIXELS = np.arange(64 * 48).reshape(64, 48).astype(np.uint8)
IDENTIFYING = {
    "PatientName": NAME,
    "PatientID": "Z-4711",
    "PatientBirthDate": "19430511",
    "PatientAddress": "4 Mill Lane, Quackenbush Hall",
    "OtherPatientIDs": "QB-1",
    "ReferringPhysicianName": "Grimes^Ida",
    "InstitutionName": "Quackenbush Clinic",
    "AccessionNumber": "ACC-98765",
    "StudyDate": "20240102",
    "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.1",
    "ImageComments": "seen by Ida Grimes",
    "DeviceSerialNumber": "SN-5511",
}
REST = ("Quackenbush", "Zelda", "4711", "19430511", "Mill Lane", "Grimes", "98765", "SN-5511", "QB-1")


def scan(**more: object) -> Dataset:
    data: Dataset = film(PIXELS, **{**IDENTIFYING, **more})
    return data


def read(content: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(content))


@pytest.mark.parametrize("compressed", [False, True])
def test_nobody_is_named_and_the_picture_stays(compressed: bool) -> None:
    data = scan()
    data.preamble = b"Zelda Quackenbush".ljust(128)
    data.private_block(0x0011, "Quackenbush tools", create=True).add_new(1, "LO", "Zelda 4711")
    asked = Dataset()
    asked.RequestedProcedureDescription = "chest"
    asked.RequestingPhysician = "Grimes^Ida"
    asked.PatientName = NAME
    data.RequestAttributesSequence = [asked]
    before = as_dicom(data, JPEG2000Lossless) if compressed else as_dicom(data)
    after = deidentified(before, "patient 7")
    for word in REST:
        assert word.encode() not in after, word
        assert word.encode() in before, word
    assert as_png(after) == as_png(before)
    found = read(after)
    assert (found.PatientName, found.PatientID) == ("patient 7", "patient 7")
    assert (found.PatientIdentityRemoved, found.DeidentificationMethod) == ("YES", METHOD)
    (how,) = found.DeidentificationMethodCodeSequence
    assert (how.CodeValue, how.CodingSchemeDesignator) == ("113100", "DCM")
    assert found.file_meta.MediaStorageSOPInstanceUID == found.SOPInstanceUID
    assert found.SOPInstanceUID != read(before).SOPInstanceUID


def test_files_of_a_study_stay_together() -> None:
    first, second = (read(deidentified(as_dicom(scan()), "p")) for _ in range(2))
    assert first.StudyInstanceUID == second.StudyInstanceUID != IDENTIFYING["StudyInstanceUID"]


def test_the_first_group_and_comments_of_pictures_name_nobody() -> None:
    data = scan(PhotometricInterpretation="MONOCHROME2")
    data.file_meta.SourceApplicationEntityTitle = "MILL_PACS"
    data.file_meta.ImplementationVersionName = "MILL_1"
    grey, jpeg = PIL.Image.fromarray(PIXELS), io.BytesIO()
    grey.save(jpeg, "JPEG", comment=b"Quackenbush Zelda 1943")
    data.PixelData = encapsulate([jpeg.getvalue()])
    data["PixelData"].VR = "OB"
    data.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    before = as_dicom(data, JPEGBaseline8Bit)
    assert b"Quackenbush Zelda 1943" in before
    after = deidentified(before, "patient 7")
    for word in (b"MILL", b"Quackenbush", b"1943"):
        assert word not in after
    assert as_png(after) == as_png(before)
    # What was cleaned can be cleaned again.
    assert as_png(deidentified(after, "patient 8")) == as_png(before)


def test_references_lead_to_the_files_that_they_named() -> None:
    named, naming = scan(SOPInstanceUID="1.2.3.4.5"), scan(SOPInstanceUID="1.2.3.4.6")
    reference = Dataset()
    reference.ReferencedSOPClassUID = named.SOPClassUID
    reference.ReferencedSOPInstanceUID = "1.2.3.4.5"
    naming.SourceImageSequence = [reference]
    found, other = (read(deidentified(as_dicom(data), "p")) for data in (named, naming))
    (item,) = other.SourceImageSequence
    assert item.ReferencedSOPInstanceUID == found.SOPInstanceUID
    first, second = (read(deidentified(as_dicom(scan(StudyInstanceUID="")), "p")) for _ in range(2))
    assert not first.get("StudyInstanceUID")
    assert first.SOPInstanceUID
    assert second.SOPInstanceUID


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"Manufacturer": "acme Z-4711 unit"}, "Manufacturer"),
        ({"ImageType": ["ORIGINAL", "Z-4711"]}, "ImageType"),
        ({"OperatorsName": "Petrova^Olga", "Manufacturer": "Olga"}, "Manufacturer"),
    ],
)
def test_numbers_and_further_names_are_looked_for(more: dict[str, object], where: str) -> None:
    with pytest.raises(UnreadableError, match=f"names the patient in {where}"):
        deidentified(as_dicom(scan(**more)), "p")


def test_what_is_no_name_is_none() -> None:
    plain = scan(PatientID="1200", PatientName="PATIENT^TEST", KVP="1200", ExposureTime="1200")
    assert read(deidentified(as_dicom(plain), "patient 1")).PatientID == "patient 1"


def test_a_name_where_the_profile_leaves_it_is_refused_without_quoting_it() -> None:
    with pytest.raises(UnreadableError, match="names the patient in ") as refused:
        deidentified(as_dicom(scan(Manufacturer="Zelda Works")), "p")
    assert "Manufacturer" in str(refused.value)
    assert "Zelda" not in str(refused.value)


def test_what_is_no_dicom_file_or_damaged_is_refused() -> None:
    with pytest.raises(UnreadableError, match="is no DICOM file"):
        deidentified(b"none", "p")
    with pytest.raises(UnreadableError, match="is damaged"):
        deidentified(bytes(128) + b"DICM" + b"\xff" * 60, "p")

"""DICOM files that name nobody, by the basic profile of PS3.15, annex E.

The profile's table is `dicom-anonymizer`'s, of the edition 2024b. What it does is said in each file
(0012,0062 to 0064), as E.1 asks for. Pixels keep their values; they are written without compression, since
compressed ones may hold comments.
"""

from __future__ import annotations

import contextlib
import io
import re
from typing import TYPE_CHECKING

from solutionkit.kinds.dicom import UnreadableError, decoders, read, words

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset

# CID 7050 (PS3.16).
PROFILE = ("113100", "DCM", "Basic Application Confidentiality Profile")
EDITION = "dicomfields_2024b"
METHOD = "PS3.15 E Basic Application Confidentiality Profile, 2024b"
# What must be nowhere in what is written, beside all names of people; and the fewest letters that are looked
# for.
NUMBERS = ("PatientID", "OtherPatientIDs", "AccessionNumber")
FEWEST_LETTERS, FEWEST_DIGITS = 3, 4
# What is written here and may look like a name; and value representations that hold what people write (PS3.5
# 6.2), numbers apart.
WRITTEN = frozenset({"PatientName", "PatientID", "DeidentificationMethod", "CodeMeaning"})
TEXTS = ("AE", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UN", "UR", "UT")


def deidentified(content: bytes, patient: str) -> bytes:
    """A DICOM file without what says whose it is.

    Args:
        content: The file's bytes.
        patient: What the patient is called instead, the same in all of a patient's files.

    Raises:
        UnreadableError: It cannot be read, or names the patient in a place that the profile does not clean.
    """
    data = read(content)
    try:
        names = {word for item in data.iterall() if item.VR == "PN" for word in words(str(item.value))}
        numbers = {str(data.get(key, "") or "").strip().lower() for key in NUMBERS}
        without_compression(data)
        clean(data)
        data.PatientName = data.PatientID = patient
        data.PatientIdentityRemoved = "YES"
        data.DeidentificationMethod = METHOD
        data.DeidentificationMethodCodeSequence = [code(*PROFILE)]
        data.file_meta = meta_of(data)
        data.preamble = bytes(128)
        target = io.BytesIO()
        data.save_as(target, enforce_file_format=True)
    except UnreadableError:
        raise
    except Exception as error:
        # A message of the library may quote a name.
        raise UnreadableError(f"is damaged: it cannot be cleaned ({type(error).__name__})") from None
    written = target.getvalue()
    names = {word for word in names if len(word) >= FEWEST_LETTERS}
    numbers = {number for number in numbers if len(number) >= FEWEST_DIGITS}
    if left := remaining(read(written), names, numbers):
        raise UnreadableError(f"names the patient in {left}, which the profile leaves; remove it there")
    return written


def without_compression(data: Dataset) -> None:
    """Pixels alone: no comments of compressed pictures, nothing behind the last one."""
    if data.file_meta.TransferSyntaxUID.is_encapsulated:
        *_, last = decoders(data.file_meta.TransferSyntaxUID)
        data.decompress(decoding_plugin=last, generate_instance_uid=False)
    from pydicom.pixels.utils import get_expected_length

    size = get_expected_length(data)
    data.PixelData = data.PixelData[: size + size % 2]


def clean(data: Dataset) -> None:
    """Apply the profile's table to the data sets within, and to a data set."""
    from dicomanonymizer import anonymize_dataset
    from dicomanonymizer.dicomfields_selector import dicom_anonymization_database_selector
    from dicomanonymizer.simpledicomanonymizer import initialize_actions_2024b, keep

    for element in list(data):
        if element.VR == "SQ":
            for item in element.value:
                clean(item)
        elif element.VR == "UI" and not element.value:
            # All that are empty would become the same one.
            del data[element.tag]
    # References (U*) have been cleaned within, and lead to files by their new UIDs; it would empty them.
    references = dict.fromkeys(dicom_anonymization_database_selector(EDITION)["X_Z_U_STAR_TAGS"], keep)
    # It prints the tags that it cannot find.
    with contextlib.redirect_stdout(io.StringIO()):
        anonymize_dataset(data, references, base_rules_gen=initialize_actions_2024b)


def meta_of(data: Dataset) -> FileMetaDataset:
    """The first group anew: neither machines nor programs are named."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import generate_uid

    if not data.get("SOPInstanceUID"):
        data.SOPInstanceUID = generate_uid(None)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = data.SOPClassUID
    meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    meta.TransferSyntaxUID = data.file_meta.TransferSyntaxUID
    return meta


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """An item of a code sequence.

    Args:
        value: The code.
        scheme: Whose it is.
        meaning: In words.
    """
    from pydicom import Dataset

    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def remaining(data: Dataset, names: set[str], numbers: set[str]) -> str:
    """The keyword of an element that still names somebody; nothing where none does.

    Args:
        data: What was written.
        names: Words in small letters.
        numbers: By which somebody is known, in small letters.
    """
    known = [re.compile(rf"(?<![a-z0-9]){re.escape(number)}(?![a-z0-9])") for number in numbers]
    for element in (*data.file_meta, *data.iterall()):
        if element.VR not in TEXTS or element.keyword in WRITTEN:
            continue
        text = element.value if isinstance(element.value, bytes) else str(element.value).encode()
        told = text.decode("utf-8", "replace").lower()
        if names & set(words(told)) or any(pattern.search(told) for pattern in known):
            return str(element.keyword or f"the element {element.tag}")
    return ""

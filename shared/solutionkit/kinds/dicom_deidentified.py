"""DICOM files that name nobody, by the basic profile of PS3.15, annex E.

The profile's table is `dicom-anonymizer`'s, of the edition 2024b. What it does is said in each file
(0012,0062 to 0064), as E.1 asks for. Pixels are left as they are.
"""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

from solutionkit.kinds.dicom import UnreadableError, read, words

if TYPE_CHECKING:
    from pydicom import Dataset

# CID 7050 (PS3.16).
PROFILE = ("113100", "DCM", "Basic Application Confidentiality Profile")
METHOD = "PS3.15 E Basic Application Confidentiality Profile, 2024b"
# What must be nowhere in what is written, and the fewest letters of a word of it that are looked for.
NAMES = ("PatientName", "PatientBirthName", "PatientMotherBirthName", "ReferringPhysicianName")
NUMBERS = ("PatientID", "AccessionNumber", "StudyID")
FEWEST_LETTERS = 3
# Value representations that hold what people write (PS3.5 6.2).
TEXTS = frozenset(
    ["AE", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UN", "UR", "UT"]
)


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
        named = {word for key in NAMES for word in words(str(data.get(key, "") or ""))}
        named |= {str(data.get(key, "") or "").strip().lower() for key in NUMBERS}
        clean(data)
        data.PatientName = data.PatientID = patient
        data.PatientIdentityRemoved = "YES"
        data.DeidentificationMethod = METHOD
        data.DeidentificationMethodCodeSequence = [code(*PROFILE)]
        meta = data.file_meta
        meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
        for key in ("SourceApplicationEntityTitle", "PrivateInformation", "PrivateInformationCreatorUID"):
            if key in meta:
                delattr(meta, key)
        data.preamble = bytes(128)
        target = io.BytesIO()
        data.save_as(target, enforce_file_format=True)
    except Exception as error:
        # A message of the library may quote a name.
        raise UnreadableError(f"is damaged: it cannot be cleaned ({type(error).__name__})") from None
    written = target.getvalue()
    left = remaining(read(written), {word for word in named if len(word) >= FEWEST_LETTERS})
    if left:
        raise UnreadableError(f"names the patient in {left}, which the profile leaves; remove it there")
    return written


def clean(data: Dataset) -> None:
    """Apply the profile's table to a data set and to those within it."""
    from dicomanonymizer import anonymize_dataset
    from dicomanonymizer.simpledicomanonymizer import initialize_actions_2024b

    # It prints the tags that it cannot find.
    with contextlib.redirect_stdout(io.StringIO()):
        anonymize_dataset(data, base_rules_gen=initialize_actions_2024b)
    for element in data:
        if element.VR == "SQ":
            for item in element.value:
                clean(item)


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


def remaining(data: Dataset, named: set[str]) -> str:
    """The keyword of an element that still names somebody; nothing where none does.

    Args:
        data: What was written.
        named: Words and numbers in small letters.
    """
    for element in data.iterall():
        if element.VR not in TEXTS:
            continue
        text = element.value if isinstance(element.value, bytes) else str(element.value).encode()
        told = text.decode("utf-8", "replace").lower()
        if named & {told.strip(), *words(told)}:
            return str(element.keyword or f"the element {element.tag}")
    return ""

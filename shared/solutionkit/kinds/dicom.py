"""DICOM files as pictures: pixels as they are meant to be seen, and nothing that says whose they are.

Stored values are rescaled (modality LUT), windowed (VOI LUT) and, where zero means white, turned (PS3.3
C.7.6.3, C.11.1, C.11.2), and become a PNG of 8 or 16 bits that holds nothing else. No header's content is
ever part of a message: it may be a name.
"""

from __future__ import annotations

import contextlib
import io
import logging
import struct
import warnings
import zlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

SUFFIXES = (".dcm", ".dicom")
PREAMBLE, MAGIC = 128, b"DICM"
# What a file may unpack to, and its pixels.
MOST_BYTES, MOST_PIXELS = 400_000_000, 64_000_000
DEFLATED, GROUP_LENGTH, LOOKED_AT = b"1.2.840.10008.1.2.1.99", 12, 1 << 16
JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
LAST_RESORT = "gdcm"
GREY, TURNED, PALETTE = ("MONOCHROME1", "MONOCHROME2"), "MONOCHROME1", "PALETTE COLOR"
AGE_BAND = 20
# What CT shows where no window is given, however its numbers are stored.
HOUNSFIELD = (-1024.0, 3071.0)


class UnreadableError(ValueError):
    """Why a file cannot be used, as it follows the file's name."""


@dataclass(frozen=True)
class Header:
    """What a header says that may be told of, and whose picture it is.

    Attributes:
        patient: The patient's id, or nothing; never shown.
        name: Words of the patient's name in small letters, or nothing; never shown.
        sex: `F`, `M`, `O` or nothing.
        age: A band of years such as `40-59`, or nothing.
        scanner: Manufacturer and model.
        site: The institution; may be as good as a name where it is a single doctor's.
        burned_in: Whether the header says that text stands in the pixels.
    """

    patient: str
    name: tuple[str, ...]
    sex: str
    age: str
    scanner: str
    site: str
    burned_in: bool


def is_dicom(content: bytes) -> bool:
    """Whether bytes are those of a DICOM file."""
    return content[PREAMBLE : PREAMBLE + len(MAGIC)] == MAGIC


def as_png(content: bytes) -> bytes:
    """A DICOM file's picture as PNG.

    Args:
        content: The file's bytes.

    Raises:
        UnreadableError: It holds no single picture that can be read.
    """
    data = read(content)
    try:
        _refuse_shape(data)
        pixels = _pixels(data)
    except UnreadableError:
        raise
    except Exception as error:
        # Whatever a library throws at a header that is none; a message of it may quote a name.
        raise UnreadableError(f"is damaged: its picture cannot be read ({type(error).__name__})") from None
    target = io.BytesIO()
    PIL.Image.fromarray(pixels).save(target, "PNG")
    return target.getvalue()


def header_of(content: bytes) -> Header:
    """What a DICOM file's header says of the picture.

    Raises:
        UnreadableError: It cannot be read.
    """
    data = read(content)
    try:
        name, patient = (str(data.get(key, "") or "").strip() for key in ("PatientName", "PatientID"))
        made = [str(data.get(key, "") or "").strip() for key in ("Manufacturer", "ManufacturerModelName")]
        sex = str(data.get("PatientSex", "") or "").strip().upper()
        return Header(
            patient,
            # A number in the place of a name is no name.
            tuple(words(name)) if name != patient else (),
            sex if sex in {"F", "M", "O"} else "",
            age_band(str(data.get("PatientAge", "") or "")),
            " ".join(part for part in made if part),
            str(data.get("InstitutionName", "") or "").strip(),
            str(data.get("BurnedInAnnotation", "") or "").strip().upper() == "YES",
        )
    except Exception as error:
        raise UnreadableError(f"is damaged: its header cannot be read ({type(error).__name__})") from None


def age_band(age: str) -> str:
    """Years in bands of twenty of an age string such as `045Y` (PS3.5 6.2); nothing where it says none."""
    number, unit = age.strip()[:-1], age.strip()[-1:].upper()
    if not number.isdecimal() or not unit or unit not in "DWMY":
        return ""
    first = int(number) // AGE_BAND * AGE_BAND if unit == "Y" else 0
    return f"{first}-{first + AGE_BAND - 1}"


@cache
def _library() -> Any:
    """pydicom, for good without warnings and log lines, which quote what headers hold."""
    import pydicom
    from pydicom.config import IGNORE, settings

    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module="pydicom")
    settings.reading_validation_mode = IGNORE
    return pydicom


def words(text: str) -> list[str]:
    """The runs of letters of a text, in small letters."""
    return "".join(letter if letter.isalpha() else " " for letter in text.lower()).split()


def read(content: bytes) -> Dataset:
    """A DICOM file's content.

    Raises:
        UnreadableError: It is none, or damaged, or unpacks to too much.
    """
    if len(content) > MOST_BYTES:
        raise UnreadableError(f"has more than {MOST_BYTES // 1_000_000} MB")
    if not is_dicom(content):
        raise UnreadableError("is no DICOM file: the letters DICM are missing")
    try:
        _refuse_bomb(content)
        data: Dataset = _library().dcmread(io.BytesIO(content))
        return data
    except UnreadableError:
        raise
    except Exception as error:
        # A message of the library may quote a name.
        raise UnreadableError(f"is damaged: its header cannot be read ({type(error).__name__})") from None


def _refuse_bomb(content: bytes) -> None:
    """Refuse what inflates to more than may be in memory, without inflating all of it."""
    # The first group says how long it is, and is never packed itself (PS3.10 7.1).
    start = PREAMBLE + len(MAGIC) + GROUP_LENGTH
    length = struct.unpack("<I", content[start - 4 : start])[0]
    if DEFLATED not in content[start : start + length]:
        if DEFLATED in content[: start + LOOKED_AT]:
            raise UnreadableError("is damaged: its first group does not say how long it is")
        return
    unpacking, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    rest = content[start + length :]
    while rest and not unpacking.eof:
        size += len(unpacking.decompress(rest, 1 << 20))
        rest = unpacking.unconsumed_tail
        if size > MOST_BYTES:
            raise UnreadableError(f"unpacks to more than {MOST_BYTES // 1_000_000} MB")


def _refuse_shape(data: Dataset) -> None:
    """Refuse what holds no single picture of a size that may be decoded, by a decoder that is at hand."""
    if "PixelData" not in data:
        floats = "FloatPixelData" in data or "DoubleFloatPixelData" in data
        raise UnreadableError("holds floating-point numbers" if floats else "holds no picture")
    frames, rows, columns = (_number(data, key) for key in ("NumberOfFrames", "Rows", "Columns"))
    if frames > 1:
        raise UnreadableError(f"holds {frames} frames; save each as a file of its own")
    samples, bits = max(_number(data, "SamplesPerPixel"), 1), _number(data, "BitsAllocated")
    if not rows or not columns:
        raise UnreadableError("does not say how large its picture is")
    if rows * columns > MOST_PIXELS or rows * columns * samples * bits // 8 > MOST_BYTES:
        raise UnreadableError(f"has {columns} x {rows} pixels, more than can be read; scale it down")
    if not 1 <= _number(data, "BitsStored") <= bits <= 16:
        raise UnreadableError(f"has {bits} bits a sample; 8 to 16 are read")
    syntax = data.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated:
        if not decoders(syntax):
            raise UnreadableError(
                f"is compressed as {syntax.name}, which nothing here decodes; save it without compression, or"
                " install the extra 'jpeg-lossless' (python-gdcm)"
            )
        held = _frame_size(data, str(syntax))
        if held and held != (columns, rows):
            raise UnreadableError(f"says {columns} x {rows} pixels and holds {held[0]} x {held[1]}")


def decoders(syntax: UID) -> list[str]:
    """What at hand decodes a compressed picture, in the order in which it is tried."""
    from pydicom.pixels.decoders.base import get_decoder

    try:
        known = list(get_decoder(syntax).available_plugins)
    except NotImplementedError:
        # Of films, for instance, nobody knows one.
        return []
    # The largest body of code that reads what strangers send is asked where no other can be.
    return [name for name in known if name != LAST_RESORT] or known


def _number(data: Dataset, key: str) -> int:
    try:
        return int(data.get(key, 0) or 0)
    except (TypeError, ValueError):
        raise UnreadableError(f"has no number as {key}") from None


def _frame_size(data: Dataset, syntax: str) -> tuple[int, int] | None:
    """Width and height as the compressed picture itself has them; None where it does not say."""
    from pydicom.encaps import get_frame

    try:
        frame = get_frame(data.PixelData, 0, number_of_frames=1)
        if syntax in JPEG_LS:
            place = frame.index(b"\xff\xf7")
            height, width = struct.unpack(">HH", frame[place + 5 : place + 9])
            return width, height
        with PIL.Image.open(io.BytesIO(frame)) as image:
            return image.size
    except PIL.UnidentifiedImageError:
        # RLE has no header of its own, and is bound by what the file says.
        return None
    except Exception as error:
        raise UnreadableError(f"is damaged: its picture cannot be found ({type(error).__name__})") from None


def _pixels(data: Dataset) -> np.ndarray:
    """`(height, width)` or `(height, width, 3)` uint8 or uint16, as it is meant to be seen."""
    from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut

    values = _decoded(data)
    kind = str(data.PhotometricInterpretation)
    if kind == PALETTE:
        return _to_eight_bits(
            apply_color_lut(values, data), int(data.RedPaletteColorLookupTableDescriptor[2])
        )
    if kind not in GREY:
        return _to_eight_bits(values, int(data.BitsStored))
    seen = apply_voi_lut(apply_modality_lut(values, data), data)
    low, high = _bounds(data)
    share = np.clip((seen.astype(np.float64) - low) / max(high - low, 1e-9), 0.0, 1.0)
    if kind == TURNED:
        share = 1.0 - share
    deep = int(data.BitsStored) > 8
    return np.round(share * (65_535 if deep else 255)).astype(np.uint16 if deep else np.uint8)


def _decoded(data: Dataset) -> np.ndarray:
    """Values as they are stored."""
    from pydicom.pixels.utils import pixel_array

    syntax = data.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        return pixel_array(data)
    *others, last = decoders(syntax)
    for name in others:
        with contextlib.suppress(Exception):
            return pixel_array(data, decoding_plugin=name)
    return pixel_array(data, decoding_plugin=last)


def _bounds(data: Dataset) -> tuple[float, float]:
    """The least and the largest value that a grey picture can have once it is rescaled and windowed."""
    voi: Any = data.get("VOILUTSequence")
    modality: Any = data.get("ModalityLUTSequence")
    for table in (voi, modality):
        if table:
            return 0.0, float(2 ** int(table[0].LUTDescriptor[2]) - 1)
    if not data.get("WindowCenter") and not voi and str(data.get("Modality", "")) == "CT":
        return HOUNSFIELD
    bits = int(data.BitsStored)
    signed = bool(int(data.get("PixelRepresentation", 0) or 0))
    ends = (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if signed else (0.0, 2.0**bits - 1)
    slope, intercept = float(data.get("RescaleSlope", 1) or 1), float(data.get("RescaleIntercept", 0) or 0)
    first, second = (slope * end + intercept for end in ends)
    return min(first, second), max(first, second)


def _to_eight_bits(values: np.ndarray, bits: int) -> np.ndarray:
    """Colours: PNG libraries here write no deeper ones."""
    return (values >> max(bits - 8, 0)).astype(np.uint8)

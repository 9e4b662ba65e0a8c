"""DICOM files: what is seen, what is refused, and that a name is never told."""

import contextlib
import io
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from solutionkit.kinds import dicom
from solutionkit.kinds.dicom import UnreadableError, age_band, as_png, header_of
from support import as_dicom, film

SIDE = (40, 56)
SYNTAXES = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    JPEG2000Lossless,
    JPEGLSLossless,
)
NAME = "Quackenbush^Zelda"


def ramp(bits: int) -> np.ndarray:
    y, x = np.mgrid[: SIDE[0], : SIDE[1]]
    values = np.round((x + y) / (x + y).max() * (2**bits - 1))
    return values.astype(np.uint16 if bits > 8 else np.uint8)


def dataset(pixels: np.ndarray, kind: str = "MONOCHROME2", bits: int = 8, **more: Any) -> Dataset:
    named = {"PatientName": NAME, "PatientID": "Z-4711", "PatientAge": "045Y", "PatientSex": "F"}
    return film(pixels, kind, bits, **{**named, **more})


def seen(content: bytes) -> np.ndarray:
    return np.asarray(PIL.Image.open(io.BytesIO(as_png(content)))).astype(int)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_pixels_come_through_each_syntax_and_depth(syntax: Any, bits: int) -> None:
    pixels = ramp(bits)
    white = 65_535 if bits > 8 else 255
    content = as_dicom(dataset(pixels, bits=bits), syntax)
    assert (seen(content) == np.round(pixels / (2**bits - 1) * white)).all()
    # Nothing of the header is left.
    assert b"Quackenbush" not in as_png(content)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_lossless_jpeg_is_read_where_its_decoder_is(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    gdcm = pytest.importorskip("gdcm")
    pixels = ramp(bits)
    white = 65_535 if bits > 8 else 255
    content = as_lossless_jpeg(gdcm, as_dicom(dataset(pixels, bits=bits)))
    assert (seen(content) == np.round(pixels / (2**bits - 1) * white)).all()
    for damage in range(60, 0, -1):
        with contextlib.suppress(UnreadableError):
            as_png(content[: -damage * 9] + bytes(damage * 9))
    monkeypatch.setattr(dicom, "decoders", lambda _: [])
    with pytest.raises(UnreadableError, match="install the extra 'jpeg-lossless'"):
        as_png(content)


def as_lossless_jpeg(gdcm: Any, content: bytes) -> bytes:
    """A DICOM file compressed by the library that decodes it; no other writes that."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "plain.dcm"), Path(folder, "packed.dcm")
        source.write_bytes(content)
        reader = gdcm.ImageReader()
        reader.SetFileName(str(source))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(target))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        return target.read_bytes()


def test_gdcm_is_the_last_resort() -> None:
    assert all("gdcm" not in dicom.decoders(syntax) for syntax in SYNTAXES if syntax.is_encapsulated)


def test_values_are_rescaled_windowed_and_turned() -> None:
    pixels = ramp(12)
    window = {"WindowCenter": 1000, "WindowWidth": 2000, "RescaleSlope": 2, "RescaleIntercept": -1000}
    found = seen(as_dicom(dataset(pixels, bits=12, **window)))
    # PS3.3 C.11.2.1.2: below centre - 0.5 - (width - 1) / 2 all is black.
    rescaled = pixels * 2.0 - 1000.0
    share = np.clip((rescaled - 999.5) / 1999.0 + 0.5, 0.0, 1.0)
    assert np.abs(found - share * 65_535).max() <= 40
    turned = seen(as_dicom(dataset(pixels, "MONOCHROME1", 12, **window)))
    assert (turned == 65_535 - found).all()


def test_signed_values_have_their_own_ends() -> None:
    pixels = (ramp(12).astype(np.int32) - 2048).astype(np.int16)
    found = seen(as_dicom(dataset(pixels, bits=12)))
    assert (found.min(), found.max()) == (0, 65_535)


def test_colours_and_jpeg_are_read() -> None:
    colours = np.stack([ramp(8), ramp(8)[::-1], ramp(8) // 2], axis=2)
    assert (seen(as_dicom(dataset(colours, "RGB"))) == colours).all()
    target = io.BytesIO()
    PIL.Image.fromarray(ramp(8)).save(target, "JPEG", quality=95)
    data = dataset(ramp(8))
    data.PixelData = encapsulate([target.getvalue()])
    data["PixelData"].VR = "OB"
    data.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    assert np.abs(seen(as_dicom(data, JPEGBaseline8Bit)) - ramp(8)).max() < 12


def deflated_bomb() -> bytes:
    content = as_dicom(dataset(ramp(8)))
    packed = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = b"".join(packed.compress(bytes(1 << 20)) for _ in range(600)) + packed.flush()
    start = dicom.PREAMBLE + len(dicom.MAGIC) + dicom.GROUP_LENGTH
    head = as_dicom(dataset(ramp(8)), DeflatedExplicitVRLittleEndian)
    length = int.from_bytes(head[start - 4 : start], "little")
    assert len(bomb) < 1_000_000 < len(content) * 1000
    return head[: start + length] + bomb


def hidden_bomb() -> bytes:
    """A deflated file that says its first group is empty."""
    content = bytearray(deflated_bomb())
    start = dicom.PREAMBLE + len(dicom.MAGIC) + dicom.GROUP_LENGTH
    content[start - 4 : start] = bytes(4)
    return bytes(content)


def lying() -> bytes:
    """A header that says less than the compressed picture holds."""
    data = dataset(np.zeros((600, 600), np.uint8))
    data.compress(JPEG2000Lossless)
    data.Rows = data.Columns = 20
    return as_dicom(data, JPEG2000Lossless)


def several_frames() -> bytes:
    return as_dicom(dataset(np.stack([ramp(8)] * 3)))


def without_pixels() -> bytes:
    data = dataset(ramp(8))
    del data.PixelData
    return as_dicom(data)


def undecodable() -> bytes:
    data = dataset(ramp(8))
    data.PixelData = encapsulate([b"\xff\xd8\xff\xc3" + bytes(200)])
    data["PixelData"].VR = "OB"
    data.file_meta.TransferSyntaxUID = MPEG2MPML
    return as_dicom(data, MPEG2MPML)


def huge() -> bytes:
    data = dataset(ramp(8))
    data.Rows = data.Columns = 60_000
    return as_dicom(data)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: b"", "letters DICM are missing"),
        (lambda: b"no DICOM at all" * 40, "letters DICM are missing"),
        (deflated_bomb, "unpacks to more than"),
        (hidden_bomb, "does not say how long it is"),
        (lying, "says 20 x 20 pixels and holds 600 x 600"),
        (several_frames, "holds 3 frames"),
        (without_pixels, "holds no picture"),
        (huge, "60000 x 60000 pixels, more than can be read"),
        (lambda: as_dicom(dataset(ramp(8)))[:-500], "is damaged"),
        (undecodable, "MPEG2"),
    ],
    ids=["empty", "text", "deflated", "hidden", "lying", "frames", "nothing", "huge", "short", "undecodable"],
)
def test_what_cannot_be_used(make: Callable[[], bytes], reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason) as error:
        as_png(make())
    assert "Quackenbush" not in str(error.value)


def test_damaged_files_are_refused_or_read_and_never_quote_a_name(capfd: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(5)
    whole = [as_dicom(dataset(ramp(12), bits=12), syntax) for syntax in SYNTAXES]
    told = []
    for number in range(120):
        content = bytearray(whole[number % len(whole)])
        if number % 3 == 0:
            content = content[: int(random.integers(100, len(content)))]
        else:
            for place in random.integers(132, len(content), 1 + number % 30):
                content[place] = random.integers(256)
        try:
            as_png(bytes(content))
            header_of(bytes(content))
        except UnreadableError as error:
            told.append(str(error))
    assert len(told) > 40
    assert "Quackenbush" not in "".join(told)
    out, err = capfd.readouterr()
    assert "Quackenbush" not in out + err


def test_of_a_header_only_what_may_be_told_is_kept() -> None:
    data = dataset(ramp(8), Manufacturer="ACME", ManufacturerModelName="X1", InstitutionName="North")
    data.BurnedInAnnotation = "YES"
    header = header_of(as_dicom(data))
    assert (header.sex, header.age, header.scanner, header.site) == ("F", "40-59", "ACME X1", "North")
    assert (header.patient, header.name, header.burned_in) == ("Z-4711", ("quackenbush", "zelda"), True)
    bare = dataset(ramp(8))
    del bare.PatientName, bare.PatientID, bare.PatientAge, bare.PatientSex
    assert header_of(as_dicom(bare)) == dicom.Header("", (), "", "", "", "", False)


def test_a_number_in_the_place_of_a_name_is_no_name() -> None:
    data = dataset(ramp(8))
    data.PatientName = data.PatientID = "TCGA-02-0003"
    assert header_of(as_dicom(data)).name == ()
    data.PatientAge = "04\u00b2Y"
    assert header_of(as_dicom(data)).age == ""


def test_unwindowed_ct_is_shown_alike_however_it_is_stored() -> None:
    units = np.array([[-1000, 0], [40, 1000]]).repeat(20, axis=0).repeat(20, axis=1)
    unsigned = dataset((units + 1024).astype(np.uint16), bits=12, RescaleSlope=1, RescaleIntercept=-1024)
    signed = dataset(units.astype(np.int16), bits=16, RescaleSlope=1, RescaleIntercept=0)
    unsigned.Modality = signed.Modality = "CT"
    assert np.abs(seen(as_dicom(unsigned)) - seen(as_dicom(signed))).max() <= 1


@pytest.mark.parametrize(
    ("age", "band"),
    [("045Y", "40-59"), ("003M", "0-19"), ("100Y", "100-119"), ("", ""), ("45", ""), ("xY", "")],
)
def test_ages_become_bands(age: str, band: str) -> None:
    assert age_band(age) == band

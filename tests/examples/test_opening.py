import gzip
from pathlib import Path

import pytest

from solutionkit.errors import DataError
from solutionkit.examples import opening
from solutionkit.examples.opening import Utf8, survey


def write(folder: Path, content: bytes, name: str = "rows.csv") -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Müller;Straße;Préfet;12 €", "cp1252"),
        ("Señor Núñez;mañana", "cp1252"),
        ("Ångström;Ærø;Köping", "cp1252"),
        ("perché;città;lunedì", "cp1252"),
        ("“quoted” – it’s", "cp1252"),
    ],
)
def test_western_europe_is_told_from_its_letters(tmp_path: Path, text: str, encoding: str) -> None:
    found = survey(write(tmp_path, f"a\n{text}\n".encode(encoding)))
    assert found.encoding == encoding
    assert found.example


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Łódź;Wałcz", "cp1250"),
        ("Příliš žluťoučký", "cp1250"),
        ("Москва", "cp1251"),
        ("Αθήνα", "cp1253"),
        ("Müller, Straße", "cp850"),
        ("Zürich", "mac_roman"),
        ("東京", "shift_jis"),
    ],
)
def test_other_encodings_are_asked_for_and_read(tmp_path: Path, text: str, encoding: str) -> None:
    file = write(tmp_path, f"a\n{text}\n".encode(encoding))
    with pytest.raises(DataError, match=r"line 2: not UTF-8 .*encoding = "):
        survey(file)
    found = survey(file, encoding)
    assert Utf8(file, found.encoding).read().decode() == f"a\n{text}\n"


def test_a_file_that_unpacks_to_more_than_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, gzip.compress(b"a\n" + b"0\n" * 1_000_000), "rows.csv.gz")
    assert file.stat().st_size < 10_000
    monkeypatch.setattr(opening, "MOST_MEMORY", 1e-6)
    with pytest.raises(DataError, match="it unpacks to more than"):
        survey(file)


def test_a_declared_encoding_that_does_not_fit_names_the_line(tmp_path: Path) -> None:
    file = write(tmp_path, "a\nMüller\n".encode())
    with pytest.raises(DataError, match="line 2: byte 0xc3 is none of ascii"):
        survey(file, "ascii")
    with pytest.raises(DataError, match="line 2: not UTF-8"):
        survey(write(tmp_path, "a\nMüller\n".encode("cp1252")), "utf-8")


def test_one_foreign_line_among_others_is_named(tmp_path: Path) -> None:
    file = write(tmp_path, "a\nMüller\n".encode() * 5 + "Café\n".encode("cp1252"))
    with pytest.raises(DataError, match=r"line 11: not UTF-8 .*mend that one"):
        survey(file)


@pytest.mark.parametrize("text", ["Michał", "Győr, Erdős"])
def test_central_european_names_are_asked_about(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match="encoding = "):
        survey(write(tmp_path, f"a\n{text}\n".encode("cp1250")))


def test_square_metres_are_western(tmp_path: Path) -> None:
    assert survey(write(tmp_path, "a\n12 m²,3 km³\n".encode("cp1252"))).encoding == "cp1252"


def test_a_quote_that_is_never_closed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="opened and never closed"):
        survey(write(tmp_path, b'id,x\n1,"a\n2,b\n3,c\n'))


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz"])
def test_utf16_that_ends_within_a_letter(tmp_path: Path, name: str) -> None:
    content = "a\nb\n".encode("utf-16")[:-1]
    file = write(tmp_path, gzip.compress(content) if name.endswith("gz") else content, name)
    with pytest.raises(DataError, match="is none of utf-16"):
        survey(file)
    whole = write(tmp_path, "a\nb\n".encode("utf-16-le"))
    assert survey(whole, "utf-16-le").encoding == "utf-16-le"


def test_a_line_without_an_end_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "LONGEST_PIECE", 1000)
    monkeypatch.setattr(opening, "MOST_MEMORY", 1e-6)
    with pytest.raises(DataError, match="it unpacks to more than"):
        survey(write(tmp_path, gzip.compress(b"0" * 1_000_000), "rows.csv.gz"))

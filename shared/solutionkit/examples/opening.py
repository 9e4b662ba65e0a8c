"""Text files as bytes of UTF-8, whatever they are packed or encoded in."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from solutionkit.errors import DataError, unreadable

UNPACKED: dict[str, Callable[[Path], Any]] = {
    ".gz": gzip.GzipFile,
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}
# Bytes by which UTF-16 is known.
LOOKED_AT = 1000
# Share of the memory that a packed file may fill.
MOST_MEMORY = 0.5
USUAL = "convert the file, e.g. iconv -f LATIN1 -t UTF-8"
LONGEST_PIECE = 1 << 24
STATED = "state it under [data], e.g. encoding = "
# Letters that are no ASCII, by the languages that are written with them; a file has those of one line.
LETTERS = [
    set("äöüßÄÖÜéèàçâêîôûëïùÉÈÀÇœŒ"),  # German, French
    set("áéíóúüñÁÉÍÓÚÜÑ"),  # Spanish
    set("áàâãçéêíóôõúüÁÀÂÃÇÉÊÍÓÔÕÚ"),  # Portuguese
    set("àèéìîòùÀÈÉÌÒÙ"),  # Italian
    set("åäöæøéüÅÄÖÆØÉÜ"),  # Danish, Finnish, Norwegian, Swedish
    set("áéëèêïíóöüúÉË"),  # Dutch
]
LETTERS_ELSEWHERE = set("£²³µ¹¼½¾¿¡¥¦¨¯¸ª")
METRES = re.compile("[kcmd]?m[²³]")
SIGNS = set("€£§°²³µ·«»„“”‘’‚–—…•®©™½¼¾´×\u00a0")
# The encoding of Windows in Western Europe and the Americas; what is Latin-1 means the same in it.
WESTERN = "cp1252"


@dataclass(frozen=True)
class Survey:
    """What a look at all bytes of a file shows.

    Attributes:
        encoding: Python's name.
        newlines: Whether a quote stays open at some line's end, which needs a slower parser.
        nul: Whether a NUL is there.
        example: A word that tells the encoding, where it was found out.
    """

    encoding: str = "utf-8"
    newlines: bool = False
    nul: bool = False
    example: str = ""

    @property
    def plain(self) -> bool:
        """Whether Arrow can read the file as it is."""
        return self.encoding == "utf-8" and not self.nul


def inner_suffix(file: Path) -> str:
    """A file's suffix, in lower case; of a packed one that of the file inside.

    Example:
        >>> inner_suffix(Path("customers.CSV.gz"))
        '.csv'
    """
    return Path(file.stem if is_packed(file) else file.name).suffix.lower()


def is_packed(file: Path) -> bool:
    """Whether a file's name says that it is packed."""
    return file.suffix.lower() in UNPACKED


def opened(file: Path) -> IO[bytes]:
    """A file's bytes, unpacked."""
    stream: IO[bytes] = UNPACKED[file.suffix.lower()](file) if is_packed(file) else file.open("rb")
    return stream


def survey(file: Path, encoding: str | None = None) -> Survey:
    """Look at all of a file.

    Args:
        file: A text file, packed or not.
        encoding: The one that is declared, if one is.

    Raises:
        DataError: It is in no encoding that can be told, or unpacks to more than the memory holds.
    """
    quotes, nul, proper, foreign = 0, False, False, 0
    newlines, strange = False, set[bytes]()
    try:
        with opened(file) as stream:
            encoding = encoding or _mark(stream.read(LOOKED_AT), file)
        if encoding and not _like_ascii(encoding):
            _read_through(file, encoding)
            return Survey(encoding, newlines=True)
        for number, line in enumerate(_pieces(file), start=1):
            quotes += line.count(b'"')
            newlines = newlines or line.count(b'"') % 2 > 0
            nul = nul or b"\x00" in line
            if not line.isascii():
                if _is_utf8(line):
                    proper = True
                else:
                    foreign = foreign or number
                    strange.update(_strange(line))
        if encoding and codecs.lookup(encoding).name != "utf-8":
            _read_through(file, encoding)
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise unreadable(file, f"cannot be unpacked: {error}" if is_packed(file) else str(error)) from None
    if quotes % 2:
        raise unreadable(file, 'a quote (") is opened and never closed', "close it, or write it twice")
    if encoding and codecs.lookup(encoding).name != "utf-8":
        return Survey(encoding, newlines, nul)
    if not foreign:
        return Survey(newlines=newlines, nul=nul)
    if encoding or proper:
        raise not_utf8(file, "other lines are; mend that one" if proper else USUAL)
    return Survey(WESTERN, newlines, nul, _western(file, strange))


def _pieces(file: Path) -> Iterator[bytes]:
    """A file's lines, very long ones in pieces.

    Raises:
        DataError: It unpacks to more than fits.
    """
    size, most = 0, MOST_MEMORY * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with opened(file) as stream:
        while line := stream.readline(LONGEST_PIECE):
            size += len(line)
            if is_packed(file) and size > most:
                raise unreadable(file, f"it unpacks to more than {most / 1e9:.0f} GB", "part it")
            yield line


def _mark(start: bytes, file: Path) -> str | None:
    """The encoding that a file's first bytes state."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if start.count(b"\x00") > len(start) / 4:
        raise unreadable(file, "the file looks like UTF-16 and does not say which", f'{STATED}"utf-16-le"')
    return None


def _like_ascii(encoding: str) -> bool:
    """Whether lines end, and quotes stand, where they do in ASCII."""
    return '"\n'.encode(encoding) == b'"\n'


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _strange(line: bytes) -> list[bytes]:
    """The words of a line that are not ASCII."""
    words = line.replace(b'"', b" ").replace(b";", b" ").replace(b",", b" ").replace(b"\t", b" ").split()
    return [word for word in words if not word.isascii()]


def _western(file: Path, words: set[bytes]) -> str:
    """A word of what reads well as Western European.

    Raises:
        DataError: It does not: it may be one of several encodings.
    """
    texts = [word.decode(WESTERN, "replace") for word in sorted(words)]
    letters = {letter for text in texts for letter in text if not letter.isascii()} - SIGNS
    # A sign beside letters is a letter of another encoding, but for square and cubic metres.
    bare = (METRES.sub("", text) for text in texts)
    torn = any(
        (before.isalpha() and sign in LETTERS_ELSEWHERE) or (sign in LETTERS_ELSEWHERE and after.isalpha())
        for text in bare
        for before, sign, after in zip(f" {text}", text, f"{text} "[1:], strict=False)
    )
    # Of Portuguese one seldom comes without the others; alone it is Hungarian.
    torn = torn or ("õ" in letters and not letters & {"ã", "ç"})
    if torn or not any(letters <= known for known in LETTERS):
        raise not_utf8(file, f'{STATED}"cp1252" or "cp1250", or convert the file to UTF-8')
    return min(texts, key=len) if texts else ""


def _read_through(file: Path, encoding: str) -> None:
    """Make sure that all of a file is in an encoding."""
    decoder, number = codecs.getincrementaldecoder(encoding)(), 1
    for line in (*_pieces(file), b""):
        try:
            decoder.decode(line, final=not line)
        except UnicodeDecodeError as error:
            message = f"line {number}: byte 0x{error.object[error.start]:02x} is none of {encoding}"
            raise unreadable(file, message, "see encoding under [data]") from None
        number += 1


class Utf8(io.RawIOBase):
    """A text file's bytes as UTF-8, with spaces in the place of NUL, at which Arrow loses its place."""

    def __init__(self, file: Path, encoding: str) -> None:
        self._stream = opened(file)
        self._decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()
        self._left = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; 0 at the end."""
        while not self._left:
            piece = self._stream.read(1 << 20)
            text = self._decoder.decode(piece, final=not piece)
            self._left = text.encode("utf-8").replace(b"\x00", b" ")
            if not piece:
                break
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count

    def close(self) -> None:
        """The file too."""
        self._stream.close()
        super().close()


def not_utf8(file: Path, remedy: str = USUAL) -> DataError:
    """Where a file is not in UTF-8."""
    with opened(file) as lines:
        for number, line in enumerate(lines, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                around = line[max(error.start - 12, 0) : error.start + 12].decode("latin-1").strip()
                message = f"line {number}: not UTF-8 (byte 0x{line[error.start]:02x} near {around!r})"
                return unreadable(file, message, remedy)
    return unreadable(file, "not UTF-8", remedy)

"""Files of others: their bytes or the line about why they cannot be read, and tables in csv."""

import csv
import gzip
import hashlib
import logging
import zlib
from pathlib import Path

from ldl.errors import DataError

LOG = logging.getLogger("ldl")
# What a file is that is not what its name says: its first bytes, and what to do.
SIGNS = (
    (b"version https://git-lfs", "a git-lfs pointer, not the file; `git lfs pull` fetches it"),
    (b"/annex/objects", "a git-annex pointer, not the file; `git annex get` fetches it"),
    (b"../.git/annex", "a git-annex pointer, not the file; `git annex get` fetches it"),
    (b"PK\x03\x04", "a zip archive; unpack it"),
    (b"\x1f\x8b", "gzip-compressed; unpack it or add .gz to its name"),
    (b"%PDF", "a pdf document; save its image as png"),
    (b"\x89PNG", "a png image"),
    (b"\xff\xd8\xff", "a jpg image"),
    (b"II*\x00", "a tif image"),
    (b"MM\x00*", "a tif image"),
    (b"\x89HDF", "an HDF5 file"),
)
_TOLD: set[str] = set()


def tell_once(what: str, words: str, *values: object) -> None:
    """Say in the log what was done with a file that left a choice, for the first file alone."""
    if what not in _TOLD:
        _TOLD.add(what)
        LOG.warning(f"{words}, here and in images like it", *values)


def read_bytes(path: Path) -> bytes:
    """Content of a file that must not be empty; ``.gz`` is unpacked."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        lost = "a link that leads nowhere" if path.is_symlink() else "missing"
        raise DataError(f"{path}: {lost}; `ldl data verify` lists all faults") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    if raw and path.suffix.lower() == ".gz":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            if raw[:2] != b"\x1f\x8b":
                found = cause(raw) or "something else"
                raise DataError(f"{path}: not gzip as its name says, but {found}") from error
            raise DataError(f"{path}: truncated gzip ({_plain(error)}); copy it again") from error
    if not raw:
        raise DataError(f"{path}: empty (0 bytes); copy it again")
    return raw


def file_hash(path: Path, kind: str = "sha256") -> str:
    """Hex digest of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, kind).hexdigest()


def cause(raw: bytes) -> str:
    """What a file is, from its bytes, where that explains why it cannot be read; else ""."""
    start = raw[:400].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<?xml")):
        return "a web page; download the file itself (does it need a login?)"
    for sign, words in SIGNS:
        if raw.startswith(sign):
            return words
    if raw[128:132] == b"DICM":
        return "a DICOM file"
    if raw[344:348] in (b"n+1\x00", b"ni1\x00"):
        return "a NIfTI file; name it .nii, without .gz"
    if raw[4:8] == b"ftyp":
        return "a HEIC, AVIF or film file; save it as png"
    if not any(raw[:4096]):
        return "nothing but zeros, as after a broken copy; copy it again"
    if all(9 <= one <= 126 for one in raw[:200]):
        return f"text that begins {raw[:32].decode('ascii')!r}"
    return ""


def unreadable(path: Path, raw: bytes, what: str, error: Exception) -> DataError:
    """The line about a file that a decoder gave up on: its cause where it shows."""
    found = cause(raw)
    if found and what not in found and not (what == "an image" and found.endswith(" image")):
        return DataError(f"{path}: not {what}, but {found}")
    plain = what.split(" ", 1)[-1] if what.startswith(("a ", "an ")) else what
    return DataError(f"{path}: unreadable or truncated {plain} ({_plain(error)}); copy it again")


def _plain(error: Exception) -> str:
    """The decoder's words without line breaks and addresses."""
    text = " ".join(str(error).split())
    return (text.split("<_io", 1)[0].strip() or type(error).__name__)[:120]


def read_table(path: Path) -> list[list[str]]:
    """The cells of a csv in UTF-8, without blanks around them and without blank rows."""
    raw = read_bytes(path)
    try:
        rows = list(csv.reader(raw.decode("utf-8-sig").splitlines(), skipinitialspace=True))
    except (UnicodeDecodeError, csv.Error) as error:
        found = cause(raw) or f"damaged ({error})"
        raise DataError(f"{path}: not a table in UTF-8, but {found}") from error
    cells = ([cell.strip() for cell in row] for row in rows)
    return [row for row in cells if any(row)]


def columns(path: Path, *names: str) -> list[tuple[str, ...]]:
    """The rows of a csv, of these columns."""
    head, *rows = read_table(path) or [[]]
    try:
        places = [head.index(name) for name in names]
        return [tuple(row[place] for place in places) for row in rows]
    except (ValueError, IndexError) as error:
        raise DataError(f"{path}: not a list with columns {','.join(names)}") from error

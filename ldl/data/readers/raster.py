"""Everyday image files (jpg, png, tif, gif, bmp, webp, jp2, pnm; gzipped or not), upright."""

import gzip
import io
import logging
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ldl.errors import DataError

LOG = logging.getLogger("ldl")
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".gif", ".bmp", ".webp"),
    *(".jp2", ".j2k", ".jpx", ".ppm", ".pgm", ".pbm", ".pnm"),
)
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
ORIENTATION = 274  # the tag of EXIF
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


def open_raster(path: Path, *, draft: int | None = None, raw: bytes | None = None) -> Image.Image:
    """Decode a whole file with Pillow and turn it as its EXIF orientation says.

    ``draft``: a jpg may be decoded smaller, as long as both sides keep so many pixels. ``raw`` is
    the content, where that was read already.
    """
    raw = read_bytes(path) if raw is None else raw
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(raw))
            pages = getattr(image, "n_frames", 1)
            if draft is not None:
                image.draft(None, (draft, draft))
            image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        most = Image.MAX_IMAGE_PIXELS or 0
        raise DataError(f"{path}: more than {most:,} pixels; save it smaller") from error
    except Exception as error:  # Pillow raises nearly everything on damaged files
        raise unreadable(path, raw, "an image", error) from error
    if image.format == "JPEG2000" and not raw.rstrip(b"\0").endswith(b"\xff\xd9"):
        raise DataError(f"{path}: truncated jp2 image (no end of its codestream); copy it again")
    if pages > 1 and _stack(image):
        raise DataError(f"{path}: {pages} pages where one image is expected; save one alone")
    _refuse_lost_bits(image, raw, path)
    return _upright(image, path)


def _stack(image: Image.Image) -> bool:
    """Whether the second page is as large as the first: no thumbnail, but another image."""
    size = image.size
    try:
        other = image.copy()
        image.seek(1)
        same = image.size == size
        image.seek(0)
        image.load()
    except Exception:  # a damaged second page is no second image
        return False
    return same and other.size == size


def _refuse_lost_bits(image: Image.Image, raw: bytes, path: Path) -> None:
    """Pillow keeps the upper 8 of 16 bits of a colour; of 12 bits in 16 that is next to nothing."""
    deep = image.format == "PNG" and raw[24] == 16 and image.mode in ("RGB", "RGBA")
    if deep and max(high for _, high in image.convert("RGB").getextrema()) < 64:  # type: ignore[misc]
        raise DataError(
            f"{path}: 16 bits a colour of which the upper ones are empty; save it with 8 bits"
        )


def _upright(image: Image.Image, path: Path) -> Image.Image:
    try:
        if image.getexif().get(ORIENTATION, 1) != 1:
            tell_once("EXIF", "%s: turned upright as its EXIF orientation says", path)
        ImageOps.exif_transpose(image, in_place=True)
    except Exception as error:  # a damaged tag turns nothing, in any viewer
        LOG.debug("damaged EXIF: %s", error)
    return image


def read_raster(path: Path, *, raw: bytes | None = None) -> np.ndarray:
    """Pixels as (H, W) or (H, W, 3), upright: uint8, bool from 1-bit, uint16 or float as stored.

    Palettes are looked up; where some of it is transparent that part is black, as on a dark
    background.
    """
    return pixels_of(open_raster(path, raw=raw), path)


def pixels_of(image: Image.Image, path: Path) -> np.ndarray:
    """See `read_raster`."""
    if image.mode == "1":
        # Pillow hands out a bool array of the bytes 0 and 255, on which compiled code can crash.
        return np.asarray(image.convert("L")) > 0
    alpha = alpha_of(image)
    if image.mode in ("P", "PA", "RGBX", "RGBA", "RGBa"):
        image = image.convert("RGB")
    if image.mode in ("LA", "La"):
        image = image.getchannel(0)
    if image.mode not in ("L", "RGB", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"):
        raise DataError(f"{path}: colour mode {image.mode} where grey or RGB is expected")
    pixels = np.asarray(image)
    if image.mode.startswith("I;16") and _white_is_zero(image):
        pixels = np.iinfo(np.uint16).max - pixels
    if alpha is not None and alpha.min() < alpha.max():
        share = alpha / np.float32(255)
        pixels = np.rint(pixels * (share if pixels.ndim == 2 else share[..., None]))
        pixels = pixels.astype(np.uint8)
    return pixels


def alpha_of(image: Image.Image) -> np.ndarray | None:
    """Opacity (H, W) uint8, 0 transparent; None of an image without."""
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        return np.asarray(image.getchannel(image.getbands()[-1]))
    if image.mode == "P" and "transparency" in image.info:
        return np.asarray(image.convert("RGBA").getchannel("A"))
    return None


def _white_is_zero(image: Image.Image) -> bool:
    tags = getattr(image, "tag_v2", {})
    return bool(image.format == "TIFF" and tags.get(262) == 0)


def png_depth(raw: bytes) -> int:
    """Bits a sample that a png's significant-bits chunk names; 0 where it does not."""
    place = raw.find(b"sBIT", 8, 400)
    if not raw.startswith(b"\x89PNG") or place < 4:
        return 0
    (length,) = struct.unpack(">I", raw[place - 4 : place])
    return raw[place + 4] if 0 < length <= 4 and len(raw) > place + 4 else 0

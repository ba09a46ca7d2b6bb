"""Everyday image files: jpg, png, tif, gif, bmp, pgm and ppm, gzipped or not."""

import gzip
import io
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from ldl.errors import DataError

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".gif", ".bmp", ".ppm", ".pgm")
# What Pillow raises on damaged files besides OSError.
BROKEN = (OSError, UnidentifiedImageError, ValueError, SyntaxError, EOFError, zlib.error)


def read_bytes(path: Path) -> bytes:
    """Content of a file that must not be empty; ``.gz`` is unpacked.

    Raises:
        DataError: missing, unreadable or empty.
    """
    try:
        raw = path.read_bytes()
        if raw and path.suffix == ".gz":
            raw = gzip.decompress(raw)
    except FileNotFoundError as error:
        raise DataError(f"{path}: missing; `ldl data verify` lists all faults") from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: unreadable ({error}); fetch it again") from error
    if not raw:
        raise DataError(f"{path}: empty (0 bytes); fetch it again")
    return raw


def open_raster(path: Path, *, draft: int | None = None) -> Image.Image:
    """Decode a whole file with Pillow.

    Args:
        path: the file.
        draft: a jpg may be decoded smaller, as long as both sides keep so many pixels.

    Raises:
        DataError: missing, empty, not an image, or truncated.
    """
    raw = read_bytes(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(raw))
            if draft is not None:
                image.draft(None, (draft, draft))
            image.load()
    except (*BROKEN, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        reason = str(error).replace("\n", " ")[:120]
        raise DataError(
            f"{path}: unreadable or truncated image ({reason}); fetch it again"
        ) from error
    return image


def read_raster(path: Path) -> np.ndarray:
    """Pixels as (H, W) or (H, W, 3): uint8, bool from 1-bit, uint16 or float as stored.

    Palettes are looked up, transparency is dropped.

    Raises:
        DataError: see `open_raster`; or a mode with no meaning here (CMYK, Lab ...).
    """
    image = open_raster(path)
    if image.mode == "1":
        # Pillow hands out a bool array of the bytes 0 and 255, on which compiled code can crash.
        return np.asarray(image.convert("L")) > 0
    if image.mode in ("P", "PA"):
        image = image.convert("RGB")
    if image.mode in ("RGBA", "RGBX", "RGBa"):
        image = image.convert("RGB")
    if image.mode in ("LA", "La"):
        image = image.getchannel(0)
    if image.mode not in ("L", "RGB", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"):
        raise DataError(f"{path}: colour mode {image.mode} where grey or RGB is expected")
    return np.asarray(image)

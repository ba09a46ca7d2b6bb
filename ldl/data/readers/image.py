"""Any image file as uint8, colour or grey, as a person would see it."""

from pathlib import Path

import numpy as np

from ldl.data.readers.medical import JSRT_BYTES, is_dicom, read_dicom, read_jsrt
from ldl.data.readers.raster import SUFFIXES, png_depth, read_bytes, read_raster, tell_once
from ldl.errors import DataError

# Largest difference between channels at which a three-channel file still counts as grey:
# chroma sub-sampling of a jpg that somebody saved as RGB leaves a few levels.
GREY_TOLERANCE = 8
DEPTHS = (8, 10, 12, 14, 16)  # bits that cameras and detectors have


def is_image(path: Path) -> bool:
    """Whether `read_image` knows the kind: by its suffix in any case, DICOM by its content."""
    name = path.name.lower().removesuffix(".gz")
    if name.endswith((*SUFFIXES, ".dcm")):
        return True
    try:
        if name.endswith(".img"):
            return path.stat().st_size == JSRT_BYTES
        with path.open("rb") as stream:
            return is_dicom(stream.read(132))
    except OSError:
        return False


def read_image(path: Path) -> np.ndarray:
    """Pixels (H, W) or (H, W, 3), uint8 in 0..255, upright.

    Everyday formats (see `ldl.data.readers.raster.SUFFIXES`) and their .gz; JSRT ``.IMG`` and
    DICOM.
    """
    raw = read_bytes(path)
    name = path.name.lower().removesuffix(".gz")
    if is_dicom(raw) or name.endswith(".dcm"):
        return read_dicom(path, raw)
    if name.endswith(".img"):
        return read_jsrt(path, raw)
    return to_uint8(read_raster(path, raw=raw), path, png_depth(raw))


def to_uint8(pixels: np.ndarray, path: Path, depth: int = 0) -> np.ndarray:
    """8-bit levels: bool to 0/255, floats that hold 0..1, integers by the bits that they fill.

    Detectors write 10, 12 or 14 bits into 16: the smallest of these that holds the values is taken
    for full, and the log says so; ``depth`` where the file says how many bits a sample count.
    """
    if pixels.dtype == bool:
        return pixels.astype(np.uint8) * 255
    if pixels.dtype == np.uint8:
        return pixels
    if not np.isfinite(pixels).all():
        raise DataError(f"{path}: NaN or infinite pixel values; write the image anew")
    low, high = pixels.min(), pixels.max()
    if low < 0 or high > 65535:
        raise DataError(f"{path}: pixel values {low}..{high} outside 0..65535")
    if np.issubdtype(pixels.dtype, np.floating) and high <= 1:
        return np.rint(pixels.astype(np.float64) * 255.0).astype(np.uint8)
    bits = next(one for one in DEPTHS if high <= 2**one - 1)
    bits = depth if bits < depth <= 16 else bits
    if bits < 16:
        words = "%s: %d bits in a larger type, 0..%d becomes 0..255"
        tell_once(f"{bits} bits", words, path, bits, 2**bits - 1)
    return np.rint(pixels.astype(np.float64) * (255.0 / (2**bits - 1))).astype(np.uint8)


def as_colour(pixels: np.ndarray, path: Path) -> np.ndarray:
    """Insist on (H, W, 3)."""
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        found = 1 if pixels.ndim == 2 else pixels.shape[-1]
        raise DataError(f"{path}: {found} channel(s) where a colour image (3) is expected")
    return pixels


def as_grey(pixels: np.ndarray, path: Path) -> np.ndarray:
    """Insist on (H, W); a colour file whose channels agree becomes grey."""
    if pixels.ndim == 2:
        return pixels
    spread = int(np.ptp(pixels.astype(np.int16), axis=-1).max())
    if spread > GREY_TOLERANCE:
        raise DataError(
            f"{path}: {pixels.shape[-1]} differing channels where a grey image (1) is expected"
        )
    return pixels[..., 1]

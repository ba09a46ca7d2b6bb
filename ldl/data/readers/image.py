"""Any image file as uint8, colour or grey."""

from pathlib import Path

import numpy as np

from ldl.data.readers.dicom import read_dicom
from ldl.data.readers.jsrt import read_jsrt
from ldl.data.readers.raster import read_raster
from ldl.errors import DataError

# Largest difference between channels at which a three-channel file still counts as grey:
# chroma sub-sampling of a jpg that somebody saved as RGB leaves a few levels.
GREY_TOLERANCE = 8


def read_image(path: Path) -> np.ndarray:
    """Pixels (H, W) or (H, W, 3), uint8 in 0..255, as a person would see them.

    jpg, png, tif, gif, ppm, and their .gz; JSRT ``.IMG`` and DICOM come as grey.

    Raises:
        DataError: unreadable, empty, NaN, or values outside what 8 or 16 bits hold.
    """
    suffix = path.suffix.lower()
    if suffix == ".img":
        return read_jsrt(path)
    if suffix == ".dcm":
        return read_dicom(path)
    return to_uint8(read_raster(path), path)


def to_uint8(pixels: np.ndarray, path: Path) -> np.ndarray:
    """8-bit levels: bool to 0/255, 16 bits by their full range, floats that hold 0..1 or 0..255.

    Raises:
        DataError: NaN or infinite values, negative values, or values beyond the range.
    """
    if pixels.dtype == bool:
        return pixels.astype(np.uint8) * 255
    if pixels.dtype == np.uint8:
        return pixels
    if not np.isfinite(pixels).all():
        raise DataError(f"{path}: NaN or infinite pixel values; fetch it again")
    low, high = pixels.min(), pixels.max()
    if low < 0 or high > 65535:
        raise DataError(f"{path}: pixel values {low}..{high} outside 0..65535")
    if np.issubdtype(pixels.dtype, np.floating):
        full = 1.0 if high <= 1 else 255.0 if high <= 255 else 65535.0
    else:
        full = 65535.0
    return np.rint(pixels.astype(np.float64) * (255.0 / full)).astype(np.uint8)


def as_colour(pixels: np.ndarray, path: Path) -> np.ndarray:
    """Insist on (H, W, 3).

    Raises:
        DataError: the image is grey or has another number of channels.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        found = 1 if pixels.ndim == 2 else pixels.shape[-1]
        raise DataError(f"{path}: {found} channel(s) where a colour image (3) is expected")
    return pixels


def as_grey(pixels: np.ndarray, path: Path) -> np.ndarray:
    """Insist on (H, W); a colour file whose channels agree becomes grey.

    Raises:
        DataError: the image is really coloured.
    """
    if pixels.ndim == 2:
        return pixels
    spread = int(np.ptp(pixels.astype(np.int16), axis=-1).max())
    if spread > GREY_TOLERANCE:
        raise DataError(
            f"{path}: {pixels.shape[-1]} differing channels where a grey image (1) is expected"
        )
    return pixels[..., 1]

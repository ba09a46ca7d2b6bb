"""DICOM X-rays, as SIIM-ACR publishes them: one frame, grey, often jpg inside."""

import io
from pathlib import Path

import numpy as np
import pydicom

from ldl.data.readers.raster import read_bytes
from ldl.errors import DataError


def read_dicom(path: Path) -> np.ndarray:
    """One grey frame, (H, W) uint8; MONOCHROME1 is inverted, more bits are scaled to 8.

    Raises:
        DataError: unreadable, no pixels, several frames or channels, signed pixels.
    """
    raw = read_bytes(path)
    try:
        data = pydicom.dcmread(io.BytesIO(raw))
        pixels = data.pixel_array
        interpretation = str(data.PhotometricInterpretation)
        bits = int(data.BitsStored)
    except Exception as error:  # pydicom raises nearly everything on damaged files
        reason = str(error).replace("\n", " ")[:120]
        raise DataError(f"{path}: unreadable DICOM ({reason}); fetch it again") from error
    if interpretation not in ("MONOCHROME1", "MONOCHROME2") or pixels.ndim != 2:
        raise DataError(
            f"{path}: {interpretation} pixels of shape {pixels.shape} where one grey frame is "
            "expected"
        )
    if np.issubdtype(pixels.dtype, np.signedinteger):
        raise DataError(f"{path}: signed pixels; only unsigned X-rays are known here")
    full = 2**bits - 1
    if interpretation == "MONOCHROME1":
        pixels = full - pixels
    if full == 255:
        return pixels.astype(np.uint8)
    return np.rint(pixels.astype(np.float64) * (255.0 / full)).clip(0, 255).astype(np.uint8)

"""Mask files as booleans: two values only, or a soft map with a threshold."""

from pathlib import Path

import numpy as np

from ldl.data.readers.raster import read_raster
from ldl.errors import DataError


def read_mask(path: Path, *, soft_threshold: int | None = None) -> np.ndarray:
    """Foreground (H, W) bool of a mask file.

    A mask holds 0 and at most one other value (1, 128, 255, or a colour); a soft map may hold
    anything and its foreground lies above ``soft_threshold``.

    Raises:
        DataError: unreadable, empty, NaN, or other values.
    """
    pixels = read_raster(path)
    if pixels.ndim == 3:
        pixels = pixels.max(axis=-1)
    if not np.isfinite(pixels).all():
        raise DataError(f"{path}: NaN or infinite values in a mask")
    if soft_threshold is not None:
        return np.asarray(pixels > soft_threshold)
    values = np.unique(pixels)
    if len(values) > 2 or (len(values) == 2 and values[0] != 0):
        shown = ", ".join(str(v) for v in values[:6]) + (" ..." if len(values) > 6 else "")
        raise DataError(
            f"{path}: mask with {len(values)} values ({shown}) where 0 and one other are expected; "
            "was it resized with interpolation or saved as jpg?"
        )
    return np.asarray(pixels != 0)

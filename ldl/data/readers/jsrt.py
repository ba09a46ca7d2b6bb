"""JSRT raw ``.IMG``: 2048x2048, big-endian, 12 bits in 16, dark where the patient absorbs."""

from pathlib import Path

import numpy as np

from ldl.data.readers.raster import read_bytes
from ldl.errors import DataError

SIDE = 2048
FULL = 4095  # 12 bits
STRAY = 1e-3  # share of pixels that may lie beyond 12 bits before the file counts as damaged


def read_jsrt(path: Path) -> np.ndarray:
    """A JSRT chest X-ray, (2048, 2048) uint8, inverted so that bone is bright as usual.

    Read as signed and stretched to its own range, as in the release. Stray values beyond 12 bits
    (65535, read as -1) do not count for the range: they would squash the rest into 16 grey levels,
    as seems to have happened to seven images of the reduced copy.

    Raises:
        DataError: unreadable, empty, truncated or too long, or many values beyond 12 bits.
    """
    raw = read_bytes(path)
    expected = SIDE * SIDE * 2
    if len(raw) != expected:
        raise DataError(
            f"{path}: {len(raw):,} bytes where a JSRT image has {expected:,}; fetch it again"
        )
    values = np.frombuffer(raw, dtype=">i2").reshape(SIDE, SIDE)
    valid = (values >= 0) & (values <= FULL)
    stray = 1.0 - float(valid.mean())
    if stray > STRAY:
        raise DataError(
            f"{path}: {stray:.0%} of the values are beyond 12 bits; is the byte order swapped?"
        )
    low, high = values[valid].min(), values[valid].max()
    inverted = (high - values.clip(low, high)).astype(np.float32)
    return np.floor(inverted * (255.0 / max(float(high - low), 1.0))).astype(np.uint8)

"""JSRT raw ``.IMG``: 2048x2048, big-endian, 12 bits in 16, dark where the patient absorbs."""

from pathlib import Path

import numpy as np

from ldl.data.readers.raster import read_bytes
from ldl.errors import DataError

SIDE = 2048
FULL = 4095  # 12 bits


def read_jsrt(path: Path) -> np.ndarray:
    """A JSRT chest X-ray, (2048, 2048) uint8, inverted so that bone is bright as usual.

    Raises:
        DataError: unreadable, empty, truncated or too long, or values beyond 12 bits.
    """
    raw = read_bytes(path)
    expected = SIDE * SIDE * 2
    if len(raw) != expected:
        raise DataError(
            f"{path}: {len(raw):,} bytes where a JSRT image has {expected:,}; fetch it again"
        )
    values = np.frombuffer(raw, dtype=">u2").reshape(SIDE, SIDE)
    if values.max() > FULL:
        raise DataError(f"{path}: value {values.max()} beyond 12 bits; is the byte order swapped?")
    return np.rint((FULL - values.astype(np.float32)) * (255.0 / FULL)).astype(np.uint8)

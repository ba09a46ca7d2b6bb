"""X-rays in the formats of their archives: DICOM, and JSRT's raw ``.IMG``."""

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ldl.data.files import tell_once, unreadable
from ldl.errors import DataError

SIDE = 2048
JSRT_BYTES = SIDE * SIDE * 2
FULL = 4095  # 12 bits
STRAY = 1e-3  # share of pixels that may lie beyond 12 bits before the file counts as damaged


def is_dicom(raw: bytes) -> bool:
    """Whether a file begins as DICOM does."""
    return raw[128:132] == b"DICM"


def read_dicom(path: Path, raw: bytes) -> np.ndarray:
    """One frame as a viewer shows it: grey (H, W) uint8, or colour (H, W, 3).

    Grey: rescaled (modality LUT), then the first window or VOI LUT of the file, MONOCHROME1
    inverted; 8 bits only at the end. A file without a window shows the whole range of its bits.
    """
    import pydicom  # brings an HTTP client along, which few readers of images need

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = pydicom.dcmread(io.BytesIO(raw))
            pixels = data.pixel_array
            kind = str(data.PhotometricInterpretation)
            bits, allocated = int(data.BitsStored), int(data.BitsAllocated)
    except Exception as error:  # pydicom raises nearly everything on damaged files
        raise unreadable(path, raw, "a DICOM file", error) from error
    if pixels.ndim == 3 and pixels.shape[-1] == 3 and pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels)  # pydicom makes RGB of YBR
    if kind not in ("MONOCHROME1", "MONOCHROME2") or pixels.ndim != 2 or not pixels.size:
        raise DataError(
            f"{path}: {kind} pixels of shape {pixels.shape} where one frame, grey or 8-bit "
            f"RGB, is expected"
        )
    if not 1 <= bits <= allocated:
        raise DataError(f"{path}: {bits} bits stored in {allocated}; the header contradicts itself")
    signed = pixels.dtype.kind == "i"
    least, most = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    stored = _as_stored(data, pixels)
    if stored.min() < least or stored.max() > most:
        raise DataError(
            f"{path}: values {stored.min()}..{stored.max()} where {bits} bits hold {least}.."
            f"{most}; is BitsStored right?"
        )
    try:
        share = _shown(data, pixels, (least, most), path)
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{path}: its rescale or window cannot be applied ({error})") from error
    if kind == "MONOCHROME1":
        share = 1 - share
    return np.rint(share * 255.0).astype(np.uint8)


def _as_stored(data: Any, pixels: np.ndarray) -> np.ndarray:
    """The file's values before pydicom masks the bits that the header calls unused."""
    if data.file_meta.TransferSyntaxUID.is_compressed or pixels.dtype.itemsize > 2:
        return pixels
    order = "<" if data.file_meta.TransferSyntaxUID.is_little_endian else ">"
    kind = np.dtype(f"{order}{pixels.dtype.kind}{int(data.BitsAllocated) // 8}")
    return np.frombuffer(data.PixelData[: pixels.size * kind.itemsize], kind)


def _shown(data: Any, pixels: np.ndarray, limits: tuple[int, int], path: Path) -> np.ndarray:
    """Brightness 0..1 before any inversion."""
    from pydicom.pixels import apply_modality_lut, apply_voi

    values = np.asarray(apply_modality_lut(pixels, data), np.float64)
    if data.get("VOILUTSequence"):
        table = apply_voi(values.astype(np.int64), data, index=0)
        item = data.VOILUTSequence[0]
        return np.asarray(table / float(2 ** int(item.LUTDescriptor[2]) - 1)).clip(0, 1)
    centres, widths = (
        [float(one) for one in np.atleast_1d(data.get(name)) if one not in (None, "")]
        for name in ("WindowCenter", "WindowWidth")
    )
    if centres and widths:
        if len(centres) > 1:
            tell_once("windows", "%s: the first of its %d windows is shown", path, len(centres))
        return _windowed(values, centres[0], widths[0], str(data.get("VOILUTFunction", "LINEAR")))
    if pixels.dtype.kind == "i":
        raise DataError(f"{path}: signed pixels without a window; what is black is not said")
    ends = apply_modality_lut(np.array(limits, pixels.dtype), data).astype(np.float64)
    low, high = float(ends.min()), float(ends.max())
    return np.asarray((values - low) / max(high - low, 1e-12)).clip(0, 1)


def _windowed(values: np.ndarray, centre: float, width: float, function: str) -> np.ndarray:
    """DICOM PS3.3 C.11.2.1: linear, linear exact or sigmoid."""
    if not (np.isfinite(centre) and width >= 1):
        raise DataError(f"a window of width {width:g} around {centre:g} shows nothing")
    if function == "SIGMOID":
        return np.asarray(1 / (1 + np.exp(-4 * (values - centre) / width)))
    if function == "LINEAR_EXACT":
        return np.asarray((values - centre) / width + 0.5).clip(0, 1)
    return np.asarray((values - (centre - 0.5)) / max(width - 1, 1e-6) + 0.5).clip(0, 1)


def read_jsrt(path: Path, raw: bytes) -> np.ndarray:
    """A JSRT chest X-ray, (2048, 2048) uint8, inverted so that bone is bright as usual.

    The raw file is big-endian, 12 bits in 16, dark where the patient absorbs; read as signed and
    stretched to its own range, as in the release. Stray values beyond 12 bits do not count for the
    range: they would squash the rest into 16 grey levels, as in seven images of the reduced copy.
    """
    expected = SIDE * SIDE * 2
    if len(raw) != expected:
        raise DataError(f"{path}: {len(raw):,} bytes where JSRT has {expected:,}; fetch it again")
    values = np.frombuffer(raw, dtype=">i2").reshape(SIDE, SIDE)
    valid = (values >= 0) & (values <= FULL)
    stray = 1.0 - float(valid.mean())
    if stray > STRAY:
        raise DataError(f"{path}: {stray:.0%} of its values are beyond 12 bits; are bytes swapped?")
    low, high = values[valid].min(), values[valid].max()
    inverted = (high - values.clip(low, high)).astype(np.float32)
    return np.floor(inverted * (255.0 / max(float(high - low), 1.0))).astype(np.uint8)


def pixel_spacing(path: Path) -> tuple[float, float] | None:
    """Rows' and columns' distance in mm, where a DICOM file says it; None of any other file."""
    import pydicom

    try:
        data = pydicom.dcmread(path, stop_before_pixels=True)
        found = data.get("PixelSpacing") or data.get("ImagerPixelSpacing")
        row, column = (float(one) for one in found)
    except Exception:  # no DICOM, or no such field
        return None
    return (row, column) if row > 0 and column > 0 else None

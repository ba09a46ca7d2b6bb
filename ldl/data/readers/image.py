"""Any image file as uint8, colour or grey, as a person would see it, and masks as booleans.

A mask is a file of two values, a soft map with a threshold, transparency, or run lengths.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import binary_erosion

from ldl.data.manifest import columns
from ldl.data.readers.medical import JSRT_BYTES, is_dicom, read_dicom, read_jsrt
from ldl.data.readers.raster import (
    SUFFIXES,
    alpha_of,
    open_raster,
    pixels_of,
    png_depth,
    read_bytes,
    read_raster,
    tell_once,
)
from ldl.errors import DataError

# Largest difference between channels at which a three-channel file still counts as grey:
# chroma sub-sampling of a jpg that somebody saved as RGB leaves a few levels.
GREY_TOLERANCE = 8
LEVELS, NEAR = 9, 32  # of a mask at most; so near to black or white is nearly so
EDGE = 2  # pixels on each side to which an edge may be blurred
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
    """Pixels (H, W) or (H, W, 3), uint8 in 0..255, upright; everyday formats, DICOM, JSRT's IMG."""
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


def read_mask(path: Path, *, soft_threshold: int | None = None) -> np.ndarray:
    """Foreground (H, W) bool of a mask file, upright.

    A mask holds 0 and at most one other value (1, 128, 255, or a colour); a soft map may hold
    anything and its foreground lies above ``soft_threshold``. Where transparency alone tells what
    was drawn, the opaque part is the foreground.
    """
    image = open_raster(path)
    mask = _drawn(image, path)
    if mask is None:
        mask = _foreground(pixels_of(image, path), path, soft_threshold)
    if mask.all():
        raise DataError(
            f"{path}: all foreground, so it marks nothing; is it inverted, or another file?"
        )
    return mask


def read_codes(path: Path) -> np.ndarray:
    """A label map as whole numbers (H, W) int64, upright: 0 is background.

    Grey values stay as they are; of a picture of colours (palettes too) red * 65536 + green * 256 +
    blue is the number; where transparency alone tells what was drawn, 1 is; see `hardened`.
    """
    image = open_raster(path)
    drawn = _drawn(image, path)
    if drawn is not None:
        return drawn.astype(np.int64)
    pixels = pixels_of(image, path)
    if not np.isfinite(pixels).all() or not np.array_equal(pixels, np.rint(pixels)):
        raise DataError(f"{path}: values that are no whole numbers in a mask; save it as png")
    codes = hardened(pixels, path).astype(np.int64)
    if codes.ndim == 2:
        return codes
    found: np.ndarray = codes @ np.array([65536, 256, 1])
    return found


def hardened(pixels: np.ndarray, path: Path) -> np.ndarray:
    """A mask of two levels that jpg or resizing has blurred, as 0 and 255; any other unchanged.

    Blurred is what has more levels than classes could be, of which those between black and the
    brightest make edges and no areas.
    """
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    if pixels.dtype != np.uint8 or pixels.ndim == 3:
        return pixels
    low, high = int(pixels.min()), int(pixels.max())
    between = (pixels >= NEAR) & (pixels <= high - NEAR)
    if low >= NEAR or high < 2 * NEAR or between.mean() > 0.1 or len(np.unique(pixels)) <= LEVELS:
        return pixels
    if binary_erosion(between, iterations=EDGE).any():
        return pixels
    tell_once("blurred", "%s: a mask with blurred edges (saved as jpg?); above %d counts as marked",
              path, high // 2)  # fmt: skip
    return np.where(pixels > high // 2, np.uint8(255), np.uint8(0))


def _foreground(pixels: np.ndarray, path: Path, soft_threshold: int | None) -> np.ndarray:
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


def _drawn(image: Image.Image, path: Path) -> np.ndarray | None:
    """What is opaque, where transparency tells foreground from background; else None."""
    alpha = alpha_of(image)
    if alpha is None or alpha.min() == alpha.max():
        return None
    opaque = alpha > 127
    colours = np.asarray(image.convert("RGBA"))[..., :3].max(axis=-1)
    painted = colours > 0
    same = np.ptp(colours) == 0 or np.ptp(colours[opaque]) == 0 or not painted[opaque].any()
    if same and (not painted[opaque].any() or painted[opaque].all()):
        return np.asarray(opaque)
    if not painted[~opaque].any():
        return None  # what is transparent is background, what is opaque has both
    raise DataError(
        f"{path}: its colours and its transparency mark different things; save the mask in grey, "
        "without transparency"
    )


def decode_rle(runs: str, shape: tuple[int, int]) -> np.ndarray:
    """One row of run lengths as (H, W) bool.

    Numbers come in pairs: how many pixels after the end of the previous run the next one starts,
    and how long it is. Pixels count down the columns, left to right.
    """
    numbers = np.array(runs.split(), dtype=np.int64)
    if len(numbers) % 2 or (numbers < 0).any():
        raise ValueError("not pairs of numbers from 0 up")
    gaps, lengths = numbers[0::2], numbers[1::2]
    ends = np.cumsum(gaps + lengths)
    height, width = shape
    if len(ends) and ends[-1] > height * width:
        raise ValueError(f"a run ends at pixel {ends[-1]} of {height * width}")
    flat = np.zeros(height * width, dtype=bool)
    for end, length in zip(ends, lengths, strict=True):
        flat[end - length : end] = True
    return flat.reshape(width, height).T


@lru_cache(maxsize=4)
def _runs(path: Path, stamp: int) -> dict[str, list[str]]:
    """Image id -> its rows; ``stamp`` makes a changed file another key."""
    rows: dict[str, list[str]] = {}
    for name, runs in columns(path, "ImageId", "EncodedPixels"):
        rows.setdefault(name, []).append(runs)
    if not rows:
        raise DataError(f"{path}: no rows; the table is cut")
    return rows


def read_rle_mask(path: Path, image_id: str, shape: tuple[int, int]) -> np.ndarray:
    """Union of all runs of one image, (H, W) bool."""
    if not path.is_file():
        raise DataError(f"{path}: missing; `ldl data verify` lists all faults")
    rows = _runs(path, path.stat().st_mtime_ns).get(image_id)
    if rows is None:
        raise DataError(f"{path}: no row for image {image_id}")
    mask = np.zeros(shape, dtype=bool)
    if rows == ["-1"]:
        return mask
    for row in rows:
        try:
            mask |= decode_rle(row, shape)
        except ValueError as error:
            raise DataError(
                f"{path}: image {image_id}: {error}; its numbers are damaged"
            ) from error
    return mask

"""Masks as booleans: files of two values, soft maps with a threshold, transparency, run lengths."""

from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from ldl.data.manifest import columns
from ldl.data.readers.raster import alpha_of, open_raster, pixels_of
from ldl.errors import DataError


def read_mask(path: Path, *, soft_threshold: int | None = None) -> np.ndarray:
    """Foreground (H, W) bool of a mask file, upright.

    A mask holds 0 and at most one other value (1, 128, 255, or a colour); a soft map may hold
    anything and its foreground lies above ``soft_threshold``. Where transparency alone tells what
    was drawn, the opaque part is the foreground.
    """
    mask = _foreground(path, soft_threshold)
    if mask.all():
        raise DataError(
            f"{path}: all foreground, so it marks nothing; is it inverted, or another file?"
        )
    return mask


def read_codes(path: Path) -> np.ndarray:
    """A label map as whole numbers (H, W) int64, upright: 0 is background.

    Grey values stay as they are; of a picture of colours (palettes too) red * 65536 + green * 256 +
    blue is the number; where transparency alone tells what was drawn, 1 is.
    """
    image = open_raster(path)
    drawn = _drawn(image, path)
    if drawn is not None:
        return drawn.astype(np.int64)
    pixels = pixels_of(image, path)
    if not np.isfinite(pixels).all() or not np.array_equal(pixels, np.rint(pixels)):
        raise DataError(f"{path}: values that are no whole numbers in a mask; save it as png")
    codes = pixels.astype(np.int64)
    if codes.ndim == 2:
        return codes
    grey = (codes == codes[..., :1]).all()
    found: np.ndarray = codes[..., 0] if grey else codes @ np.array([65536, 256, 1])
    return found


def _foreground(path: Path, soft_threshold: int | None) -> np.ndarray:
    image = open_raster(path)
    drawn = _drawn(image, path)
    if drawn is not None:
        return drawn
    pixels = pixels_of(image, path)
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

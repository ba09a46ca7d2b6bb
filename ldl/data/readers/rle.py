"""SIIM-ACR run lengths: relative, column by column, several rows an image, -1 for none."""

import csv
from functools import lru_cache
from pathlib import Path

import numpy as np

from ldl.errors import DataError


def decode_rle(runs: str, shape: tuple[int, int]) -> np.ndarray:
    """One row of run lengths as (H, W) bool.

    Numbers come in pairs: how many pixels after the end of the previous run the next one starts,
    and how long it is. Pixels count down the columns, left to right.

    Raises:
        ValueError: not pairs of numbers, or a run beyond the image.
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
def _table(path: Path, stamp: int) -> dict[str, list[str]]:
    """Image id -> its rows; ``stamp`` makes a changed file another key."""
    rows: dict[str, list[str]] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            # The published header is "ImageId, EncodedPixels", blank included.
            for row in csv.DictReader(stream, skipinitialspace=True):
                rows.setdefault(row["ImageId"].strip(), []).append(row["EncodedPixels"].strip())
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, AttributeError) as error:
        raise DataError(f"{path}: not a table with columns ImageId,EncodedPixels") from error
    if not rows:
        raise DataError(f"{path}: empty; fetch it again")
    return rows


def read_rle_mask(path: Path, image_id: str, shape: tuple[int, int]) -> np.ndarray:
    """Union of all runs of one image, (H, W) bool.

    Raises:
        DataError: unreadable table, unknown id, damaged runs, or both a run and -1.
    """
    if not path.is_file():
        raise DataError(f"{path}: missing; `ldl data verify` lists all faults")
    rows = _table(path, path.stat().st_mtime_ns).get(image_id)
    if rows is None:
        raise DataError(f"{path}: no row for image {image_id}")
    mask = np.zeros(shape, dtype=bool)
    if rows == ["-1"]:
        return mask
    for row in rows:
        try:
            mask |= decode_rle(row, shape)
        except ValueError as error:
            raise DataError(f"{path}: image {image_id}: {error}; fetch the table again") from error
    return mask

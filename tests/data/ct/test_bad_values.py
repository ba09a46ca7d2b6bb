"""Voxels that are no Hounsfield units: NaN, overflow, odd scaling, nothing in the window."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from ldl.data.ct.bank import SliceFacts, add_volume, slice_writer
from ldl.data.ct.slices import fit, sections
from ldl.data.ct.volume import CtVolume, read_ct
from ldl.errors import DataError
from ldl.tasks import facts

from .conftest import CODES, Pair, body, refused, scan, stored, write

IMAGE = stored(body()[0])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan(pair: Pair, value: float) -> None:
    values = IMAGE.astype(np.float32)
    values[3, 4, 5] = value
    write(pair[0], values)
    refused(pair, "NaN or infinite values", pair[0])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((IMAGE.astype(np.int32) % 65536).astype(np.uint16), "values .* overflow 16 bits"),
        (IMAGE.astype(np.int32) * 1000, "values .* overflow 16 bits"),
        ((IMAGE + 1024).astype(np.uint16), "no value below 0 in 24..*not Hounsfield units"),
        (np.full_like(IMAGE, -1000), "empty, every voxel is -1000"),
    ],
)
def test_values_that_are_no_hounsfield_units(pair: Pair, values: np.ndarray, said: str) -> None:
    write(pair[0], values)
    refused(pair, said, pair[0])


def scaled(path: Path, slope: float, intercept: float) -> None:
    """Set scl_slope and scl_inter of a file."""
    raw = bytearray(gzip.decompress(path.read_bytes()))
    raw[112:120] = np.array([slope, intercept], "<f4").tobytes()
    path.write_bytes(gzip.compress(bytes(raw)))


@pytest.mark.parametrize(
    ("slope", "intercept", "said"),
    [
        (1000.0, 0.0, "check the data type, scl_slope and scl_inter"),
        (1e38, 0.0, "check the data type, scl_slope|NaN or infinite"),
        (1.0, 5000.0, "no value below 0"),
        (1.0, float("inf"), "truncated NIfTI .*intercept inf|NaN or infinite"),
    ],
)
def test_odd_scaling(pair: Pair, slope: float, intercept: float, said: str) -> None:
    scaled(pair[0], slope, intercept)
    refused(pair, said, pair[0])


@pytest.mark.parametrize("slope", [0.0, float("nan")])
def test_a_slope_of_zero_or_nan_means_no_scaling(pair: Pair, slope: float) -> None:
    scaled(pair[0], slope, 0.0)
    assert read_ct("a", *pair, CODES).image.max() == IMAGE.max()


def test_scaled_values_are_hounsfield_units(pair: Pair) -> None:
    write(pair[0], ((IMAGE.astype(np.int32) + 1024) * 2).astype(np.uint16))
    scaled(pair[0], 0.5, -1024.0)
    np.testing.assert_array_equal(stored(read_ct("a", *pair, CODES).image), IMAGE)


def test_labels_spoilt_by_scaling(pair: Pair) -> None:
    scaled(pair[1], 0.25, 0.0)
    refused(pair, "label values 0.25, 0.5 where only", pair[1])


def test_empty_after_windowing(tmp_path: Path) -> None:
    dark = scan()
    dark = CtVolume("dark", np.where(dark.image > 0, -600, -900).astype(np.int16), dark.label,
                    dark.spacing, dark.affine)  # fmt: skip
    window = facts("abdomen").window
    told = SliceFacts("b", "abdomen", 16, True, ("one", "two"), window)

    def fill() -> None:
        with slice_writer(tmp_path / "bank", told) as writer:
            grid = fit(dark, 16, (5, 3, 3))
            content = sections(dark, grid, window)
            add_volume(writer, "dark", content, spacing=(5, 3, 3), affine=np.eye(4))

    with pytest.raises(DataError, match=r"dark: empty after windowing to -125\.\.275 HU"):
        fill()
    assert not (tmp_path / "bank").exists()

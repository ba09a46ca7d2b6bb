"""Every way a CT file can be unusable is answered with one clear line that names the file."""

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest

from ldl.data.ct.nifti import read_ct
from ldl.data.ct.regions import facts
from ldl.data.ct.slices import fit, sections
from ldl.data.ct.volume import CtVolume
from ldl.data.ct.writer import BankFacts, CtBankWriter
from ldl.errors import DataError

from .conftest import AFFINE, body, scan, stored, write

Pair = tuple[Path, Path]
CODES = {0: 0, 1: 1, 2: 2}
IMAGE, LABEL = (stored(one) for one in body())
WIDE = LABEL.astype(np.int16)


def refused(pair: Pair, said: str, about: Path) -> None:
    with pytest.raises(DataError, match=said) as caught:
        read_ct("a", *pair, CODES)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{about}: ")


def test_the_good_pair_is_read(pair: Pair) -> None:
    assert read_ct("a", *pair, CODES).image.shape == (6, 20, 16)


def test_missing_label(pair: Pair) -> None:
    pair[1].unlink()
    refused(pair, "label missing beside the image a.nii.gz", pair[1])


def test_missing_image(pair: Pair) -> None:
    pair[0].unlink()
    refused(pair, "missing; `ldl data verify` lists", pair[0])


def test_label_of_another_shape(pair: Pair) -> None:
    write(pair[1], LABEL[:-1])
    refused(pair, r"label map of \(15, 20, 6\) voxels beside an image of \(16, 20, 6\)", pair[1])


@pytest.mark.parametrize("shift", [2.0, 0.5])
def test_label_with_another_affine(pair: Pair, shift: float) -> None:
    moved = AFFINE.copy()
    moved[0, 3] = shift
    write(pair[1], LABEL, moved)
    refused(pair, f"affine differs from the image's by {shift:g} mm", pair[1])


def test_label_with_another_direction(pair: Pair) -> None:
    write(pair[1], LABEL, AFFINE @ np.diag([-1, 1, 1, 1]))
    refused(pair, "affine differs from the image's", pair[1])


def test_a_rounding_of_the_affine_is_no_fault(pair: Pair) -> None:
    write(pair[1], LABEL, AFFINE + 1e-6)
    assert read_ct("a", *pair, CODES).label is not None


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.where(LABEL == 1, 7, LABEL).astype(np.uint8), "label values 7 where only"),
        (np.where(WIDE == 1, -1, WIDE), "label values -1 where only"),
        (np.where(WIDE == 1, 300, WIDE), "label values 300 where only"),
        (np.where(LABEL == 1, 0.5, LABEL).astype(np.float32), "label values 0.5 where only"),
        (np.where(LABEL == 1, np.nan, LABEL).astype(np.float32), "label values nan where only"),
        (np.zeros_like(LABEL), "no organ in the label map"),
    ],
)
def test_unknown_label_value(pair: Pair, values: np.ndarray, said: str) -> None:
    write(pair[1], values)
    refused(pair, said, pair[1])


def test_whole_numbers_stored_as_floats_are_labels(pair: Pair) -> None:
    write(pair[1], LABEL.astype(np.float64))
    label = read_ct("a", *pair, CODES).label
    assert label is not None
    assert label.dtype == np.uint8


def tilted(degrees: float) -> np.ndarray:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.eye(4)
    turn[1:3, 1:3] = [[cos, -sin], [sin, cos]]
    return turn @ AFFINE


@pytest.mark.parametrize(
    ("affine", "said"),
    [
        (tilted(12), "slices are tilted by 12 degrees, not axial"),
        (np.diag([3.0, 2.0, 0.0, 1.0]), "singular affine"),
        (np.array([[3, 3, 0, 0], [1, 1, 0, 0], [0, 0, 5, 0], [0, 0, 0, 1.0]]), "singular affine"),
        (np.diag([3.0, np.nan, 5.0, 1.0]), "NaN or infinite numbers in the affine"),
        (np.diag([0.003, 0.002, 0.005, 1.0]), "are not those of a CT; is the unit mm"),
    ],
)
def test_affine(pair: Pair, affine: np.ndarray, said: str) -> None:
    spoil_affine(pair[0], affine)
    refused(pair, said, pair[0])


def spoil_affine(path: Path, affine: np.ndarray) -> None:
    """Write the affine's bytes into the header, which nibabel itself would refuse to do."""
    raw = bytearray(gzip.decompress(path.read_bytes()))
    raw[280:328] = np.asarray(affine[:3], "<f4").tobytes()
    path.write_bytes(gzip.compress(bytes(raw)))


def test_a_slight_tilt_is_axial_enough(pair: Pair) -> None:
    for path in pair:
        spoil_affine(path, tilted(3))
    volume = read_ct("a", *pair, CODES)
    assert volume.spacing == pytest.approx((5, 2, 3), rel=1e-5)


def test_a_header_that_says_no_direction(pair: Pair) -> None:
    image = nibabel.load(pair[0])
    values = np.asanyarray(image.dataobj)
    image = nibabel.Nifti1Image(values, None)
    image.to_filename(pair[0])
    refused(pair, "does not say which way is up", pair[0])


@pytest.mark.parametrize("shape", [(16, 20, 6, 2), (16, 20, 6, 1), (16, 20)])
def test_other_than_three_dimensions(pair: Pair, shape: tuple[int, ...]) -> None:
    write(pair[0], np.zeros(shape, np.int16))
    refused(pair, f"{len(shape)} dimensions where a volume", pair[0])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan(pair: Pair, value: float) -> None:
    values = IMAGE.astype(np.float32)
    values[3, 4, 5] = value
    write(pair[0], values)
    refused(pair, "NaN or infinite values", pair[0])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda raw: raw[: len(raw) // 2], "unreadable or truncated NIfTI"),
        (lambda raw: raw[:100], "unreadable or truncated NIfTI"),
        (lambda raw: b"", "empty"),
        (lambda raw: b"no image at all", "unreadable or truncated NIfTI"),
    ],
)
@pytest.mark.parametrize("which", [0, 1])
def test_damaged_file(pair: Pair, content, said: str, which: int) -> None:
    pair[which].write_bytes(content(pair[which].read_bytes()))
    refused(pair, said, pair[which])


def test_a_file_that_is_no_nifti(pair: Pair, tmp_path: Path) -> None:
    path = tmp_path / "a.mgz"
    nibabel.MGHImage(IMAGE.astype(np.float32), AFFINE).to_filename(path)
    refused((path, pair[1]), "MGHImage where NIfTI is expected", path)


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
        (1.0, float("inf"), "unreadable or truncated NIfTI|NaN or infinite"),
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
    told = BankFacts("b", "abdomen", 16, True, ("one", "two"), window)

    def fill() -> None:
        with CtBankWriter(tmp_path / "bank", told) as writer:
            grid = fit(dark, 16, (5, 3, 3))
            writer.add("dark", sections(dark, grid, window), spacing=(5, 3, 3), affine=np.eye(4))

    with pytest.raises(DataError, match=r"dark: empty after windowing to -125\.\.275 HU"):
        fill()
    assert not (tmp_path / "bank").exists()

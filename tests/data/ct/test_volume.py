"""From NIfTI to a volume, the same way round whatever the axes; every fault is one line."""

import gzip
import itertools
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from nibabel.affines import apply_affine
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform

from ldl.data.ct.volume import read_ct

from .conftest import AFFINE, CODES, SPACING, Pair, body, refused, stored, write

IMAGE, LABEL = (stored(one) for one in body())
WIDE = LABEL.astype(np.int16)
LETTERS = ("LR", "PA", "IS")
AXES = ["".join(order) for picked in itertools.product(*LETTERS)
        for order in itertools.permutations(picked)]  # fmt: skip


def turned(values: np.ndarray, axes: str) -> tuple[np.ndarray, np.ndarray]:
    """RAS values as a file with other axes stores them, and its affine."""
    turn = ornt_transform(io_orientation(AFFINE), axcodes2ornt(axes))
    affine = AFFINE @ inv_ornt_aff(turn, values.shape)
    return nibabel.orientations.apply_orientation(values, turn), affine


def pair_of(folder: Path, axes: str, affine: np.ndarray | None = None) -> list[Path]:
    """Image and label with these axes; a given affine belies them."""
    paths = []
    for name, one in (("i.nii.gz", IMAGE), ("l.nii.gz", LABEL)):
        values, true = turned(one, axes)
        sizes = np.linalg.norm(true[:3, :3], axis=0)
        paths.append(write(folder / name, values, true if affine is None else
                           affine @ np.diag([*sizes, 1.0])))  # fmt: skip
    return paths


@pytest.mark.parametrize("axes", AXES)
def test_all_48_orientations_come_out_alike(tmp_path: Path, axes: str) -> None:
    image, label = body()
    volume = read_ct("a", *pair_of(tmp_path, axes), CODES)
    np.testing.assert_array_equal(volume.image, image)
    np.testing.assert_array_equal(volume.label, label)
    assert volume.spacing == pytest.approx(SPACING)
    assert (volume.image.dtype, volume.label.dtype) == (np.int16, np.uint8)
    # The affine places every displayed voxel where the RAS file has it.
    z, y, x = 1, 5, 4
    there = apply_affine(AFFINE, (image.shape[2] - 1 - x, image.shape[1] - 1 - y, z))
    np.testing.assert_allclose(apply_affine(volume.affine, (x, y, z)), there, atol=1e-5)


@pytest.mark.parametrize("axes", ["RAS", "LPS", "LPI", "PLS", "SRA"])
def test_axes_that_the_header_belies(tmp_path: Path, axes: str) -> None:
    image, label = body()
    volume = read_ct("a", *pair_of(tmp_path, axes, np.eye(4)), CODES, axes=axes)  # says RAS
    np.testing.assert_array_equal(volume.image, image)
    np.testing.assert_array_equal(volume.label, label)
    assert volume.spacing == pytest.approx(SPACING)
    assert nibabel.aff2axcodes(volume.affine) == ("L", "P", "S")


def test_left_is_right_on_the_screen_and_front_is_up(tmp_path: Path) -> None:
    values = np.full((4, 5, 6), -1000, np.int16)  # RAS: x to the right, y to the front, z up
    values[0, 4, 5] = 50  # the patient's left, front, top
    volume = read_ct("a", write(tmp_path / "a.nii", values), None, {})
    assert np.argwhere(volume.image == 50).tolist() == [[5, 0, 3]]
    assert volume.label is None


def test_padding_below_air_becomes_air(tmp_path: Path) -> None:
    values = IMAGE.copy()
    values[0] = -3024
    volume = read_ct("a", write(tmp_path / "a.nii", values), None, {})
    assert (volume.image.min(), volume.image.max()) == (-1024, values.max())


def spoilt(path: Path, at: int, values: object) -> None:
    """Put floats into the header, which nibabel itself would refuse to do."""
    raw = bytearray(gzip.decompress(path.read_bytes()))
    new = np.asarray(values, "<f4").tobytes()
    raw[at : at + len(new)] = new
    path.write_bytes(gzip.compress(bytes(raw)))


def with_affine(path: Path, affine: np.ndarray) -> None:
    spoilt(path, 280, affine[:3])


def scaled(path: Path, slope: float, intercept: float) -> None:
    """Set scl_slope and scl_inter of a file."""
    spoilt(path, 112, [slope, intercept])


def tilted(degrees: float) -> np.ndarray:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.eye(4)
    turn[1:3, 1:3] = [[cos, -sin], [sin, cos]]
    return turn @ AFFINE


def moved(shift: float) -> np.ndarray:
    affine = AFFINE.copy()
    affine[0, 3] = shift
    return affine


def float_with(value: float) -> np.ndarray:
    values = IMAGE.astype(np.float32)
    values[3, 4, 5] = value
    return values


def test_what_is_no_fault(pair: Pair) -> None:
    write(pair[1], LABEL.astype(np.float64), AFFINE + 1e-6)  # whole numbers, a rounding
    label = read_ct("a", *pair, CODES).label
    assert label is not None
    assert label.dtype == np.uint8
    write(pair[1], LABEL)
    for path in pair:
        with_affine(path, tilted(3))
    assert read_ct("a", *pair, CODES).spacing == pytest.approx(SPACING, rel=1e-5)


@pytest.mark.parametrize("slope", [0.0, float("nan")])
def test_a_slope_of_zero_or_nan_means_no_scaling(pair: Pair, slope: float) -> None:
    scaled(pair[0], slope, 0.0)
    assert read_ct("a", *pair, CODES).image.max() == IMAGE.max()


def test_scaled_values_are_hounsfield_units(pair: Pair) -> None:
    write(pair[0], ((IMAGE.astype(np.int32) + 1024) * 2).astype(np.uint16))
    scaled(pair[0], 0.5, -1024.0)
    np.testing.assert_array_equal(stored(read_ct("a", *pair, CODES).image), IMAGE)


Spoil = Callable[[Path], object]
ODD_IMAGES: list[tuple[Spoil, str]] = [
    (Path.unlink, "missing; `ldl data verify` lists"),
    (lambda p: with_affine(p, tilted(12)), "slices are tilted by 12 degrees, not axial"),
    (lambda p: with_affine(p, np.diag([3.0, 2.0, 0.0, 1.0])), "singular affine"),
    (lambda p: with_affine(p, np.array([[3, 3, 0, 0], [1, 1, 0, 0], [0, 0, 5, 0]])), "singular"),
    (lambda p: with_affine(p, np.diag([3.0, np.nan, 5.0, 1.0])), "NaN or infinite numbers in the"),
    (lambda p: with_affine(p, np.diag([0.003, 0.002, 0.005, 1.0])), "CT; is the unit mm"),
    (lambda p: nibabel.Nifti1Image(IMAGE, None).to_filename(p), "does not say which way is up"),
    (lambda p: write(p, float_with(np.nan)), "NaN or infinite values"),
    (lambda p: write(p, float_with(np.inf)), "NaN or infinite values"),
    (lambda p: write(p, IMAGE.astype(np.uint16)), "values .* overflow 16 bits"),
    (lambda p: write(p, IMAGE.astype(np.int32) * 1000), "values .* overflow 16 bits"),
    (lambda p: write(p, (IMAGE + 1024).astype(np.uint16)),
     "no value below 0 in 24..*not Hounsfield units"),
    (lambda p: write(p, np.full_like(IMAGE, -1000)), "empty, every voxel is -1000"),
    (lambda p: scaled(p, 1000.0, 0.0), "check the data type, scl_slope and scl_inter"),
    (lambda p: scaled(p, 1e38, 0.0), "check the data type, scl_slope|NaN or infinite"),
    (lambda p: scaled(p, 1.0, 5000.0), "no value below 0"),
    (lambda p: scaled(p, 1.0, np.inf), "truncated NIfTI .*intercept inf|NaN or infinite"),
    (lambda p: write(p, np.zeros((16, 20, 6, 2), np.int16)), "4 dimensions where a volume"),
    (lambda p: write(p, np.zeros((16, 20, 6, 1), np.int16)), "4 dimensions where a volume"),
    (lambda p: write(p, np.zeros((16, 20), np.int16)), "2 dimensions where a volume"),
]  # fmt: skip
ODD_LABELS: list[tuple[Spoil, str]] = [
    (Path.unlink, "label missing beside the image a.nii.gz"),
    (lambda p: write(p, LABEL[:-1]), r"of \(15, 20, 6\) voxels beside an image of \(16, 20, 6\)"),
    (lambda p: write(p, LABEL, moved(2.0)), "affine differs from the image's by 2 mm"),
    (lambda p: write(p, LABEL, moved(0.5)), "affine differs from the image's by 0.5 mm"),
    (lambda p: write(p, LABEL, AFFINE @ np.diag([-1, 1, 1, 1])), "affine differs from the image's"),
    (lambda p: write(p, np.where(LABEL == 1, 7, LABEL).astype(np.uint8)), "values 7 where only"),
    (lambda p: write(p, np.where(WIDE == 1, -1, WIDE)), "label values -1 where only"),
    (lambda p: write(p, np.where(WIDE == 1, 300, WIDE)), "label values 300 where only"),
    (lambda p: write(p, np.where(LABEL == 1, 0.5, LABEL).astype(np.float32)), "0.5 where only"),
    (lambda p: write(p, np.where(LABEL == 1, np.nan, LABEL).astype(np.float32)), "nan where only"),
    (lambda p: write(p, np.zeros_like(LABEL)), "no organ in the label map"),
    (lambda p: scaled(p, 0.25, 0.0), "label values 0.25, 0.5 where only"),
]
DAMAGED: list[tuple[Callable[[bytes], bytes], str]] = [
    (lambda raw: raw[: len(raw) // 2], "truncated gzip"),
    (lambda raw: raw[:100], "truncated gzip"),
    (lambda raw: b"", "empty"),
    (lambda raw: gzip.compress(gzip.decompress(raw)[:-9]), "truncated NIfTI, .* its header says"),
    (lambda raw: gzip.compress(gzip.decompress(raw)[:50]), "unreadable or truncated NIfTI"),
    (lambda raw: gzip.compress(gzip.decompress(raw) * 2), "are of different volumes"),
    (lambda raw: gzip.decompress(raw), "not gzip as its name says, but a NIfTI file"),
    (lambda raw: b"no image at all", "not gzip as its name says, but text that begins 'no im"),
    (lambda raw: gzip.compress(b"<!DOCTYPE html>"), "not NIfTI, but a web page"),
    (lambda raw: b"version https://git-lfs.github.com/spec/v1", "a git-lfs pointer"),
]


@pytest.mark.parametrize(
    ("which", "spoil", "said"),
    [(0, *one) for one in ODD_IMAGES] + [(1, *one) for one in ODD_LABELS],
)
def test_what_cannot_be_used_is_one_line(pair: Pair, which: int, spoil: Spoil, said: str) -> None:
    spoil(pair[which])
    refused(pair, said, pair[which])


@pytest.mark.parametrize(("content", "said"), DAMAGED)
@pytest.mark.parametrize("which", [0, 1])
def test_damaged_file(pair: Pair, content: Callable, said: str, which: int) -> None:
    pair[which].write_bytes(content(pair[which].read_bytes()))
    refused(pair, said, pair[which])


def test_a_file_that_is_no_nifti(pair: Pair, tmp_path: Path) -> None:
    path = tmp_path / "a.mgz"
    nibabel.MGHImage(IMAGE.astype(np.float32), AFFINE).to_filename(path)
    refused((path, pair[1]), "not NIfTI, but gzip-compressed", path)

"""Volumes lie the same way round whatever their file's axes, and know where they are in mm."""

import itertools
from pathlib import Path

import nibabel
import numpy as np
import pytest
from nibabel.affines import apply_affine
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform

from ldl.data.ct.volume import read_ct

from .conftest import AFFINE, SPACING, body, stored, write

CODES = {0: 0, 1: 1, 2: 2}
LETTERS = ("LR", "PA", "IS")
AXES = ["".join(order) for picked in itertools.product(*LETTERS)
        for order in itertools.permutations(picked)]  # fmt: skip


def turned(values: np.ndarray, axes: str) -> tuple[np.ndarray, np.ndarray]:
    """RAS values as a file with other axes stores them, and its affine."""
    turn = ornt_transform(io_orientation(AFFINE), axcodes2ornt(axes))
    affine = AFFINE @ inv_ornt_aff(turn, values.shape)
    return nibabel.orientations.apply_orientation(values, turn), affine


@pytest.mark.parametrize("axes", AXES)
def test_all_48_orientations_come_out_alike(tmp_path: Path, axes: str) -> None:
    image, label = body()
    paths = [
        write(tmp_path / name, *turned(stored(one), axes))
        for name, one in (("i.nii.gz", image), ("l.nii.gz", label))
    ]
    volume = read_ct("a", *paths, CODES)
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
    paths = []
    for name, one in (("i.nii.gz", image), ("l.nii.gz", label)):
        values, affine = turned(stored(one), axes)
        sizes = np.linalg.norm(affine[:3, :3], axis=0)
        paths.append(write(tmp_path / name, values, np.diag([*sizes, 1.0])))  # says RAS
    volume = read_ct("a", *paths, CODES, axes=axes)
    np.testing.assert_array_equal(volume.image, image)
    np.testing.assert_array_equal(volume.label, label)
    assert volume.spacing == pytest.approx(SPACING)
    assert nibabel.aff2axcodes(volume.affine) == ("L", "P", "S")


def test_left_is_right_on_the_screen_and_front_is_up(tmp_path: Path) -> None:
    values = np.full((4, 5, 6), -1000, np.int16)  # RAS: x to the right, y to the front, z up
    values[0, 4, 5] = 50  # the patient's left, front, top
    path = write(tmp_path / "a.nii", values)
    volume = read_ct("a", path, None, {})
    assert np.argwhere(volume.image == 50).tolist() == [[5, 0, 3]]
    assert volume.label is None


def test_padding_below_air_becomes_air(tmp_path: Path) -> None:
    values = stored(body()[0]).copy()
    values[0] = -3024
    volume = read_ct("a", write(tmp_path / "a.nii", values), None, {})
    assert volume.image.min() == -1024
    assert volume.image.max() == values.max()

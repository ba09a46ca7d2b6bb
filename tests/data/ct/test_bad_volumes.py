"""Every way a CT file can be unusable is answered with one clear line that names the file."""

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest

from ldl.data.ct.volume import read_ct

from .conftest import AFFINE, CODES, Pair, body, refused, stored, write

IMAGE, LABEL = (stored(one) for one in body())
WIDE = LABEL.astype(np.int16)


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


@pytest.mark.parametrize("shape", [(16, 20, 6, 2), (16, 20, 6, 1), (16, 20)])
def test_other_than_three_dimensions(pair: Pair, shape: tuple[int, ...]) -> None:
    write(pair[0], np.zeros(shape, np.int16))
    refused(pair, f"{len(shape)} dimensions where a volume", pair[0])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda raw: raw[: len(raw) // 2], "truncated gzip"),
        (lambda raw: raw[:100], "truncated gzip"),
        (lambda raw: b"", "empty"),
        (
            lambda raw: gzip.compress(gzip.decompress(raw)[:-9]),
            "truncated NIfTI, .* its header says",
        ),
        (lambda raw: gzip.compress(gzip.decompress(raw)[:50]), "unreadable or truncated NIfTI"),
        (lambda raw: gzip.compress(gzip.decompress(raw) * 2), "are of different volumes"),
        (lambda raw: gzip.decompress(raw), "not gzip as its name says, but a NIfTI file"),
        (lambda raw: b"no image at all", "not gzip as its name says, but text that begins 'no im"),
        (lambda raw: gzip.compress(b"<!DOCTYPE html>"), "not NIfTI, but a web page"),
        (lambda raw: b"version https://git-lfs.github.com/spec/v1", "a git-lfs pointer"),
    ],
)
@pytest.mark.parametrize("which", [0, 1])
def test_damaged_file(pair: Pair, content, said: str, which: int) -> None:
    pair[which].write_bytes(content(pair[which].read_bytes()))
    refused(pair, said, pair[which])


def test_a_file_that_is_no_nifti(pair: Pair, tmp_path: Path) -> None:
    path = tmp_path / "a.mgz"
    nibabel.MGHImage(IMAGE.astype(np.float32), AFFINE).to_filename(path)
    refused((path, pair[1]), "not NIfTI, but gzip-compressed", path)

"""JSRT raw files, DICOM and NIfTI."""

from pathlib import Path
from types import SimpleNamespace

import nibabel
import numpy as np
import pytest

from ldl.data.readers import (
    read_image,
    read_label_volume,
    read_volume,
)
from ldl.errors import DataError

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (12, 9, 3), dtype=np.uint8)
GREY = COLOUR[..., 0]
MASK = GREY > 100


def _jsrt(path: Path, values: np.ndarray) -> Path:
    path.write_bytes(values.astype(">u2").tobytes())
    return path


def test_jsrt_is_big_endian_inverted_twelve_bits(tmp_path: Path) -> None:
    values = np.zeros((2048, 2048), np.uint16)
    values[0, 0], values[5, 7] = 4095, 2048
    image = read_image(_jsrt(tmp_path / "JPCLN001.IMG", values))
    assert image.shape == (2048, 2048)
    assert image.dtype == np.uint8
    assert (image[0, 0], image[5, 7], image[1, 1]) == (0, 127, 255)


def test_jsrt_is_stretched_to_its_range_whatever_strays_from_it(tmp_path: Path) -> None:
    values = np.full((2048, 2048), 1000, np.uint16)
    values[:1024] = 3000
    values[3, 3] = 65535
    image = read_image(_jsrt(tmp_path / "a.IMG", values))
    assert (image[0, 0], image[2000, 0], image[3, 3]) == (0, 255, 255)


def test_jsrt_refuses_other_sizes_and_byte_orders(tmp_path: Path) -> None:
    path = tmp_path / "a.IMG"
    path.write_bytes(b"\0" * 100)
    with pytest.raises(DataError, match="100 bytes where a JSRT image has 8,388,608"):
        read_image(path)
    path.write_bytes(np.full((2048, 2048), 4095, "<u2").tobytes())
    with pytest.raises(DataError, match="100% of the values are beyond 12 bits"):
        read_image(path)


@pytest.mark.parametrize("jpeg", [False, True])
def test_dicom(tmp_path: Path, make: SimpleNamespace, jpeg: bool) -> None:
    smooth = np.add.outer(np.arange(32), np.arange(24)).astype(np.uint8) * 3
    (tmp_path / "a.dcm").write_bytes(make.dicom(smooth, jpeg=jpeg))
    assert np.abs(read_image(tmp_path / "a.dcm").astype(int) - smooth).max() <= (4 if jpeg else 0)


def test_dicom_monochrome1_is_inverted_and_bits_are_scaled(
    tmp_path: Path, make: SimpleNamespace
) -> None:
    (tmp_path / "a.dcm").write_bytes(make.dicom(GREY, monochrome=1))
    np.testing.assert_array_equal(read_image(tmp_path / "a.dcm"), 255 - GREY)
    (tmp_path / "b.dcm").write_bytes(make.dicom(GREY.astype(np.uint16) * 257))
    np.testing.assert_array_equal(read_image(tmp_path / "b.dcm"), GREY)


@pytest.mark.parametrize("pixels", [COLOUR, GREY.astype(np.int16)])
def test_dicom_refuses_colour_and_signed(
    tmp_path: Path, make: SimpleNamespace, pixels: np.ndarray
) -> None:
    (tmp_path / "a.dcm").write_bytes(make.dicom(pixels))
    with pytest.raises(DataError, match=r"a\.dcm: (RGB|signed) pixels"):
        read_image(tmp_path / "a.dcm")


def _nifti(path: Path, values: np.ndarray, affine: np.ndarray | None = None) -> Path:
    nibabel.Nifti1Image(values, np.eye(4) if affine is None else affine).to_filename(path)
    return path


def test_nifti_is_reoriented_with_its_spacing(tmp_path: Path) -> None:
    values = RNG.integers(-1000, 1000, (4, 5, 6)).astype(np.int16)
    flipped = np.diag([-2.0, 3.0, 4.0, 1.0])
    volume = read_volume(_nifti(tmp_path / "a.nii.gz", values, flipped))
    np.testing.assert_array_equal(volume.values, values[::-1])
    assert volume.spacing == (2.0, 3.0, 4.0)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.zeros((3, 3, 3, 2), np.float32), "4 dimensions"),
        (np.full((3, 3, 3), np.nan, np.float32), "NaN"),
    ],
)
def test_nifti_faults(tmp_path: Path, values: np.ndarray, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_volume(_nifti(tmp_path / "a.nii.gz", values))


def test_nifti_damaged_files(tmp_path: Path) -> None:
    path = _nifti(tmp_path / "a.nii.gz", RNG.integers(0, 99, (20, 20, 20)).astype(np.int16))
    whole = path.read_bytes()
    for content, said in ((whole[: len(whole) // 2], "truncated NIfTI"), (b"", "empty"),
                          (b"no image", "unreadable")):  # fmt: skip
        path.write_bytes(content)
        with pytest.raises(DataError, match=said):
            read_volume(path)
    with pytest.raises(DataError, match="missing"):
        read_volume(tmp_path / "b.nii.gz")


def test_label_volume_knows_its_labels(tmp_path: Path) -> None:
    path = _nifti(tmp_path / "a.nii.gz", np.array([[[0, 1, 7]]], np.int16))
    assert read_label_volume(path, {0: "background", 1: "liver", 7: "x"}).values.dtype == np.uint8
    with pytest.raises(DataError, match=r"label values 7 where only \[0, 1\]"):
        read_label_volume(path, {0: "background", 1: "liver"})

"""JSRT raw files, DICOM and NIfTI."""

import gzip
from pathlib import Path
from types import SimpleNamespace

import nibabel
import numpy as np
import pytest

from ldl.data.readers.image import read_image
from ldl.data.readers.nifti import read_nifti
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
    with pytest.raises(DataError, match="100 bytes where JSRT has 8,388,608"):
        read_image(path)
    path.write_bytes(np.full((2048, 2048), 4095, "<u2").tobytes())
    with pytest.raises(DataError, match="100% of its values are beyond 12 bits"):
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


def test_dicom_in_colour_is_colour_and_signed_pixels_need_a_window(
    tmp_path: Path, make: SimpleNamespace
) -> None:
    (tmp_path / "a.dcm").write_bytes(make.dicom(COLOUR))
    np.testing.assert_array_equal(read_image(tmp_path / "a.dcm"), COLOUR)
    signed = GREY.astype(np.int16) - 100
    (tmp_path / "b.dcm").write_bytes(make.dicom(signed))
    with pytest.raises(DataError, match=r"b\.dcm: signed pixels without a window"):
        read_image(tmp_path / "b.dcm")
    (tmp_path / "b.dcm").write_bytes(make.dicom(signed, WindowCenter=0, WindowWidth=50))
    assert len(np.unique(read_image(tmp_path / "b.dcm"))) > 15


DEEP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


@pytest.mark.parametrize(
    ("tags", "black", "white"),
    [
        ({}, 0, 4095),
        ({"WindowCenter": 1000, "WindowWidth": 400}, 800, 1199),
        ({"WindowCenter": [1000, 50], "WindowWidth": [400, 9]}, 800, 1199),
        ({"WindowCenter": 1000, "WindowWidth": 400, "VOILUTFunction": "LINEAR_EXACT"}, 800, 1200),
        ({"RescaleSlope": 2, "RescaleIntercept": -1024, "WindowCenter": 0, "WindowWidth": 2048},
         0, 1023),
        ({"RescaleSlope": 1, "RescaleIntercept": -1024}, 0, 4095),
    ],
)  # fmt: skip
def test_dicom_is_seen_through_its_window_and_eight_bits_come_last(
    tmp_path: Path, make: SimpleNamespace, tags: dict, black: int, white: int
) -> None:
    (tmp_path / "a.dcm").write_bytes(make.dicom(DEEP, BitsStored=12, HighBit=11, **tags))
    image = read_image(tmp_path / "a.dcm")
    assert (image[black >= DEEP] == 0).all()
    assert (image[white <= DEEP] == 255).all()
    assert len(np.unique(image)) == 256
    assert (np.diff(image.ravel().astype(int)) >= 0).all()


def test_a_sigmoid_window_and_an_inverting_rescale(tmp_path: Path, make: SimpleNamespace) -> None:
    tags = {"WindowCenter": 2000, "WindowWidth": 800, "VOILUTFunction": "SIGMOID"}
    (tmp_path / "a.dcm").write_bytes(make.dicom(DEEP, BitsStored=12, HighBit=11, **tags))
    image = read_image(tmp_path / "a.dcm")
    assert abs(int(image.ravel()[2000]) - 128) <= 1
    tags = {"RescaleSlope": -1, "RescaleIntercept": 4095}
    (tmp_path / "b.dcm").write_bytes(make.dicom(DEEP, BitsStored=12, HighBit=11, **tags))
    assert (np.diff(read_image(tmp_path / "b.dcm").ravel().astype(int)) <= 0).all()


def test_a_dicom_header_that_belies_its_pixels(tmp_path: Path, make: SimpleNamespace) -> None:
    (tmp_path / "a.dcm").write_bytes(make.dicom(DEEP, BitsStored=10, HighBit=9))
    with pytest.raises(DataError, match=r"values 0\.\.4095 where 10 bits hold 0\.\.1023"):
        read_image(tmp_path / "a.dcm")


def test_dicom_is_known_by_its_content(tmp_path: Path, make: SimpleNamespace) -> None:
    for name in ("1.2.840.10008", "a.DCM", "a.png", "a.dcm.gz"):
        raw = make.dicom(GREY)
        (tmp_path / name).write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        np.testing.assert_array_equal(read_image(tmp_path / name), GREY)


def _nifti(path: Path, values: np.ndarray, affine: np.ndarray | None = None) -> Path:
    nibabel.Nifti1Image(values, np.eye(4) if affine is None else affine).to_filename(path)
    return path


def test_nifti_has_its_values_and_its_affine(tmp_path: Path) -> None:
    values = RNG.integers(-1000, 1000, (4, 5, 6)).astype(np.int16)
    flipped = np.diag([-2.0, 3.0, 4.0, 1.0])
    for kind in (nibabel.Nifti1Image, nibabel.Nifti2Image):
        kind(values, flipped).to_filename(tmp_path / "a.nii")
        found = read_nifti(tmp_path / "a.nii")
        np.testing.assert_array_equal(found.values, values)
        np.testing.assert_array_equal(found.affine, flipped)


def test_nifti_of_odd_types(tmp_path: Path) -> None:
    colours = np.zeros((3, 3, 3), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    for values, said in (
        (np.zeros((3, 3, 3, 2), np.float32), "4 dimensions"),
        (colours, "RGB colours where numbers are expected"),
        (np.zeros((3, 3, 3), np.complex64), "voxels of type complex64 where numbers"),
    ):
        with pytest.raises(DataError, match=said):
            read_nifti(_nifti(tmp_path / "a.nii.gz", values))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (np.diag([-1.0, 1, 1, 1]), "qform says LAS, sform RAS; which side is left"),
        (np.diag([1.0, -1, 1, 1]), "qform says RPS, sform RAS"),
        (np.array([[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "qform says ARS"),
    ],
)
def test_a_header_that_says_two_directions_is_refused(
    tmp_path: Path, change: np.ndarray, said: str
) -> None:
    image = nibabel.Nifti1Image(np.zeros((4, 4, 4), np.int16), np.eye(4))
    image.set_sform(np.eye(4), code=1)
    image.set_qform(change, code=1)
    image.to_filename(tmp_path / "a.nii.gz")
    with pytest.raises(DataError, match=said):
        read_nifti(tmp_path / "a.nii.gz")
    assert read_nifti(tmp_path / "a.nii.gz", axes="RAS").values.shape == (4, 4, 4)


def test_voxel_sizes_that_disagree_are_refused(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.zeros((4, 4, 4), np.int16), np.diag([2.0, 2, 2, 1]))
    image.header["pixdim"][1:4] = 2, 2, 5
    (tmp_path / "a.nii").write_bytes(image.to_bytes())
    raw = bytearray((tmp_path / "a.nii").read_bytes())
    raw[88:92] = np.float32(5).tobytes()  # pixdim[3]
    (tmp_path / "a.nii").write_bytes(bytes(raw))
    with pytest.raises(DataError, match=r"2 x 2 x 5 mm by pixdim, of 2 x 2 x 2 mm by its affine"):
        read_nifti(tmp_path / "a.nii")

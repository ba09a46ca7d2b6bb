"""Readers on small files in the true formats."""

import gzip
import io
import struct
from pathlib import Path
from types import SimpleNamespace

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image

from ldl.data.readers import (
    as_colour,
    as_grey,
    read_hrf_centres,
    read_idrid_centres,
    read_image,
    read_label_volume,
    read_mask,
    read_rle_mask,
    read_volume,
)
from ldl.data.readers.rle import decode_rle
from ldl.errors import DataError

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (12, 9, 3), dtype=np.uint8)
GREY = COLOUR[..., 0]
MASK = GREY > 100


@pytest.mark.parametrize("suffix", [".png", ".tif", ".ppm", ".bmp", ".ppm.gz"])
def test_lossless_colour_comes_back_exactly(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    stream = io.BytesIO()
    Image.fromarray(COLOUR).save(stream, {".tif": "TIFF", ".bmp": "BMP"}.get(suffix, "PPM")
                                 if suffix != ".png" else "PNG")  # fmt: skip
    raw = stream.getvalue()
    path.write_bytes(gzip.compress(raw) if suffix.endswith(".gz") else raw)
    np.testing.assert_array_equal(read_image(path), COLOUR)


@pytest.mark.parametrize("suffix", [".jpg", ".JPG", ".jpeg"])
def test_jpg(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    smooth = np.full((16, 16, 3), (200, 90, 30), np.uint8)
    Image.fromarray(smooth).save(path, "JPEG", quality=95)
    assert np.abs(read_image(path).astype(int) - smooth).max() <= 3


def test_png_palette(tmp_path: Path) -> None:
    image = Image.fromarray(COLOUR).quantize(4)
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), np.asarray(image.convert("RGB")))


def test_png_with_transparency_keeps_its_colours(tmp_path: Path) -> None:
    alpha = np.full((12, 9, 1), 128, np.uint8)
    Image.fromarray(np.concatenate([COLOUR, alpha], -1)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), COLOUR)


def test_png_one_bit(tmp_path: Path) -> None:
    Image.fromarray(MASK).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), MASK * np.uint8(255))
    mask = read_mask(tmp_path / "a.png")
    np.testing.assert_array_equal(mask, MASK)
    assert set(np.unique(mask.view(np.uint8))) == {0, 1}


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_are_scaled_by_their_full_range(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(GREY.astype(np.uint16) * 257).save(path)
    np.testing.assert_array_equal(read_image(path), GREY)


@pytest.mark.parametrize("full", [1.0, 255.0])
def test_float_tif(tmp_path: Path, full: float) -> None:
    tifffile.imwrite(tmp_path / "a.tif", (GREY / 255 * full).astype(np.float32))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), GREY)


def test_gif_mask_as_drive_has_it(tmp_path: Path) -> None:
    Image.fromarray(MASK.astype(np.uint8) * 255).save(tmp_path / "21_manual1.gif")
    np.testing.assert_array_equal(read_mask(tmp_path / "21_manual1.gif"), MASK)


@pytest.mark.parametrize("value", [1, 76, 128, 255])
def test_mask_may_have_any_one_foreground_value(tmp_path: Path, value: int) -> None:
    Image.fromarray(MASK.astype(np.uint8) * np.uint8(value)).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_mask(tmp_path / "a.tif"), MASK)


def test_red_mask_as_some_idrid_tools_write_it(tmp_path: Path) -> None:
    red = MASK[..., None] * np.array([255, 0, 0], np.uint8)
    Image.fromarray(red).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_mask(tmp_path / "a.tif"), MASK)


def test_drishti_soft_map_wants_two_of_four_experts(tmp_path: Path) -> None:
    soft = np.array([[0, 64, 128, 191, 255]], np.uint8)
    Image.fromarray(soft).save(tmp_path / "a.png")
    found = read_mask(tmp_path / "a.png", soft_threshold=127)
    assert found.tolist() == [[False, False, True, True, True]]
    with pytest.raises(DataError, match="mask with 5 values"):
        read_mask(tmp_path / "a.png")


def test_jsrt_is_big_endian_inverted_twelve_bits(tmp_path: Path) -> None:
    values = np.zeros((2048, 2048), dtype=">u2")
    values[0, 0], values[5, 7] = 4095, 2048
    (tmp_path / "JPCLN001.IMG").write_bytes(values.tobytes())
    image = read_image(tmp_path / "JPCLN001.IMG")
    assert image.shape == (2048, 2048)
    assert image.dtype == np.uint8
    assert (image[0, 0], image[5, 7], image[1, 1]) == (0, 127, 255)


def test_jsrt_refuses_other_sizes_and_byte_orders(tmp_path: Path) -> None:
    path = tmp_path / "a.IMG"
    path.write_bytes(b"\0" * 100)
    with pytest.raises(DataError, match="100 bytes where a JSRT image has 8,388,608"):
        read_image(path)
    path.write_bytes(np.full((2048, 2048), 4095, "<u2").tobytes())
    with pytest.raises(DataError, match="beyond 12 bits"):
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


def test_rle_is_relative_and_column_by_column() -> None:
    # skip 1, run of 2; skip 1, run of 3: pixels 1, 2 and 4, 5, 6 down the columns of 3 rows
    expected = np.array([[0, 0, 1], [1, 1, 0], [1, 1, 0]], bool)
    np.testing.assert_array_equal(decode_rle("1 2 1 3", (3, 3)), expected)


def test_rle_round_trip(make: SimpleNamespace) -> None:
    mask = RNG.random((17, 23)) > 0.6
    np.testing.assert_array_equal(decode_rle(make.rle(mask), mask.shape), mask)


def _table(folder: Path, *rows: str) -> Path:
    path = folder / "train-rle.csv"
    path.write_text("ImageId, EncodedPixels\n" + "".join(f"{row}\n" for row in rows))
    return path


def test_rle_table_several_rows_and_none(tmp_path: Path) -> None:
    path = _table(tmp_path, "a,0 2", "b, -1", "a, 4 1")
    assert read_rle_mask(path, "a", (3, 3)).T.ravel().nonzero()[0].tolist() == [0, 1, 4]
    assert not read_rle_mask(path, "b", (3, 3)).any()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a, 1 2 3", "not pairs"),
        ("a, 1 x", "invalid literal"),
        ("a, 1 -2", "not pairs"),
        ("a, 5 5", "ends at pixel 10 of 9"),
        ("b, 1 1", "no row for image a"),
        ("a, -1\na, 0 1", "not pairs"),
    ],
)
def test_rle_faults_name_table_and_image(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        read_rle_mask(_table(tmp_path, row), "a", (3, 3))
    assert "train-rle.csv" in str(caught.value)
    assert " a" in str(caught.value)


def test_rle_table_faults(tmp_path: Path) -> None:
    path = tmp_path / "train-rle.csv"
    with pytest.raises(DataError, match="missing"):
        read_rle_mask(path, "a", (3, 3))
    path.write_text("x,y\n1,2\n")
    with pytest.raises(DataError, match="columns ImageId,EncodedPixels"):
        read_rle_mask(path, "a", (3, 3))


def test_idrid_centres_with_the_published_blanks(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(
        "Image No,X- Coordinate,Y - Coordinate,,,\n"
        "IDRiD_001,651,1453,,,\nIDRiD_002, 3158,1280,,,\n,,,,,\n"
    )
    assert read_idrid_centres(path) == {"IDRiD_001": (651, 1453), "IDRiD_002": (3158, 1280)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("a,b,c\n", "first row is not"),
        ("Image No,X,Y\n", "no centres"),
        ("Image No,X,Y\nIDRiD_001,1\n", "no two coordinates"),
        ("Image No,X,Y\nIDRiD_001,1,one\n", "not two numbers"),
        ("Image No,X,Y\nIDRiD_001,1,nan\n", "not a position"),
        ("Image No,X,Y\nIDRiD_001,1,2\nIDRiD_001,1,2\n", "duplicate id IDRiD_001"),
    ],
)
def test_idrid_centres_faults(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "c.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        read_idrid_centres(path)


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


def test_channels_are_insisted_on(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with pytest.raises(DataError, match=r"a\.png: 1 channel\(s\) where a colour image"):
        as_colour(GREY, path)
    with pytest.raises(DataError, match="3 differing channels"):
        as_grey(COLOUR, path)
    np.testing.assert_array_equal(as_grey(np.stack([GREY] * 3, -1), path), GREY)


def _encoded(pixels: np.ndarray, kind: str) -> bytes:
    stream = io.BytesIO()
    if kind == "FLOAT":
        tifffile.imwrite(stream, pixels)
    else:
        Image.fromarray(pixels).convert("CMYK" if kind == "TIFF" else "RGB").save(stream, kind)
    return stream.getvalue()


PNG = _encoded(RNG.integers(0, 256, (40, 40, 3), dtype=np.uint8), "PNG")
DAMAGED = {
    "empty": ("a.png", b"", "empty (0 bytes)"),
    "not an image": ("a.jpg", b"hello", "unreadable or truncated"),
    "truncated": ("a.png", PNG[:2000], "unreadable or truncated"),
    "truncated gz": ("a.ppm.gz", gzip.compress(PNG)[:2000], "unreadable"),
    "CMYK": ("a.tif", _encoded(COLOUR, "TIFF"), "colour mode CMYK"),
    "NaN": ("a.tif", _encoded(np.full((4, 4), np.nan, np.float32), "FLOAT"), "NaN"),
    "negative": ("a.tif", _encoded(np.full((4, 4), -3, np.float32), "FLOAT"), "outside 0..65535"),
    "bad dicom": ("a.dcm", b"hello", "unreadable DICOM"),
    "bad xls": ("a.xls", b"no workbook", "unreadable xls"),
}


@pytest.mark.parametrize("fault", DAMAGED)
def test_damage_is_one_clear_line_that_names_the_file(tmp_path: Path, fault: str) -> None:
    name, content, said = DAMAGED[fault]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_hrf_centres(path) if path.suffix == ".xls" else read_image(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def _xls(*sheets: list[list[str | float]]) -> bytes:
    """A BIFF8 workbook stream: globals with one BOUNDSHEET a sheet, then LABEL and NUMBER cells."""

    def record(code: int, body: bytes) -> bytes:
        return struct.pack("<HH", code, len(body)) + body

    def bof(kind: int) -> bytes:
        return record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0, 1997, 0, 6))

    bodies = []
    for rows in sheets:
        cells = b""
        for y, row in enumerate(rows):
            for x, value in enumerate(row):
                place = struct.pack("<HHH", y, x, 0)
                if isinstance(value, str):
                    text = struct.pack("<HB", len(value), 0) + value.encode("latin-1")
                    cells += record(0x0204, place + text)
                else:
                    cells += record(0x0203, place + struct.pack("<d", value))
        bodies.append(bof(0x0010) + cells + record(0x000A, b""))
    names = [f"Sheet{number}".encode() for number in range(len(bodies))]
    start = len(bof(5)) + 4 + sum(4 + 8 + len(name) for name in names)
    globals_ = bof(0x0005)
    for name, body in zip(names, bodies, strict=True):
        globals_ += record(0x0085, struct.pack("<IBBBB", start, 0, 0, len(name), 0) + name)
        start += len(body)
    return globals_ + record(0x000A, b"") + b"".join(bodies)


HRF_TITLE: list[str | float] = ["image", "Pap. Center x", "Pap. Center y", "disk diameter"]


def test_hrf_centres_take_the_corrected_row_from_the_second_sheet(tmp_path: Path) -> None:
    first = [HRF_TITLE] + [[f"0{n}_h", 10.0 * n, 20.0 * n, 300.0] for n in range(1, 6)]
    second = [HRF_TITLE] + [[f"0{n}_h", 11.0 * n, 21.0 * n, 300.0] for n in range(1, 6)]
    path = tmp_path / "optic_disk_centers.xls"
    path.write_bytes(_xls(first, second))
    centres = read_hrf_centres(path)
    assert centres == {
        "01_h": (10, 20), "02_h": (20, 40), "03_h": (30, 60), "04_h": (44, 84), "05_h": (50, 100),
    }  # fmt: skip
    assert read_hrf_centres(path, from_second_sheet=())["04_h"] == (40, 80)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([HRF_TITLE], "no table"),
        ([HRF_TITLE, ["01_h", "x", 3.0, 1.0]], "not two numbers"),
        ([HRF_TITLE, ["01_h", -1.0, 3.0, 1.0]], "not a position"),
        ([HRF_TITLE, ["01_h", 1.0, 3.0, 1.0], ["01_h", 1.0, 3.0, 1.0]], "duplicate id 01_h"),
    ],
)
def test_hrf_centres_faults(tmp_path: Path, rows: list[list[str | float]], said: str) -> None:
    path = tmp_path / "a.xls"
    path.write_bytes(_xls(rows))
    with pytest.raises(DataError, match=said):
        read_hrf_centres(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.png: missing"):
        read_image(tmp_path / "gone.png")

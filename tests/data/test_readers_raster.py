"""Everyday image files and masks, whole and damaged."""

import gzip
import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from ldl.data.readers import (
    as_colour,
    as_grey,
    read_hrf_centres,
    read_image,
    read_mask,
)
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
    "not an image": ("a.jpg", b"hello", "not an image, but text that begins"),
    "truncated": ("a.png", PNG[:2000], "unreadable or truncated image"),
    "truncated gz": ("a.ppm.gz", gzip.compress(PNG)[:2000], "truncated gzip"),
    "CMYK": ("a.tif", _encoded(COLOUR, "TIFF"), "colour mode CMYK"),
    "NaN": ("a.tif", _encoded(np.full((4, 4), np.nan, np.float32), "FLOAT"), "NaN"),
    "negative": ("a.tif", _encoded(np.full((4, 4), -3, np.float32), "FLOAT"), "outside 0..65535"),
    "bad dicom": ("a.dcm", b"hello", "not a DICOM file, but text"),
    "bad xls": ("a.xls", b"no workbook", "not an xls table, but text"),
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


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.png: missing"):
        read_image(tmp_path / "gone.png")

"""What is read is what a person sees: kinds, orientation, depth, transparency, pages, disguises."""

import gzip
import io
import logging
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from ldl.data.readers.image import as_colour, as_grey, is_image, read_image, read_mask
from ldl.data.readers.tables import read_hrf_centres
from ldl.errors import DataError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (12, 9), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (12, 9, 3), dtype=np.uint8)
TURNS = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_images_and_masks_stand_upright(tmp_path: Path, orientation: int, suffix: str) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    for name, pixels in (("image", COLOUR), ("mask", (COLOUR > 99).astype(np.uint8) * 255)):
        options = {"lossless": True} if suffix == "webp" else {}
        path = tmp_path / f"{name}.{suffix}"
        Image.fromarray(pixels).save(path, exif=exif, **options)
        found = read_image(path) if name == "image" else read_mask(path)
        expected = pixels if name == "image" else pixels.max(-1) > 0
        np.testing.assert_array_equal(found, TURNS[orientation](expected))


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("suffix", ["png", "tif", "jp2", "float.tif"])
def test_all_bits_that_a_detector_fills_count(tmp_path: Path, bits: int, suffix: str) -> None:
    ramp = np.linspace(0, 2**bits - 1, 64 * 64).round().astype(np.uint16).reshape(64, 64)
    path = tmp_path / f"a.{suffix}"
    if suffix == "float.tif":
        tifffile.imwrite(path, ramp.astype(np.float32))
    else:
        Image.fromarray(ramp).save(path, **({"irreversible": False} if suffix == "jp2" else {}))
    image = read_image(path)
    assert len(np.unique(image)) == 256
    assert (image[0, 0], image[-1, -1]) == (0, 255)


def test_what_was_done_is_said_once(tmp_path: Path, caplog, monkeypatch) -> None:
    monkeypatch.setattr("ldl.data.files._TOLD", set())
    for name in ("a", "b"):
        Image.fromarray(GREY.astype(np.uint16) * 16).save(tmp_path / f"{name}.png")
        with caplog.at_level(logging.WARNING):
            read_image(tmp_path / f"{name}.png")
    assert caplog.text.count("12 bits in a larger type, 0..4095 becomes 0..255") == 1
    exif = Image.Exif()
    exif[274] = 6
    for name in ("c", "d"):
        Image.fromarray(GREY).save(tmp_path / f"{name}.png", exif=exif)
        with caplog.at_level(logging.WARNING):
            read_image(tmp_path / f"{name}.png")
    assert caplog.text.count("c.png: turned upright as its EXIF orientation says") == 1
    assert "d.png" not in caplog.text


def _deep_png(pixels: np.ndarray) -> bytes:
    """A png of three times 16 bits, which Pillow does not write."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + kind + content + check

    height, width, _ = pixels.shape
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in pixels)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
    return start + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def test_twelve_bits_in_sixteen_of_colour_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(_deep_png(COLOUR.astype(np.uint16) * 257))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), COLOUR)
    (tmp_path / "a.png").write_bytes(_deep_png(COLOUR.astype(np.uint16) * 16))
    with pytest.raises(DataError, match="16 bits a colour, the upper ones empty"):
        read_image(tmp_path / "a.png")


def test_white_is_zero_in_sixteen_bits(tmp_path: Path) -> None:
    deep = GREY.astype(np.uint16) * 257
    tifffile.imwrite(tmp_path / "a.tif", 65535 - deep, photometric="miniswhite")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), GREY)


def test_several_pages_are_no_image(tmp_path: Path) -> None:
    pages = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    for name in ("a.tif", "a.gif", "a.webp"):
        pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:])
        with pytest.raises(DataError, match=r"2 pages where one image is expected"):
            read_image(tmp_path / name)


MASK = GREY > 127


def _rgba(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    whole = np.repeat(colour[..., None].astype(np.uint8), 4, axis=-1)
    whole[..., 3] = alpha
    return whole


FULL = np.full_like(GREY, 255)
ALPHA = {
    "white, drawn by alpha": _rgba(FULL, MASK * 255),
    "black, drawn by alpha": _rgba(FULL * 0, MASK * 255),
    "both say the same": _rgba(MASK * 255, MASK * 255),
    "opaque": _rgba(MASK * 255, FULL),
    "a soft edge": _rgba(FULL, np.where(MASK, 200, 40)),
}


@pytest.mark.parametrize("how", ALPHA)
def test_masks_drawn_by_transparency(tmp_path: Path, how: str) -> None:
    Image.fromarray(ALPHA[how]).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png"), MASK)
    two = ALPHA[how][..., [0, 3]]
    Image.fromarray(two).save(tmp_path / "b.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "b.png"), MASK)


def test_a_mask_that_says_two_things_or_nothing(tmp_path: Path) -> None:
    upper = np.zeros_like(GREY)
    upper[:6] = 255
    Image.fromarray(_rgba(MASK * 255, upper)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="colours and transparency mark different things"):
        read_mask(tmp_path / "a.png")
    for pixels in (FULL, FULL > 0, _rgba(FULL, FULL)):
        Image.fromarray(pixels).save(tmp_path / "b.png")
        with pytest.raises(DataError, match=r"b\.png: all foreground; is it inverted"):
            read_mask(tmp_path / "b.png")


def test_what_is_transparent_is_not_seen(tmp_path: Path) -> None:
    Image.fromarray(_rgba(GREY, MASK * 255)).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image[..., 0], GREY * MASK)


KINDS = ["jpg", "JPEG", "jpe", "jfif", "png", "PNG", "tif", "TIFF", "gif", "bmp", "webp", "jp2",
         "j2k", "jpx", "ppm", "pgm", "pbm", "pnm", "ppm.gz", "PGM.GZ"]  # fmt: skip


@pytest.mark.parametrize("suffix", KINDS)
def test_every_kind_is_known_and_read(tmp_path: Path, suffix: str) -> None:
    smooth = np.add.outer(np.arange(32), np.arange(32)).astype(np.uint8) * 4
    kind = suffix.lower().removesuffix(".gz")
    kind = {"jpe": "jpg", "jfif": "jpg", "pnm": "pgm", "jpx": "jp2"}.get(kind, kind)
    stream = io.BytesIO()
    Image.fromarray(smooth).save(stream, Image.registered_extensions()[f".{kind}"])
    raw = stream.getvalue()
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(gzip.compress(raw) if suffix.lower().endswith(".gz") else raw)
    assert is_image(path)
    assert read_image(path).shape[:2] == (32, 32)


PNG = io.BytesIO()
Image.fromarray(GREY).save(PNG, "PNG")
CAUSES = {
    "a git-lfs pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "a git-annex pointer": b"/annex/objects/SHA256E-s1--0.png",
    "a web page": b"\n<!DOCTYPE html><html>login</html>",
    "a zip archive": b"PK\x03\x04" + bytes(99),
    "gzip-compressed": gzip.compress(PNG.getvalue()),
    "a pdf document": b"%PDF-1.4 ...",
    "nothing but zeros": bytes(5000),
    "HEIC": b"\x00\x00\x00\x18ftypheic" + bytes(99),
    "text that begins 'hello": b"hello world",
    "a NIfTI file": bytes(344) + b"n+1\x00" + bytes(99),
    "unreadable or truncated image": PNG.getvalue()[:90],
    "unreadable or truncated": RNG.bytes(500),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_the_cause_is_said_and_nothing_of_the_decoder(tmp_path: Path, cause: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(CAUSES[cause])
    for read in (read_image, read_mask):
        with pytest.raises(DataError) as caught:
            read(path)
        said = str(caught.value)
        assert cause in said
        assert said.startswith(f"{path}: ")
        assert "BytesIO" not in said
        assert "fetch it again" not in said
        assert "\n" not in said


@pytest.mark.parametrize("suffix", [".png", ".tif", ".ppm", ".bmp", ".ppm.gz"])
def test_lossless_colour_comes_back_exactly(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    stream = io.BytesIO()
    Image.fromarray(COLOUR).save(stream, {".tif": "TIFF", ".bmp": "BMP"}.get(suffix, "PPM")
                                 if suffix != ".png" else "PNG")  # fmt: skip
    raw = stream.getvalue()
    path.write_bytes(gzip.compress(raw) if suffix.endswith(".gz") else raw)
    np.testing.assert_array_equal(read_image(path), COLOUR)


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


NOISE = _encoded(RNG.integers(0, 256, (40, 40, 3), dtype=np.uint8), "PNG")
DAMAGED = {
    "empty": ("a.png", b"", "empty (0 bytes)"),
    "not an image": ("a.jpg", b"hello", "not an image, but text that begins"),
    "truncated": ("a.png", NOISE[:2000], "unreadable or truncated image"),
    "truncated gz": ("a.ppm.gz", gzip.compress(NOISE)[:2000], "truncated gzip"),
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

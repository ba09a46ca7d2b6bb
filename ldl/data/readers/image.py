"""Any image file as uint8, colour or grey, as a person would see it, and masks as booleans.

Everyday files (jpg, png, tif, gif, bmp, webp, jp2, pnm; gzipped or not) by Pillow, upright; DICOM
and JSRT by `ldl.data.readers.medical`. A mask is a file of two values, a soft map with a threshold,
transparency, or run lengths.
"""

import io
import struct
import warnings
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from scipy.ndimage import binary_erosion

from ldl.data.files import LOG, columns, read_bytes, tell_once, unreadable
from ldl.data.readers.medical import JSRT_BYTES, is_dicom, read_dicom, read_jsrt
from ldl.errors import DataError

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".gif", ".bmp", ".webp"),
    *(".jp2", ".j2k", ".jpx", ".ppm", ".pgm", ".pbm", ".pnm"),
)
ORIENTATION = 274  # the tag of EXIF
# Largest difference between channels at which a three-channel file still counts as grey:
# chroma sub-sampling of a jpg that somebody saved as RGB leaves a few levels.
GREY_TOLERANCE = 8
LEVELS, NEAR = 9, 32  # of a mask at most; so near to black or white is nearly so
EDGE = 2  # pixels on each side to which an edge may be blurred
DEPTHS = (8, 10, 12, 14, 16)  # bits that cameras and detectors have


def is_image(path: Path) -> bool:
    """Whether `read_image` knows the kind: by its suffix in any case, DICOM by its content."""
    name = path.name.lower().removesuffix(".gz")
    if name.endswith((*SUFFIXES, ".dcm")):
        return True
    try:
        if name.endswith(".img"):
            return path.stat().st_size == JSRT_BYTES
        with path.open("rb") as stream:
            return is_dicom(stream.read(132))
    except OSError:
        return False


def open_raster(path: Path, *, draft: int | None = None, raw: bytes | None = None) -> Image.Image:
    """Decode a whole file with Pillow and turn it as its EXIF orientation says.

    ``draft``: a jpg may be decoded smaller, as long as both sides keep so many pixels. ``raw`` is
    the content, where that was read already.
    """
    raw = read_bytes(path) if raw is None else raw
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(raw))
            pages = getattr(image, "n_frames", 1)
            if draft is not None:
                image.draft(None, (draft, draft))
            image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        most = Image.MAX_IMAGE_PIXELS or 0
        raise DataError(f"{path}: more than {most:,} pixels; save it smaller") from error
    except Exception as error:  # Pillow raises nearly everything on damaged files
        raise unreadable(path, raw, "an image", error) from error
    if image.format == "JPEG2000" and not raw.rstrip(b"\0").endswith(b"\xff\xd9"):
        raise DataError(f"{path}: truncated jp2 image (no end of its codestream); copy it again")
    if pages > 1 and _stack(image):
        raise DataError(f"{path}: {pages} pages where one image is expected; save one alone")
    # Pillow keeps the upper 8 of 16 bits of a colour; of 12 bits in 16 that is next to nothing.
    deep = image.format == "PNG" and raw[24] == 16 and image.mode in ("RGB", "RGBA")
    if deep and max(high for _, high in image.convert("RGB").getextrema()) < 64:  # type: ignore[misc]
        raise DataError(f"{path}: 16 bits a colour, the upper ones empty; save it with 8 bits")
    try:
        if image.getexif().get(ORIENTATION, 1) != 1:
            tell_once("EXIF", "%s: turned upright as its EXIF orientation says", path)
        ImageOps.exif_transpose(image, in_place=True)
    except Exception as error:  # a damaged tag turns nothing, in any viewer
        LOG.debug("damaged EXIF: %s", error)
    return image


def _stack(image: Image.Image) -> bool:
    """Whether the second page is as large as the first: no thumbnail, but another image."""
    size = image.size
    try:
        image.seek(1)
        same = image.size == size
        image.seek(0)
        image.load()
    except Exception:  # a damaged second page is no second image
        return False
    return same


def pixels_of(image: Image.Image, path: Path) -> np.ndarray:
    """Pixels as (H, W) or (H, W, 3): uint8, bool from 1-bit, uint16 or float as stored.

    Palettes are looked up; where some of it is transparent that part is black, as on a dark
    background.
    """
    if image.mode == "1":
        # Pillow hands out a bool array of the bytes 0 and 255, on which compiled code can crash.
        return np.asarray(image.convert("L")) > 0
    alpha = _alpha(image)
    if image.mode in ("P", "PA", "RGBX", "RGBA", "RGBa"):
        image = image.convert("RGB")
    if image.mode in ("LA", "La"):
        image = image.getchannel(0)
    if image.mode not in ("L", "RGB", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"):
        raise DataError(f"{path}: colour mode {image.mode} where grey or RGB is expected")
    pixels = np.asarray(image)
    white_is_zero = image.format == "TIFF" and getattr(image, "tag_v2", {}).get(262) == 0
    if image.mode.startswith("I;16") and white_is_zero:
        pixels = np.iinfo(np.uint16).max - pixels
    if alpha is not None and alpha.min() < alpha.max():
        share = alpha / np.float32(255)
        pixels = np.rint(pixels * (share if pixels.ndim == 2 else share[..., None]))
        pixels = pixels.astype(np.uint8)
    return pixels


def _alpha(image: Image.Image) -> np.ndarray | None:
    """Opacity (H, W) uint8, 0 transparent; None of an image without."""
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        return np.asarray(image.getchannel(image.getbands()[-1]))
    if image.mode == "P" and "transparency" in image.info:
        return np.asarray(image.convert("RGBA").getchannel("A"))
    return None


def read_image(path: Path) -> np.ndarray:
    """Pixels (H, W) or (H, W, 3), uint8 in 0..255, upright; everyday formats, DICOM, JSRT's IMG."""
    raw = read_bytes(path)
    name = path.name.lower().removesuffix(".gz")
    if is_dicom(raw) or name.endswith(".dcm"):
        return read_dicom(path, raw)
    if name.endswith(".img"):
        return read_jsrt(path, raw)
    return to_uint8(pixels_of(open_raster(path, raw=raw), path), path, _png_depth(raw))


def _png_depth(raw: bytes) -> int:
    """Bits a sample that a png's significant-bits chunk names; 0 where it does not."""
    place = raw.find(b"sBIT", 8, 400)
    if not raw.startswith(b"\x89PNG") or place < 4:
        return 0
    (length,) = struct.unpack(">I", raw[place - 4 : place])
    return raw[place + 4] if 0 < length <= 4 and len(raw) > place + 4 else 0


def to_uint8(pixels: np.ndarray, path: Path, depth: int = 0) -> np.ndarray:
    """8-bit levels: bool to 0/255, floats that hold 0..1, integers by the bits that they fill.

    Detectors write 10, 12 or 14 bits into 16: the smallest of these that holds the values is taken
    for full, and the log says so; ``depth`` where the file says how many bits a sample count.
    """
    if pixels.dtype == bool:
        return pixels.astype(np.uint8) * 255
    if pixels.dtype == np.uint8:
        return pixels
    if not np.isfinite(pixels).all():
        raise DataError(f"{path}: NaN or infinite pixel values; write the image anew")
    low, high = pixels.min(), pixels.max()
    if low < 0 or high > 65535:
        raise DataError(f"{path}: pixel values {low}..{high} outside 0..65535")
    if np.issubdtype(pixels.dtype, np.floating) and high <= 1:
        return np.rint(pixels.astype(np.float64) * 255.0).astype(np.uint8)
    bits = next(one for one in DEPTHS if high <= 2**one - 1)
    bits = depth if bits < depth <= 16 else bits
    if bits < 16:
        words = "%s: %d bits in a larger type, 0..%d becomes 0..255"
        tell_once(f"{bits} bits", words, path, bits, 2**bits - 1)
    return np.rint(pixels.astype(np.float64) * (255.0 / (2**bits - 1))).astype(np.uint8)


def as_colour(pixels: np.ndarray, path: Path) -> np.ndarray:
    """Insist on (H, W, 3)."""
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        found = 1 if pixels.ndim == 2 else pixels.shape[-1]
        raise DataError(f"{path}: {found} channel(s) where a colour image (3) is expected")
    return pixels


def as_grey(pixels: np.ndarray, path: Path) -> np.ndarray:
    """Insist on (H, W); a colour file whose channels agree becomes grey."""
    if pixels.ndim == 2:
        return pixels
    if int(np.ptp(pixels.astype(np.int16), axis=-1).max()) > GREY_TOLERANCE:
        raise DataError(f"{path}: {pixels.shape[-1]} differing channels where grey (1) is expected")
    return pixels[..., 1]


def read_mask(path: Path, *, soft_threshold: int | None = None) -> np.ndarray:
    """Foreground (H, W) bool of a mask file, upright.

    A mask holds 0 and at most one other value (1, 128, 255, or a colour); a soft map may hold
    anything and its foreground lies above ``soft_threshold``. Where transparency alone tells what
    was drawn, the opaque part is the foreground.
    """
    image = open_raster(path)
    mask = _drawn(image, path)
    if mask is None:
        pixels = pixels_of(image, path)
        pixels = pixels.max(axis=-1) if pixels.ndim == 3 else pixels
        if not np.isfinite(pixels).all():
            raise DataError(f"{path}: NaN or infinite values in a mask")
        values = np.unique(pixels) if soft_threshold is None else np.zeros(1)
        if len(values) > 2 or (len(values) == 2 and values[0] != 0):
            shown = ", ".join(str(v) for v in values[:6]) + (" ..." if len(values) > 6 else "")
            raise DataError(
                f"{path}: mask with {len(values)} values ({shown}) where 0 and one other are "
                "expected; was it resized with interpolation or saved as jpg?"
            )
        mask = np.asarray(pixels != 0 if soft_threshold is None else pixels > soft_threshold)
    if mask.all():
        raise DataError(f"{path}: all foreground; is it inverted, or another file?")
    return mask


def read_codes(path: Path) -> np.ndarray:
    """A label map as whole numbers (H, W) int64, upright: 0 is background.

    Grey values stay as they are; of a picture of colours (palettes too) red * 65536 + green * 256 +
    blue is the number; where transparency alone tells what was drawn, 1 is; see `hardened`.
    """
    image = open_raster(path)
    drawn = _drawn(image, path)
    if drawn is not None:
        return drawn.astype(np.int64)
    pixels = pixels_of(image, path)
    if not np.isfinite(pixels).all() or not np.array_equal(pixels, np.rint(pixels)):
        raise DataError(f"{path}: values that are no whole numbers in a mask; save it as png")
    codes = hardened(pixels, path).astype(np.int64)
    return codes if codes.ndim == 2 else np.asarray(codes @ np.array([65536, 256, 1]))


def hardened(pixels: np.ndarray, path: Path) -> np.ndarray:
    """A mask of two levels that jpg or resizing has blurred, as 0 and 255; any other unchanged.

    Blurred is what has more levels than classes could be, of which those between black and the
    brightest make edges and no areas.
    """
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    if pixels.dtype != np.uint8 or pixels.ndim == 3:
        return pixels
    low, high = int(pixels.min()), int(pixels.max())
    between = (pixels >= NEAR) & (pixels <= high - NEAR)
    if low >= NEAR or high < 2 * NEAR or between.mean() > 0.1 or len(np.unique(pixels)) <= LEVELS:
        return pixels
    if binary_erosion(between, iterations=EDGE).any():
        return pixels
    tell_once("blurred", "%s: a mask with blurred edges (saved as jpg?); above %d counts as marked",
              path, high // 2)  # fmt: skip
    return np.where(pixels > high // 2, np.uint8(255), np.uint8(0))


def _drawn(image: Image.Image, path: Path) -> np.ndarray | None:
    """What is opaque, where transparency tells foreground from background; else None."""
    alpha = _alpha(image)
    if alpha is None or alpha.min() == alpha.max():
        return None
    opaque = alpha > 127
    colours = np.asarray(image.convert("RGBA"))[..., :3].max(axis=-1)
    painted = colours > 0
    same = np.ptp(colours) == 0 or np.ptp(colours[opaque]) == 0 or not painted[opaque].any()
    if same and (not painted[opaque].any() or painted[opaque].all()):
        return np.asarray(opaque)
    if not painted[~opaque].any():
        return None  # what is transparent is background, what is opaque has both
    raise DataError(
        f"{path}: colours and transparency mark different things; save the mask in grey"
    )


def decode_rle(runs: str, shape: tuple[int, int]) -> np.ndarray:
    """One row of run lengths as (H, W) bool.

    Numbers come in pairs: how many pixels after the end of the previous run the next one starts,
    and how long it is. Pixels count down the columns, left to right.
    """
    numbers = np.array(runs.split(), dtype=np.int64)
    if len(numbers) % 2 or (numbers < 0).any():
        raise ValueError("not pairs of numbers from 0 up")
    size, end = shape[0] * shape[1], int(numbers.sum())
    if end > size:
        raise ValueError(f"a run ends at pixel {end} of {size}")
    drawn = np.repeat(np.arange(len(numbers) + 1) % 2 == 1, [*numbers, size - end])
    return drawn.reshape(shape[::-1]).T


@lru_cache(maxsize=4)
def _runs(path: Path, stamp: int) -> dict[str, list[str]]:
    """Image id -> its rows; ``stamp`` makes a changed file another key."""
    rows: dict[str, list[str]] = {}
    for name, runs in columns(path, "ImageId", "EncodedPixels"):
        rows.setdefault(name, []).append(runs)
    return rows


def read_rle_mask(path: Path, image_id: str, shape: tuple[int, int]) -> np.ndarray:
    """Union of all runs of one image, (H, W) bool."""
    rows = _runs(path, path.stat().st_mtime_ns if path.is_file() else 0).get(image_id)
    if rows is None:
        raise DataError(f"{path}: no row for image {image_id}")
    try:
        masks = [decode_rle(row, shape) for row in rows if rows != ["-1"]]
    except ValueError as error:
        raise DataError(f"{path}: image {image_id}: {error}; its numbers are damaged") from error
    return np.logical_or.reduce([np.zeros(shape, dtype=bool), *masks])

"""One's own image: the file's pixels, the square that networks see, and the way between them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ldl.data.preprocess import Box, crop, field_of_view, resize_image
from ldl.data.readers.image import as_colour, as_grey, read_image
from ldl.errors import DataError
from ldl.tasks import CHANNELS, Modality

Point = tuple[float, float]  # row, column; the centre of the first pixel is at (0.0, 0.0)
Shape = tuple[int, int]  # rows, columns
# Id, image (C, S, S) uint8, point.
Example = tuple[str, np.ndarray, Point]


def placed(point: Point, original: Shape, shape: Shape, box: Box, size: int) -> Point:
    """A point of the original image in the prepared one: reduced copy, crop, resize.

    Resizing keeps the image's outer edges in place, and these lie half a pixel outside the
    outermost pixel centres.

    Args:
        point: row, column in pixels of the original.
        original: rows, columns of the original.
        shape: of the file at hand, a reduced copy or the original itself.
        box: the part that is cropped, in pixels of the file at hand.
        size: side of the prepared square.
    """
    edges = ((box.top, box.bottom), (box.left, box.right))
    row, column = (
        ((place + 0.5) * here / whole - start) * size / (end - start) - 0.5
        for place, whole, here, (start, end) in zip(point, original, shape, edges, strict=True)
    )
    return row, column


def taken_back(point: Point, box: Box, size: int) -> Point:
    """A point of the prepared image in the file that it was cropped from and resized.

    Args:
        point: row, column in pixels of the prepared square.
        box: the part that was cropped, in pixels of the file.
        size: side of the prepared square.
    """
    edges = ((box.top, box.bottom), (box.left, box.right))
    row, column = (
        (place + 0.5) * (end - start) / size + start - 0.5
        for place, (start, end) in zip(point, edges, strict=True)
    )
    return row, column


def centroid(mask: np.ndarray) -> Point:
    """Mean row and column of the foreground of (H, W), which is not empty."""
    rows, columns = np.nonzero(mask)
    return float(rows.mean()), float(columns.mean())


@dataclass(frozen=True)
class Picture:
    """An image of a file.

    Attributes:
        path: the file.
        pixels: (H, W) or (H, W, 3) uint8, as in the file.
        square: (C, S, S) uint8, cropped to the field of view (fundus) and resized.
        box: what is cropped, in pixels of the file.
    """

    path: Path
    pixels: np.ndarray
    square: np.ndarray
    box: Box

    @property
    def size(self) -> int:
        """S."""
        return int(self.square.shape[-1])

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the file."""
        return int(self.pixels.shape[0]), int(self.pixels.shape[1])

    def to_square(self, point: Point) -> Point:
        """(row, column) of the file -> of the square; the first pixel's centre is at (0.0, 0.0)."""
        return placed(point, self.shape, self.shape, self.box, self.size)

    def to_file(self, point: Point) -> Point:
        """(row, column) of the square -> of the file."""
        return taken_back(point, self.box, self.size)


def picture(path: Path, modality: Modality, size: int) -> Picture:
    """Read one image as the networks were trained to see it.

    Args:
        path: jpg, png, tif, DICOM and others, see :func:`ldl.data.readers.image.read_image`.
        modality: fundus is colour and cropped to what is lit; the others are taken whole.
        size: S, side of the square in pixels.

    Raises:
        DataError: no such file, unreadable, of other channels than the modality, or nothing lit.
    """
    if not path.is_file():
        why = "a folder; name an image in it" if path.is_dir() else "no such image file"
        raise DataError(f"{path}: {why}")
    return pictured(read_image(path), path, modality, size)


def pictured(pixels: np.ndarray, path: Path, modality: Modality, size: int) -> Picture:
    """The same from pixels (H, W) or (H, W, 3) uint8; ``path`` is named in errors."""
    if CHANNELS[modality] == 1:
        grey = as_grey(pixels, path)
        return Picture(path, grey, resize_image(grey, size), Box(0, len(grey), 0, grey.shape[1]))
    if modality == "colour" and pixels.ndim == 2:  # a grey one among them
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    colour = as_colour(pixels, path)
    box = Box(0, len(colour), 0, colour.shape[1])
    if modality == "fundus":
        box = field_of_view(colour, path)
    return Picture(path, colour, resize_image(crop(colour, box), size), box)

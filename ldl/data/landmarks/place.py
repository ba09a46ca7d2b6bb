"""From a point of the original image to the prepared one."""

import numpy as np

from ldl.data.preprocess import Box

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

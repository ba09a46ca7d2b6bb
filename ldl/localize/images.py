"""What localization expects of an image and a point, said in one line when it is not met."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ldl.errors import ConfigError, DataError

Point = tuple[float, float]  # (row, column) in pixels, the first pixel's centre at (0.0, 0.0)
Window = tuple[float, float]  # rows, columns in pixels
LEAST_WINDOW = 2.0
GREY_LEVEL = 1 / 255


def as_image(image: Any, name: str) -> Tensor:
    """(C, H, W) uint8 0..255 or float 0..1, tensor or array -> (C, H, W) float32 0..1."""
    given = image if isinstance(image, Tensor) else torch.from_numpy(np.array(image))
    if given.ndim != 3 or 0 in given.shape:
        raise DataError(
            f"{name} has shape {tuple(given.shape)}; (channels, rows, columns) is asked"
        )
    values = given.float() / 255 if given.dtype == torch.uint8 else given.float()
    if not values.isfinite().all():
        raise DataError(f"{name} has pixels that are not finite; mend or leave out that image")
    low, high = float(values.min()), float(values.max())
    if low < -GREY_LEVEL or high > 1 + GREY_LEVEL:
        raise DataError(f"{name} has values {low:.3g}..{high:.3g}; give uint8, or float in 0..1")
    return values


def is_blank(image: Tensor) -> bool:
    """Whether no channel of (C, H, W) in 0..1 spans a grey level."""
    flat = image.flatten(1)
    return bool((flat.amax(1) - flat.amin(1)).max() < GREY_LEVEL)


def check_point(point: Point, shape: tuple[int, int]) -> Point:
    """Refuse a point outside the pixels of an image: -0.5 to H - 0.5, -0.5 to W - 0.5."""
    place = tuple(float(value) for value in point)
    if len(place) != 2 or not all(math.isfinite(value) for value in place):
        raise ConfigError(f"point is {place}; give (row, column) as two finite numbers")
    row, column = place
    if not (-0.5 <= row <= shape[0] - 0.5 and -0.5 <= column <= shape[1] - 0.5):
        raise ConfigError(
            f"point (row {row:g}, column {column:g}) lies outside the support image of "
            f"{shape[0]} rows and {shape[1]} columns"
        )
    return row, column


def window_for(window: float, support: tuple[int, int], image: tuple[int, int]) -> Window:
    """``window``, in pixels of the support, as (rows, columns) in pixels of another image.

    An image of another size is taken for the same field of view at another sampling: rows and
    columns scale on their own.
    """
    if not LEAST_WINDOW <= window <= min(support):
        raise ConfigError(
            f"window is {window} pixels; it must lie between {LEAST_WINDOW:g} and the support's "
            f"smaller side, {min(support)}"
        )
    rows, columns = (window * there / here for there, here in zip(image, support, strict=True))
    if min(rows, columns) < LEAST_WINDOW:
        raise ConfigError(
            f"window of {window:g} pixels is {min(rows, columns):.2g} in a query of "
            f"{image[0]}x{image[1]}; enlarge the query or the window"
        )
    return rows, columns

"""The test stage of LDL section 5.2: every pixel's window vector by one separable convolution."""

import math

import torch
from torch import Tensor

from ldl.localize.images import Point, Window
from ldl.losses.vectors import symmetric_kernel
from ldl.runs.localize import SIGMA
from ldl.sphere import full_precision, unit


def filtered(embedding: Tensor, window: Window, *, sigma: float | None = SIGMA) -> Tensor:
    """Eq. 26: the embedding filtered with the centre-sensitive kernel, unit again at every pixel.

    The convolution is separable, and each factor is written as a banded matrix: two matrix
    products over all channels, which is faster than a depthwise convolution from a few taps on.
    Where the window leaves the image the kernel is cut and its weights are divided by their sum.

    Args:
        embedding: (..., H, W) with the embedding dimension third from last.
        window: rows, columns in pixels.
        sigma: of Eq. 24, relative to half the window; None averages evenly.

    Returns:
        the same shape, float32 (float64 for float64).
    """
    values = full_precision(embedding)
    height, width = values.shape[-2:]
    rows = _band(height, window[0], sigma).to(values)
    columns = _band(width, window[1], sigma).to(values)
    return unit(rows @ (values @ columns.T), dim=-3)


def _band(length: int, window: float, sigma: float | None) -> Tensor:
    """(length, length): row i holds the kernel about pixel i, cut at the border, with sum 1."""
    kernel = symmetric_kernel(window, sigma=sigma)
    reach = len(kernel) // 2
    number = torch.arange(length)
    offset = number[None, :] - number[:, None]
    taps = kernel[(offset + reach).clamp(0, len(kernel) - 1)]
    band = torch.where(offset.abs() <= reach, taps, 0.0)
    return band / band.sum(dim=1, keepdim=True)


def vector_at(maps: Tensor, point: Point) -> Tensor:
    """The unit vector of (K, H, W) at (row, column), bilinear between pixel centres: (K,).

    Between the outermost pixel centres and the border it is that of the nearest centre.
    """
    (top, bottom, down), (left, right, along) = (
        _between(place, length) for place, length in zip(point, maps.shape[-2:], strict=True)
    )
    upper = (1 - along) * maps[:, top, left] + along * maps[:, top, right]
    lower = (1 - along) * maps[:, bottom, left] + along * maps[:, bottom, right]
    return unit((1 - down) * upper + down * lower, dim=0)


def _between(place: float, length: int) -> tuple[int, int, float]:
    inside = min(max(place, 0.0), length - 1.0)
    before = min(math.floor(inside), max(length - 2, 0))
    return before, min(before + 1, length - 1), inside - before

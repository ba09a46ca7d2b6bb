"""Pooling windows of one-shot localization, LDL sections 5.2 and 6.3.1 (Eq. 24-25).

``ms`` is a window of random size in place of the fixed grid, ``cs`` its centre-sensitive weights.
Kernels are one-dimensional: Eq. 24 is the product of a row and a column factor.
"""

import torch
from torch import Generator, Tensor

from ldl.errors import ConfigError
from ldl.rng import sent
from ldl.runs.localize import SIGMA
from ldl.sphere import full_precision, unit

# The random window's range as a share of the crop: 28 to 112 pixels of 448.
SMALLEST, LARGEST = 1 / 16, 1 / 4


def draw_window(crop: int, generator: Generator) -> int:
    """``ms``: the side of one step's pooling window in pixels, uniform from crop/16 to crop/4.

    One window a step, because a vector and its positive must come from the same cells.

    Args:
        crop: side of the views; 448 gives the paper's 28 to 112.
        generator: on the CPU.
    """
    low = max(1, round(crop * SMALLEST))
    high = max(low, round(crop * LARGEST))
    return int(torch.randint(low, high + 1, (), generator=generator))


def centre_kernel(size: int, *, sigma: float = SIGMA) -> Tensor:
    """One factor of Eq. 24 as printed: exp(-(h / h_cen - 1)^2 / 2 sigma^2), h_cen = size / 2.

    h runs over 0..size-1, so the kernel is lopsided by half a pixel: an even one has its largest
    weight, 1, at size / 2 and its smallest at 0.

    Args:
        size: side of the window in pixels, at least 1.
        sigma: above 0; 0.5 in the paper.

    Returns:
        (size,) float64 in (0, 1].

    Raises:
        ConfigError: size or sigma out of range.
    """
    if size < 1:
        raise ConfigError(f"window is {size} pixels; it must be at least 1")
    return _fall(torch.arange(size, dtype=torch.float64) / (size / 2) - 1, sigma)


def symmetric_kernel(window: float, *, sigma: float | None = SIGMA) -> Tensor:
    """Eq. 24 about a pixel: the mean of the printed kernel and its mirror image.

    For the test stage (Eq. 26), where every pixel is the centre of a window: a lopsided kernel
    would move the map by half a pixel and break its turning with the image. The taps lie at
    -r..r pixels and the outermost counts with the part of it that the window covers, so any
    ``window`` above 0 is allowed, a fraction of a pixel too.

    Args:
        window: side in pixels, above 0.
        sigma: above 0; None gives every pixel of the window the same weight (no ``cs``).

    Returns:
        (2 r + 1,) float64 with sum 1, r the largest distance that the window touches.

    Raises:
        ConfigError: window or sigma out of range.
    """
    if not window > 0:
        raise ConfigError(f"window is {window} pixels; it must be above 0")
    reach = int(-(-(window - 1) // 2))
    distance = torch.arange(-reach, reach + 1, dtype=torch.float64)
    weight = (window / 2 - distance.abs() + 0.5).clamp(0, 1)
    if sigma is not None:
        weight = weight * _fall(distance / (window / 2), sigma)
    return weight / weight.sum()


def window_vectors(embedding: Tensor, size: int, *, sigma: float | None = None) -> Tensor:
    """Eq. 25: one unit vector for each window of ``size`` x ``size`` pixels, side by side.

    What the last windows do not reach (H mod ``size`` rows, W mod ``size`` columns at the lower
    right) is left out, as an average pooling layer does. Maps of turned views must therefore be
    turned back before, not after: unlike a grid that divides the map, windows do not commute with
    a turn.

    Args:
        embedding: (B, K, H, W) pixel embeddings v_n.
        size: side of the window in pixels, 1 to the smaller side of the map.
        sigma: of the centre-sensitive weights (``cs``); None averages evenly (``ms`` alone).

    Returns:
        (B, P, K) float32 unit vectors, P = (H // size) (W // size) windows in row-major order.

    Raises:
        ConfigError: size or sigma out of range.
    """
    height, width = embedding.shape[-2:]
    if not 1 <= size <= min(height, width):
        raise ConfigError(f"window is {size} pixels; a map of {height}x{width} takes 1 to its side")
    values = full_precision(embedding)
    even = torch.full((size,), 1 / size, dtype=torch.float64)
    kernel = sent(even if sigma is None else centre_kernel(size, sigma=sigma), values)
    rows, columns = height // size, width // size
    kept = values[..., : rows * size, : columns * size]
    across = kept.unflatten(-1, (columns, size)) @ (kernel / kernel.sum())
    both = (kernel / kernel.sum()) @ across.unflatten(-2, (rows, size))
    return unit(both.flatten(2).transpose(1, 2))


def _fall(distance: Tensor, sigma: float) -> Tensor:
    if not sigma > 0:
        raise ConfigError(f"sigma is {sigma}; it must be above 0")
    return torch.exp(-distance.square() / (2 * sigma**2))

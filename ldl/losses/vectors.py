"""From pixel embeddings to unit vectors: of patches (LDL Eq. 3, 13), windows (24-25), regions (9).

For one-shot localization (sections 5.2, 6.3.1) ``ms`` is a window of random size in place of the
fixed grid, ``cs`` its centre-sensitive weights: one-dimensional, since Eq. 24 is the product of a
row and a column factor.
"""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from ldl.errors import ConfigError
from ldl.rng import sent
from ldl.runs.localize import SIGMA
from ldl.sphere import full_precision, unit

# The random window's range as a share of the crop: 28 to 112 pixels of 448.
SMALLEST, LARGEST = 1 / 16, 1 / 4


def patch_vectors(embedding: Tensor, grid: int) -> Tensor:
    """Eq. 3: v_n (B, K, H, W) -> s_n(i) (B, grid * grid, K) float32, cells in row-major order.

    A cell is as Eq. 3 rounds it where ``grid`` does not divide H or W (adaptive pooling). The mean
    in place of the sum makes no difference after normalisation.
    """
    cells = F.adaptive_avg_pool2d(full_precision(embedding), grid)
    return unit(cells.flatten(2).transpose(1, 2))


def region_vectors(embedding: Tensor, assignment: Tensor) -> Tensor:
    """Eq. 9: v_n (B, K, H, W) and r_n (B, C, H, W) in 0..1 -> t_nc (B, C, K) float32.

    A matrix product over pixels: the (B, C, K, H, W) product is never materialised.
    """
    pixels = full_precision(embedding).flatten(2).transpose(1, 2)
    weighted = full_precision(assignment).flatten(2).to(pixels.dtype) @ pixels
    return unit(weighted / pixels.shape[1])


def draw_window(crop: int, generator: Generator) -> int:
    """``ms``: the side of one step's pooling window in pixels, uniform from crop/16 to crop/4.

    One window a step, because a vector and its positive must come from the same cells. A crop of
    448 gives the paper's 28 to 112; the generator is on the CPU.
    """
    low = max(1, round(crop * SMALLEST))
    high = max(low, round(crop * LARGEST))
    return int(torch.randint(low, high + 1, (), generator=generator))


def window_vectors(embedding: Tensor, size: int, *, sigma: float | None = None) -> Tensor:
    """Eq. 25: v_n (B, K, H, W) -> (B, P, K) float32, one for each window of ``size`` x ``size``.

    P = (H // size) (W // size) windows side by side in row-major order; what the last ones do not
    reach is left out, as an average pooling layer does. Maps of turned views must therefore be
    turned back before, not after: unlike a grid that divides the map, windows do not commute with
    a turn. ``sigma`` is of the weights (``cs``); None averages evenly (``ms`` alone).
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


def centre_kernel(size: int, *, sigma: float = SIGMA) -> Tensor:
    """One factor of Eq. 24 as printed: exp(-(h / h_cen - 1)^2 / 2 sigma^2), h_cen = size / 2.

    h runs over 0..size-1, so the (size,) float64 kernel in (0, 1] is lopsided by half a pixel: an
    even one has its largest weight, 1, at size / 2 and its smallest at 0.
    """
    if size < 1:
        raise ConfigError(f"window is {size} pixels; it must be at least 1")
    return _fall(torch.arange(size, dtype=torch.float64) / (size / 2) - 1, sigma)


def symmetric_kernel(window: float, *, sigma: float | None = SIGMA) -> Tensor:
    """Eq. 24 about a pixel: the mean of the printed kernel and its mirror image, sum 1.

    For the test stage (Eq. 26), where every pixel is the centre of a window: a lopsided kernel
    would move the map by half a pixel and break its turning with the image. The (2 r + 1,) float64
    taps lie at -r..r pixels and the outermost counts with the part of it that the window covers, so
    any ``window`` above 0 is allowed. ``sigma`` None weighs every pixel the same (no ``cs``).
    """
    if not window > 0:
        raise ConfigError(f"window is {window} pixels; it must be above 0")
    reach = int(-(-(window - 1) // 2))
    distance = torch.arange(-reach, reach + 1, dtype=torch.float64)
    weight = (window / 2 - distance.abs() + 0.5).clamp(0, 1)
    if sigma is not None:
        weight = weight * _fall(distance / (window / 2), sigma)
    return weight / weight.sum()


def _fall(distance: Tensor, sigma: float) -> Tensor:
    if not sigma > 0:
        raise ConfigError(f"sigma is {sigma}; it must be above 0")
    return torch.exp(-distance.square() / (2 * sigma**2))

"""Smooth random fields over a volume: uniform cubic B-splines through normal coefficients.

What a field shows does not depend on the number of voxels: its coefficients lie on a lattice given
in millimetres, and the spline is evaluated at the voxel centres, axis by axis as a matrix product.
"""

from __future__ import annotations

import functools

import numpy as np

Array = np.ndarray
# The mean over a cell of the sum of squared B-spline weights, along one axis.
POWER = 151.0 / 315.0


@functools.lru_cache(maxsize=128)
def weights(count: int, extent: float, scale: float) -> Array:
    """Spline weights (count, cells) float32 of `count` voxel centres along `extent` mm, cells of
    `scale` mm.
    """
    at = (np.arange(count) + 0.5) * extent / count / scale
    cell = np.floor(at).astype(int)
    t = at - cell
    parts = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    matrix = np.zeros((count, int(np.ceil(extent / scale)) + 4), np.float32)
    for k, part in enumerate(parts):
        matrix[np.arange(count), cell + k] = part / 6.0
    matrix.setflags(write=False)
    return matrix


def smooth_noise(
    rng: np.random.Generator,
    shape: tuple[int, int, int],
    extent: tuple[float, float, float],
    scale: float,
    box: tuple[slice, slice, slice] | None = None,
) -> Array:
    """Noise of about unit variance, float32, over the volume or over the part `box` of it.

    shape and extent (mm) are (z, y, x); `scale` is the lattice constant in mm.
    """
    along = [weights(n, length, scale) for n, length in zip(shape, extent, strict=True)]
    lattice = rng.standard_normal([w.shape[1] for w in along], dtype=np.float32)
    wz, wy, wx = (w[part] for w, part in zip(along, box or (slice(None),) * 3, strict=True))
    field = (wz @ lattice.reshape(len(lattice), -1)).reshape(len(wz), *lattice.shape[1:])
    return np.matmul(np.matmul(wy, field), wx.T) / np.float32(POWER**1.5)


def wave(rng: np.random.Generator, count: int, period: float) -> Array:
    """Smooth noise of about unit variance along a line of `count` samples, float32 (count,)."""
    line = weights(count, float(count), float(period))
    normal = rng.standard_normal(line.shape[1], dtype=np.float32)
    return (line @ normal) / np.float32(POWER**0.5)

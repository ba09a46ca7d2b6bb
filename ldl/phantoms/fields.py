"""Smooth random fields and soft shapes, the paint of every phantom.

All of them return float32 arrays (size, size). What a field shows does not depend on `size`: grids
of fixed resolution are drawn and then interpolated, so that one scene can be rendered at 64 or at
512 pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image
from scipy import ndimage

from ldl.rng import numpy_generator

Array = np.ndarray
Streams = Callable[[str], np.random.Generator]


def streams(seed: int, *names: str) -> Streams:
    """One independent generator per ingredient of an image: `streams(0, "fundus",
    "7")("vessels")`.
    """
    return lambda ingredient: numpy_generator(seed, "phantom", *names, ingredient)


def resize(grid: Array, size: int) -> Array:
    """Bicubic interpolation of a small grid (h, w) to (size, size)."""
    image = Image.fromarray(np.ascontiguousarray(grid, dtype=np.float32))
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC))


def fractal(
    rng: np.random.Generator, size: int, first: int, octaves: int, fall: float = 0.6
) -> Array:
    """Fractal noise of about unit variance; its coarsest grid has `first` cells a side.

    `fall` is the amplitude ratio of an octave to the one before. Octaves finer than the image are
    drawn too, so that the stream goes on at the same place for every `size`, but not added.
    """
    total = np.zeros((size, size), np.float32)
    power = 0.0
    for octave in range(octaves):
        cells = first * 2**octave
        grid = rng.standard_normal((cells, cells), dtype=np.float32)
        power += fall ** (2 * octave)
        if cells <= size:
            total += np.float32(fall**octave) * resize(grid, size)
    return total / np.float32(0.8 * np.sqrt(power))


def blur(image: Array, sigma: float) -> Array:
    """Gaussian blur in pixels over the first two axes; nothing below a fifth of a pixel."""
    if sigma < 0.2:
        return image
    full = (sigma, sigma) + (0.0,) * (image.ndim - 2)
    return ndimage.gaussian_filter(image, full, mode="nearest", truncate=3.0)


def step(distance: Array, softness: float) -> Array:
    """1 where distance is well below zero, 0 well above, with a smooth edge of the given half
    width.
    """
    t = np.clip(0.5 - 0.5 * distance / softness, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def threshold(soft: Array, level: float) -> Array:
    """Where a soft map exceeds the level; its highest pixel at least, if it is not empty."""
    mask = soft > level
    return mask if mask.any() else soft >= max(float(soft.max()), 1e-6)


def bump(
    x: Array, y: Array, centre: Sequence[float] | Array, spread: Sequence[float] | Array
) -> Array:
    """A Gaussian hill of height 1; centre and spread are (x, y)."""
    return np.exp(-0.5 * (((x - centre[0]) / spread[0]) ** 2 + ((y - centre[1]) / spread[1]) ** 2))

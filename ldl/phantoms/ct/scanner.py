"""From the painted body to the reconstructed scan: resolution, shading, streaks, noise."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .canvas import Scene
from .fields import Array, wave

LOWEST, HIGHEST = -1024, 3071
METAL = 2600.0


def scan(scene: Scene) -> Array:
    """The scan in Hounsfield units, int16 (Z, Y, X)."""
    rng, image = scene.draw("scanner"), scene.image
    streaks = _streaks(scene.draw("streaks"), image)
    sigma = rng.uniform(0.3, 0.5)
    image = ndimage.gaussian_filter(
        image, (rng.uniform(0.2, 0.4), sigma, sigma), mode="nearest", truncate=2.5
    )
    body = np.clip((image + 600.0) / 500.0, 0.0, 1.0)
    shading = rng.uniform(2.0, 9.0) * scene.grid.noise(rng, 120.0) + rng.normal(0.0, 3.0)
    image = image + body * shading + streaks * (0.25 + 0.75 * body)
    image = image + _noise(scene.draw("grain"), scene, body)
    return np.clip(np.rint(image), LOWEST, HIGHEST).astype(np.int16)


def _noise(rng: np.random.Generator, scene: Scene, body: Array) -> Array:
    """Grain of the reconstruction: correlated in the slice, stronger through thick bodies."""
    sigma, level = rng.uniform(0.35, 0.75), rng.uniform(6.0, 18.0)
    grain = rng.standard_normal(scene.grid.shape, dtype=np.float32)
    grain = ndimage.gaussian_filter(grain, (0.0, sigma, sigma), mode="wrap", truncate=2.5)
    grain /= grain.std()
    per_slice = 0.85 + 0.3 * body.mean((1, 2), keepdims=True) / body.mean()
    return level * per_slice.astype(np.float32) * (0.35 + 0.65 * body) * grain


def _streaks(rng: np.random.Generator, image: Array) -> Array:
    """Dark and bright rays between and around metal, and across slices full of bone."""
    out = np.zeros_like(image)
    depth, height, width = image.shape
    rows = np.arange(height, dtype=np.float32)[:, None]
    columns = np.arange(width, dtype=np.float32)[None, :]
    metal = image > METAL
    for z in np.flatnonzero(metal.any((1, 2))):
        spots = np.argwhere(metal[z])
        for y, x in spots[rng.permutation(len(spots))[:4]]:
            dy, dx = rows - y, columns - x
            turn = np.arctan2(dy, dx) / (2 * np.pi) * 256
            rays = np.take(wave(rng, 257, 7.0), turn.astype(int), mode="wrap")
            out[z] += 120.0 * rays / (1.0 + np.hypot(dy, dx) * (64.0 / width) / 6.0)
    bone = np.clip(image - 250.0, 0.0, 900.0).sum(2, keepdims=True) * (64.0 / width)
    band = np.minimum(bone / 9000.0, 1.5) * rng.uniform(0.0, 14.0)
    return out + band * rng.standard_normal((depth, height, 1), dtype=np.float32)

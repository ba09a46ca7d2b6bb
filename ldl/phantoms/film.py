"""From attenuation to the developed film: scatter, tone, noise, and what is stuck on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ldl.phantoms.fields import Array, Streams, blur, step


@dataclass(frozen=True)
class Film:
    """How a department develops its films; pairs are ranges to draw from uniformly.

    level, contrast: of the tone curve. washed: share of scattered light. labels, border, marker,
    opacities: chances of blacked-out names, a border, a side letter, infiltrates. density:
    brightest and darkest tone. zoom, shift: of the patient on the film.
    """

    level: tuple[float, float] = (-0.3, 0.35)
    contrast: tuple[float, float] = (0.8, 1.8)
    washed: tuple[float, float] = (0.0, 0.25)
    gamma: tuple[float, float] = (0.8, 1.3)
    zoom: tuple[float, float] = (0.72, 1.08)
    shift: float = 0.05
    roll: float = 0.03
    noise: tuple[float, float] = (0.002, 0.012)
    labels: float = 0.0
    border: float = 0.2
    marker: float = 0.5
    opacities: float = 0.4
    density: tuple[float, float] = (0.85, 1.0)


JSRT = Film(
    level=(0.42, 0.6), contrast=(1.3, 1.9), washed=(0.1, 0.3), zoom=(0.92, 1.14), shift=0.045,
    roll=0.02, noise=(0.002, 0.006), labels=0.8, border=0.5, marker=0.0, opacities=0.05,
    density=(0.97, 1.0),
)  # fmt: skip
NIH = Film()
SIIM = Film(level=(-0.2, 0.3), contrast=(0.9, 1.9))


def develop(draw: Streams, film: Film, attenuation: Array, x: Array, y: Array) -> Array:
    """Scatter, optics, tone curve, noise, labels and borders: (size, size) uint8.

    `x` and `y` (size, size) are the anatomical coordinates of the pixels.
    """
    rng, size = draw("film"), len(x)
    signal = attenuation + _abdomen(rng, x, y)
    signal += rng.uniform(*film.washed) * (blur(signal, 0.1 * size) - signal)
    signal += float(rng.normal(0, 0.05)) * x + float(rng.normal(0, 0.04)) * y
    signal = blur(signal, rng.uniform(0.001, 0.004) * size)
    slope, level = 2.0 * rng.uniform(*film.contrast), 0.85 - rng.uniform(*film.level)
    tone = (1.0 / (1.0 + np.exp(slope * (level - signal)))) ** rng.uniform(*film.gamma)
    high = rng.uniform(*film.density)
    tone = tone * high + (1.0 - tone) * 0.35 * (1.0 - high)
    grain = draw("noise").standard_normal((size, size), dtype=np.float32)
    tone += rng.uniform(*film.noise) * grain
    return np.clip(np.rint(255.0 * _stickers(rng, film, tone)), 0, 255).astype(np.uint8)


def _abdomen(rng: np.random.Generator, x: Array, y: Array) -> Array:
    """Liver and stomach below the diaphragm, with a bubble of gas on the left."""
    wide, low = rng.uniform(0.08, 0.2), rng.uniform(0.76, 0.86)
    bubble = step(np.hypot((x - 0.42) / wide, (y - low) / 0.08) - 1.0, 0.3)
    return rng.uniform(0.1, 0.35) * step(0.62 - y, 0.25) - rng.uniform(0.0, 0.35) * bubble


def _stickers(rng: np.random.Generator, film: Film, tone: Array) -> Array:
    """Blacked-out names, bright borders, a side letter, as films carry them."""
    size = len(tone)
    tone = tone.copy()
    spots = rng.random(8)
    if spots[0] < film.labels:
        high, left, right = int(0.06 * size), int((0.08 + 0.1 * spots[1]) * size), int(0.26 * size)
        tone[:high, left:right] = 0.02
        tone[:high, int((0.72 + 0.1 * spots[2]) * size) : int(0.9 * size)] = 0.02
    if spots[3] < film.border:
        edge = max(1, int(size * (0.008 + 0.02 * spots[4])))
        tone[:, -edge:] = tone[:edge] = 0.97 if spots[5] < 0.6 else 0.02
    if spots[6] < film.marker:
        row, column = int((0.08 + 0.1 * spots[7]) * size), int(0.9 * size)
        tone[row : row + max(2, size // 18), column : column + max(1, size // 40)] = 0.95
    return tone

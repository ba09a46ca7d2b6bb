"""The paint of every phantom: smooth random fields and soft edges, anti-aliased tubes and dots.

What a field shows does not depend on the number of pixels: its coefficients lie on a lattice of
fixed extent, so that one scene can be rendered at 64 or at 512 pixels. A stroke thinner than a
pixel keeps a full pixel's footprint and loses density instead, as averaging a fine drawing down to
the pixel grid would.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray
from scipy import ndimage

from ldl.rng import numpy_generator

Array = NDArray
Streams = Callable[[str], np.random.Generator]
# The mean over a cell of the sum of squared B-spline weights, along one axis.
POWER = 151.0 / 315.0


def streams(seed: int, *names: str | int) -> Streams:
    """One independent generator per ingredient: `streams(0, "fundus", 7)("vessels")`."""
    return lambda ingredient: numpy_generator(seed, "phantom", *map(str, names), ingredient)


@functools.cache
def anatomy(name: str) -> dict[str, Any]:
    """The tables of ``anatomy/<name>.yaml``."""
    path = Path(__file__).parent / "anatomy" / f"{name}.yaml"
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


@functools.lru_cache(maxsize=256)
def weights(count: int, extent: float, scale: float) -> Array:
    """Cubic B-spline weights (count, cells) float32 of pixel centres along `extent`."""
    at = (np.arange(count) + 0.5) * extent / count / scale
    cell = np.floor(at).astype(int)
    t = at - cell
    parts = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    matrix = np.zeros((count, int(np.ceil(extent / scale)) + 4), np.float32)
    for k, part in enumerate(parts):
        matrix[np.arange(count), cell + k] = part / 6.0
    matrix.setflags(write=False)
    return matrix


def noise(
    rng: np.random.Generator,
    shape: Sequence[int],
    extent: Sequence[float],
    scale: float,
    box: tuple[slice, ...] | None = None,
) -> Array:
    """Noise of about unit variance, float32, over an image or volume or the part ``box`` of it.

    ``scale`` is the lattice constant in the unit of ``extent``. Normal coefficients, interpolated
    axis by axis as matrix products.
    """
    along = [weights(n, length, scale) for n, length in zip(shape, extent, strict=True)]
    field = rng.standard_normal([w.shape[1] for w in along], dtype=np.float32)
    parts = [w[part] for w, part in zip(along, box or (slice(None),) * len(along), strict=True)]
    if len(parts) == 3:
        head = field.shape[1:]
        field = (parts[0] @ field.reshape(len(field), -1)).reshape(len(parts[0]), *head)
    field = np.matmul(np.matmul(parts[-2], field), parts[-1].T)
    return field / np.float32(POWER ** (0.5 * len(parts)))


def wave(rng: np.random.Generator, count: int, period: float) -> Array:
    """Smooth noise of about unit variance along a line of `count` samples, float32 (count,)."""
    line = weights(count, float(count), float(period))
    return (line @ rng.standard_normal(line.shape[1], dtype=np.float32)) / np.float32(POWER**0.5)


def fractal(
    rng: np.random.Generator, size: int, first: int, octaves: int, fall: float = 0.6
) -> Array:
    """Fractal noise (size, size) of about unit variance; its coarsest lattice has `first` cells a
    side.

    `fall` is the amplitude ratio of an octave to the one before. Octaves finer than the image are
    drawn too, so that the stream goes on at the same place for every `size`, but not added.
    """
    total = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        cells = first * 2**octave
        if cells > size:
            rng.standard_normal((cells + 4, cells + 4), dtype=np.float32)
            continue
        total += np.float32(fall**octave) * noise(rng, (size, size), (1.0, 1.0), 1.0 / cells)
    return total / np.float32(np.sqrt(sum(fall ** (2 * k) for k in range(octaves))))


def resize(image: Array, size: int) -> Array:
    """A coarse square map (h, h), interpolated to (size, size)."""
    return ndimage.zoom(image, size / len(image), order=1, mode="nearest", grid_mode=True)


def blur(image: Array, sigma: float) -> Array:
    """Gaussian blur of square maps (..., n, n), normalised at the border; none below 0.2 pixels."""
    if sigma < 0.2:
        return image
    image, n = np.asarray(image, np.float32), image.shape[-1]
    away = np.arange(n)
    fall = np.exp(-0.5 * (away / sigma) ** 2).astype(np.float32)
    kernel = fall[np.abs(away[:, None] - away)]
    kernel /= kernel.sum(1, keepdims=True)
    return np.matmul(np.matmul(kernel, image), kernel.T)


def step(distance: Array, softness: float) -> Array:
    """1 where distance is well below zero, 0 well above, with a smooth edge of that half width."""
    t = np.clip(0.5 - 0.5 * distance / softness, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def threshold(soft: Array, level: float) -> Array:
    """Where a soft map exceeds the level; its highest pixel at least, if it is not empty."""
    mask = soft > level
    return mask if mask.any() else soft >= max(float(soft.max()), 1e-6)


def curve(points: Array, per_span: int, *, closed: bool = False) -> Array:
    """Points on the Catmull-Rom curve through (m, d); splines of scipy cost ten times as much."""
    p = np.asarray(points, float)
    before, after = (p[-1:], p[:2]) if closed else (2 * p[:1] - p[1:2], 2 * p[-1:] - p[-2:-1])
    ends = np.concatenate([before, p, after])
    p, slope = ends[1:-1], 0.5 * (ends[2:] - ends[:-2])
    t = (np.arange(per_span) / per_span)[:, None]
    rise, out, back = t * t * (3 - 2 * t), t * (1 - t) ** 2, t * t * (t - 1)
    a, b, m, n = p[:-1, None], p[1:, None], slope[:-1, None], slope[1:, None]
    line = (a + rise * (b - a) + out * m + back * n).reshape(-1, p.shape[1])
    return line if closed else np.concatenate([line, p[-1:]])


def rgb(colour: Sequence[float] | Array) -> Array:
    """A colour as (3, 1, 1) float32, to meet maps (n, n) and pictures (3, n, n)."""
    return np.array(colour, np.float32)[:, None, None]


def bump(
    x: Array, y: Array, centre: Sequence[float] | Array, spread: Sequence[float] | Array
) -> Array:
    """A Gaussian hill of height 1; centre and spread are (x, y)."""
    (cx, cy), (sx, sy) = map(float, centre), map(float, spread)
    return np.exp(-0.5 * (((x - cx) / sx) ** 2 + ((y - cy) / sy) ** 2))


REACHES = (2, 3, 4, 6, 9, 14, 22, 40, 80)


class Samples(NamedTuple):
    """Points (n, 2) as (x, y) in pixels, radius (n,) in pixels, weight (n,), all float32."""

    points: Array
    radius: Array
    weight: Array

    def where(self, chosen: Array) -> Samples:
        """Those that are chosen."""
        return Samples(*(field[chosen] for field in self))


def stacked(parts: Iterable[Samples]) -> Samples:
    """All samples of several lists."""
    return Samples(*(np.concatenate(field) for field in zip(*parts, strict=True)))


def sample_lines(points: Array, radius: Array, weight: Array) -> Samples:
    """Fill polylines (n, T, 2) with samples so dense that their discs join.

    `radius` and `weight` are (n, T); a vertex of radius 0 ends its line.
    """
    line = np.concatenate([points, radius[..., None], weight[..., None]], 2, dtype=np.float32)
    start, stop = line[:, :-1].reshape(-1, 4), line[:, 1:].reshape(-1, 4)
    alive = (start[:, 2] > 0) & (stop[:, 2] > 0)
    start, move = start[alive], (stop - start)[alive]
    thin = start[:, 2] + np.minimum(move[:, 2], 0.0)
    length = np.hypot(move[:, 0], move[:, 1])
    count = np.ceil(length / np.maximum(0.5, 0.4 * thin)).astype(int) + 1
    owner = np.repeat(np.arange(len(count)), count)
    first = np.cumsum(count) - count
    t = ((np.arange(len(owner)) - first[owner]) / count[owner]).astype(np.float32)
    drawn = start[owner] + t[:, None] * move[owner]
    return Samples(drawn[:, :2], drawn[:, 2], drawn[:, 3])


def paint(samples: Samples, size: int, *, dots: bool = False, hollow: float = 0.0) -> Array:
    """The map (size, size) in [0, 1] of the greatest weight times coverage at every pixel.

    With `dots` the samples are spots of their own and add up. With `hollow` in (0, 1] the middle
    of a tube is that much fainter than its wall (cortical bone).
    """
    pad = 2 * REACHES[-1] + 1
    out = np.zeros((size + 2 * pad, size + 2 * pad), np.float32)
    near = np.all(np.abs(samples.points - 0.5 * size) < 0.5 * size + REACHES[-1], axis=1)
    samples, smallest = samples.where(near), 0
    for reach in REACHES:
        chosen = (samples.radius + 1.0 > smallest) & (samples.radius + 1.0 <= reach)
        smallest = reach
        if chosen.any():
            _paint_reach(out, samples.where(chosen), pad, reach, dots, hollow)
    return np.minimum(out[pad:-pad, pad:-pad], 1.0)


def _paint_reach(out: Array, s: Samples, pad: int, reach: int, dots: bool, hollow: float) -> None:
    side, width = 2 * reach + 1, len(out)
    window = np.arange(-reach, reach + 1)
    pixel = np.floor(s.points).astype(np.int32)
    off = window.astype(np.float32) + (pixel + 0.5 - s.points).astype(np.float32)[:, :, None]
    off *= off
    away = (off[:, 0, None, :] + off[:, 1, :, None]).reshape(-1, side * side)
    edge = np.maximum(s.radius, 0.5)
    # Only the pixels that a disc covers are worth a root.
    flat = np.flatnonzero(away < ((edge + 0.5) ** 2)[:, None])
    owner, place = np.divmod(flat, side * side)
    distance = np.sqrt(away.ravel()[flat])
    cover = np.minimum(edge[owner] + 0.5 - distance, 1.0)
    if hollow:
        cover *= 1.0 - hollow * np.sqrt(np.maximum(1.0 - (distance / edge[owner]) ** 2, 0.0))
    thin = np.minimum(1.0, 2.0 * s.radius)
    cover *= (s.weight * (thin * thin if dots else thin))[owner]
    corner = (pixel[:, 1] + pad) * width + pixel[:, 0] + pad
    index = corner[owner] + (window[:, None] * width + window).ravel()[place]
    (np.add if dots else np.maximum).at(out.reshape(-1), index, cover)

"""Anti-aliased tubes and dots, painted into a map by the distance to their centre line.

A stroke thinner than a pixel keeps a full pixel's footprint and loses density instead: that is
what averaging a fine drawing down to the pixel grid would give, without ever making the fine
drawing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ldl.phantoms.fields import Array

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

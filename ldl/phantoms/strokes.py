"""Anti-aliased tubes and dots, painted into a map by the distance to their centre line.

A stroke thinner than a pixel keeps a full pixel's footprint and loses density instead: that is
what averaging a fine drawing down to the pixel grid would give, without ever making the fine
drawing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

Array = np.ndarray
REACHES = (2, 3, 4, 6, 9, 14, 22, 40, 80)


class Samples(NamedTuple):
    """Points (n, 2) as (x, y) in pixels, radius (n,) in pixels, weight (n,), all float32."""

    points: Array
    radius: Array
    weight: Array


def sample_lines(points: Array, radius: Array, weight: Array) -> Samples:
    """Fill polylines (n, T, 2) with samples so dense that their discs join.

    `radius` and `weight` are (n, T); a vertex of radius 0 ends its line.
    """
    start, stop = points[:, :-1].reshape(-1, 2), points[:, 1:].reshape(-1, 2)
    r0, r1 = radius[:, :-1].ravel(), radius[:, 1:].ravel()
    w0, w1 = weight[:, :-1].ravel(), weight[:, 1:].ravel()
    alive = (r0 > 0) & (r1 > 0)
    start, stop, r0, r1, w0, w1 = (a[alive] for a in (start, stop, r0, r1, w0, w1))
    length = np.hypot(*(stop - start).T)
    count = np.ceil(length / np.maximum(0.5, 0.4 * np.minimum(r0, r1))).astype(int) + 1
    owner = np.repeat(np.arange(len(count)), count)
    first = np.cumsum(count) - count
    t = ((np.arange(len(owner)) - first[owner]) / count[owner]).astype(np.float32)
    at = start[owner] + t[:, None] * (stop - start)[owner]
    return Samples(at, r0[owner] + t * (r1 - r0)[owner], w0[owner] + t * (w1 - w0)[owner])


def paint(samples: Samples, size: int, *, dots: bool = False, hollow: float = 0.0) -> Array:
    """The map (size, size) in [0, 1] of the greatest weight times coverage at every pixel.

    With `dots` the samples are spots of their own and add up. With `hollow` in (0, 1] the middle
    of a tube is that much fainter than its wall (cortical bone).
    """
    out = np.zeros((size + 2) * (size + 2), np.float32)
    smallest = 0
    for reach in REACHES:
        chosen = (samples.radius + 1.0 > smallest) & (samples.radius + 1.0 <= reach)
        smallest = reach
        if chosen.any():
            _paint_reach(out, Samples(*(a[chosen] for a in samples)), size, reach, dots, hollow)
    return np.minimum(out.reshape(size + 2, size + 2)[1:-1, 1:-1], 1.0)


def _paint_reach(out: Array, s: Samples, size: int, reach: int, dots: bool, hollow: float) -> None:
    window = np.arange(-reach, reach + 1)
    base = np.floor(s.points).astype(int)
    column = base[:, 0, None, None] + window[None, None, :]
    row = base[:, 1, None, None] + window[None, :, None]
    dx = (column + 0.5 - s.points[:, 0, None, None]).astype(np.float32)
    dy = (row + 0.5 - s.points[:, 1, None, None]).astype(np.float32)
    distance = np.sqrt(dx * dx + dy * dy)
    thin = np.minimum(1.0, 2.0 * s.radius)
    strength = s.weight * (thin * thin if dots else thin)
    edge = np.maximum(s.radius, 0.5)[:, None, None]
    cover = np.clip(edge + 0.5 - distance, 0.0, 1.0) * strength[:, None, None].astype(np.float32)
    if hollow:
        cover = cover * (1.0 - hollow * np.sqrt(np.clip(1.0 - (distance / edge) ** 2, 0.0, 1.0)))
    # One ring of spare pixels takes what falls outside.
    index = np.clip(row + 1, 0, size + 1) * (size + 2) + np.clip(column + 1, 0, size + 1)
    collect = np.add if dots else np.maximum
    collect.at(out, index.ravel(), cover.ravel().astype(np.float32))

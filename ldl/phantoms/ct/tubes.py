"""Tubes along smooth paths: bowel, vessels, airways, nerves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .fields import Array
from .grid import Grid, View

FAR = np.float32(1e3)


@dataclass(frozen=True)
class Tube:
    """Where a tube is: signed distance in mm (FAR beyond its reach) and the index of the nearest
    sample of the path, both (z, y, x) over `view`; the path's points (n, 3) and radii (n,).
    """

    view: View
    distance: Array
    nearest: Array
    points: Array
    radius: Array


def path(points: Sequence[Sequence[float]] | Array, step: float = 5.0) -> Array:
    """Points (n, 3) about `step` mm apart on a smooth curve through the given (m, 3)."""
    p = np.asarray(points, float)
    fine = _catmull_rom(p, 8)
    steps = np.sqrt(((fine[1:] - fine[:-1]) ** 2).sum(1))
    length = np.concatenate([[0.0], np.cumsum(steps)])
    count = max(2, round(length[-1] / step) + 1)
    at = np.linspace(0.0, length[-1], count)
    return np.stack([np.interp(at, length, fine[:, k]) for k in range(3)], 1)


def _catmull_rom(p: Array, per_span: int) -> Array:
    """Points on the Catmull-Rom curve through p; scipy's splines cost ten times as much here."""
    ends = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    slope = 0.5 * (ends[2:] - ends[:-2])
    t = (np.arange(per_span) / per_span)[:, None]
    rise, out, back = t * t * (3 - 2 * t), t * (1 - t) ** 2, t * t * (t - 1)
    a, b, m, n = p[:-1, None], p[1:, None], slope[:-1, None], slope[1:, None]
    return np.concatenate([(a + rise * (b - a) + out * m + back * n).reshape(-1, 3), p[-1:]])


def taper(count: int, values: Sequence[float] | Array) -> Array:
    """Radii (count,) that run evenly through the given values."""
    return np.interp(np.linspace(0.0, 1.0, count), np.linspace(0.0, 1.0, len(values)), values)


def tube(
    grid: Grid,
    points: Array,
    radius: Array | float,
    *,
    reach: float = 6.0,
    flat: float = 1.0,
    tall: float = 1.0,
) -> Tube:
    """A tube of the given radii (n,) in mm along points (n, 3), known up to `reach` mm outside.

    `flat` stretches it from front to back, `tall` along z (below 1 they squeeze). A tube thinner
    than a slice is drawn as thick as one in z, so that no slice loses it.
    """
    r = np.broadcast_to(np.asarray(radius, float), (len(points),))
    high = np.maximum(tall * r, 0.55 * grid.spacing[0])
    room = np.stack([r, flat * r, high], 1) + reach
    v = grid.view((points - room).min(0), (points + room).max(0))
    distance = np.full(v.x.shape, FAR, np.float32)
    nearest = np.zeros(v.x.shape, np.int32)
    origin = [part.start for part in v.box]
    bounds = (grid.bounds(points - room, points + room) - np.repeat(origin, 2)).tolist()
    numbers = np.stack([*points.T, r, r / high], 1).astype(np.float32)
    for k, (z0, z1, y0, y1, x0, x1) in enumerate(bounds):
        if z0 >= z1 or y0 >= y1 or x0 >= x1:
            continue
        cx, cy, cz, rk, squeeze = numbers[k]
        part = (slice(z0, z1), slice(y0, y1), slice(x0, x1))
        dx, dy, dz = v.x[part] - cx, (v.y[part] - cy) / flat, (v.z[part[:2]] - cz) * squeeze
        d = np.sqrt(dx * dx + dy * dy + dz * dz) - rk
        closer = d < distance[part]
        np.copyto(distance[part], d, where=closer)
        np.copyto(nearest[part], k, where=closer)
    return Tube(v, distance, nearest, points, r)

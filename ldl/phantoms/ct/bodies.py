"""The voxels of a scan in the coordinates of the anatomy, and bodies over them as signed distances.

Anatomical coordinates are millimetres: x grows to the patient's left, y to the back, z to the head.
Arrays are (Z, Y, X), so slices go upwards, rows from front to back, columns from the patient's
right to the left. The z of a voxel does not depend on its column: functions of z alone are cheap.
Distances are in mm over a view (z, y, x) float32, negative inside and exact at the surface only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.interpolate import PchipInterpolator

from ldl.phantoms.fields import Array, curve, noise

Box = tuple[slice, slice, slice]
Triple = Sequence[float] | Array


@dataclass(frozen=True)
class View:
    """A box of voxels: x, y (z, y, x) and z (z, y, 1) in anatomical millimetres, float32."""

    box: Box
    x: Array
    y: Array
    z: Array

    def cut(self, whole: Array) -> Array:
        """The part of an array over the grid, (Z, Y, X) or (Z, Y, 1), that lies in the box."""
        return whole[self.box] if whole.shape[2] > 1 else whole[self.box[:2]]


@dataclass(frozen=True)
class Pose:
    """How a patient lies in the scanner and how large the body is.

    ``scale`` (x, y, z) multiplies the anatomy, ``shift`` in mm moves it, ``roll`` turns it about z,
    ``tilt`` shears z along y; ``warp`` mm of smooth deformation in the slice have a scale of
    ``cell``.
    """

    scale: tuple[float, float, float]
    shift: tuple[float, float, float]
    roll: float
    tilt: float
    warp: float
    cell: float


class Grid:
    """All voxels: shape (Z, Y, X), spacing (z, y, x) in mm, and their place in the anatomy."""

    def __init__(
        self,
        rng: np.random.Generator,
        shape: tuple[int, int, int],
        extent: tuple[float, float, float],
        pose: Pose,
    ) -> None:
        self.shape, self.extent = shape, extent
        self.spacing = (extent[0] / shape[0], extent[1] / shape[1], extent[2] / shape[2])
        z, y, x = (
            (((np.arange(n) + 0.5) / n - 0.5) * length - shift).astype(np.float32)
            for n, length, shift in zip(shape, extent, pose.shift[::-1], strict=True)
        )
        z, y, x = z[:, None, None], y[None, :, None], x[None, None, :]
        # The couch is no part of the patient: it neither turns nor bends.
        self.couch = (y, x)
        self.depth = pose.scale[1]
        cos, sin = np.float32(np.cos(pose.roll)), np.float32(np.sin(pose.roll))
        bend = [np.float32(pose.warp) * noise(rng, shape, extent, pose.cell) for _ in range(2)]
        self.x = (cos * x + sin * y) / np.float32(pose.scale[0]) + bend[0]
        self.y = (cos * y - sin * x) / np.float32(pose.scale[1]) + bend[1]
        self.z = z / np.float32(pose.scale[2]) + np.float32(pose.tilt) * y
        self._reach = [_reach(a, axis) for a, axis in ((self.x, 2), (self.y, 1), (self.z, 0))]

    def bounds(self, low: Array, high: Array) -> Array:
        """Index ranges (n, 6), z, y, x, of the boxes that hold low to high (n, 3) mm, x, y, z."""
        out = np.empty((len(low), 6), int)
        for k, (smallest, largest) in enumerate(self._reach):
            out[:, 4 - 2 * k] = np.searchsorted(largest, low[:, k])
            out[:, 5 - 2 * k] = np.searchsorted(smallest, high[:, k], side="right")
        out[:, 1::2] = np.maximum(out[:, 1::2], out[:, ::2])
        return out

    def view(self, low: Triple = (-1e3,) * 3, high: Triple = (1e3,) * 3) -> View:
        """The voxels between two corners (x, y, z) mm, all of them by default; may be empty."""
        b = self.bounds(np.asarray(low, float)[None], np.asarray(high, float)[None])[0]
        box = (slice(b[0], b[1]), slice(b[2], b[3]), slice(b[4], b[5]))
        return View(box, self.x[box], self.y[box], self.z[box[:2]])

    def around(self, centre: Triple, reach: float) -> View:
        """The voxels within a cube about a point."""
        return self.view(np.asarray(centre) - reach, np.asarray(centre) + reach)

    def noise(self, rng: np.random.Generator, scale: float, view: View) -> Array:
        """Smooth noise of unit variance and `scale` mm over the voxels of a view."""
        return noise(rng, self.shape, self.extent, scale, view.box)


def _reach(a: Array, axis: int) -> tuple[Array, Array]:
    """Smallest and largest coordinate of every index along an axis, made monotonic."""
    others = tuple(k for k in range(3) if k != axis)
    smallest = np.minimum.accumulate(a.min(others)[::-1])[::-1]
    return smallest, np.maximum.accumulate(a.max(others))


FAR = np.float32(1e3)


class Tube(NamedTuple):
    """A tube along a path: its signed distance in mm over ``view`` (FAR beyond its reach), and the
    index of the nearest of the path's points (n, 3), whose radii are (n,).
    """

    view: View
    distance: Array
    nearest: Array
    points: Array
    radius: Array


def rotation(about_z: float = 0.0, about_y: float = 0.0, about_x: float = 0.0) -> Array:
    """The matrix (3, 3) that turns by degrees about z, then y, then x."""
    a, b, c = np.deg2rad([about_z, about_y, about_x])
    rz = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    ry = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    rx = np.array([[1, 0, 0], [0, np.cos(c), -np.sin(c)], [0, np.sin(c), np.cos(c)]])
    return (rx @ ry @ rz).astype(np.float32)


def ellipsoid(v: View, centre: Triple, radii: Triple, turn: Array | None = None) -> Array:
    """An ellipsoid with centre and radii (x, y, z) in mm; the columns of `turn` are its axes."""
    p = [a - np.float32(c) for a, c in zip((v.x, v.y, v.z), centre, strict=True)]
    if turn is not None:
        p = [turn[0, k] * p[0] + turn[1, k] * p[1] + turn[2, k] * p[2] for k in range(3)]
    q = [a * np.float32(1.0 / r) for a, r in zip(p, radii, strict=True)]
    near = np.sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2])
    s = [a * np.float32(1.0 / r) for a, r in zip(q, radii, strict=True)]
    slope = np.sqrt(s[0] * s[0] + s[1] * s[1] + s[2] * s[2])
    tiny = np.float32(1e-4)
    return (near - 1.0) * (near + tiny) / (slope + tiny / np.float32(min(radii)))


def column(
    v: View, x0: Array | float, y0: Array | float, rx: Array | float, front: Array | float,
    back: Array | float, square: Array | float,
) -> tuple[Array, Array]:  # fmt: skip
    """A column along z: its signed distance and its radius relative to the surface (1 there).

    In each slice an oval about (x0, y0) with half width rx, reaching ``front`` and ``back`` mm
    before and behind; ``square`` 0 is an ellipse, 1 a rectangle. Numbers or arrays (z, y, 1).
    """
    x, y = v.x - x0, v.y - y0
    u, w = x / rx, y / np.where(y < 0, front, back)
    u, w = u * u, w * w
    both = u + w
    root = np.sqrt(np.maximum(both * both - (2.0 * square) ** 2 * u * w, 0.0))
    relative = np.sqrt(0.5 * (both + root))
    away = np.sqrt(x * x + y * y)
    return away * (1.0 - 1.0 / np.maximum(relative, 1e-3)), relative


def profile(z: Array, knots: Sequence[float], values: Sequence[float] | Array) -> Array:
    """A monotone-between-knots curve through (knots, values) at z, constant outside; float32."""
    inside = np.clip(z, knots[0], knots[-1])
    return PchipInterpolator(knots, values)(inside).astype(np.float32)


def join(a: Array, b: Array, round_off: float) -> Array:
    """The union of two bodies, with the crease filled over `round_off` mm."""
    h = np.maximum(1.0 - np.abs(a - b) / round_off, 0.0)
    return np.minimum(a, b) - (0.25 * round_off) * h * h


def carve(a: Array, b: Array, round_off: float) -> Array:
    """Body a without body b, the edge rounded over `round_off` mm."""
    return -join(-a, b, round_off)


def path(points: Sequence[Sequence[float]] | Array, step: float = 5.0) -> Array:
    """Points (n, 3) about `step` mm apart on a smooth curve through the given (m, 3)."""
    p = np.asarray(points, float)
    if len(p) == 1:
        return p
    fine = curve(p, 8)
    steps = np.sqrt(((fine[1:] - fine[:-1]) ** 2).sum(1))
    length = np.concatenate([[0.0], np.cumsum(steps)])
    count = max(2, round(length[-1] / step) + 1)
    at = np.linspace(0.0, length[-1], count)
    return np.stack([np.interp(at, length, fine[:, k]) for k in range(3)], 1)


def taper(count: int, values: Sequence[float] | Array) -> Array:
    """Radii (count,) that run evenly through the given values."""
    return np.interp(np.linspace(0.0, 1.0, count), np.linspace(0.0, 1.0, len(values)), values)


def tube(
    grid: Grid, points: Array, radius: Array | float, *,
    reach: float = 6.0, flat: float = 1.0, tall: float = 1.0,
) -> Tube:  # fmt: skip
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

"""The voxels of a scan in the coordinates of the anatomy, and bodies over them as signed distances.

Anatomical coordinates are millimetres: x grows to the patient's left, y to the back, z to the head.
Arrays are (Z, Y, X): slices go upwards, rows from front to back, columns from the patient's right
to the left. Distances are in mm over a view, float32, negative inside, exact at the surface only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from ldl.phantoms.fields import Array, curve, noise

Triple = Sequence[float] | Array
FAR = 1e3


class View(NamedTuple):
    """A box of voxels: x, y (z, y, x) and z (z, y, 1) in anatomical millimetres, float32."""

    box: tuple[slice, slice, slice]
    x: Array
    y: Array
    z: Array

    @property
    def points(self) -> Array:
        """(z, y, x, 3) as x, y, z."""
        return np.stack(np.broadcast_arrays(self.x, self.y, self.z), -1)


class Window(NamedTuple):
    """What a scan covers: `middle` (y, z) of the anatomy in its centre, `height` (z) and `width`
    (x and y) in mm; how far patients lie beside it (``place``, mm), how much they ``vary`` in size
    and turn (1: as people do), and by how many mm they are deformed (``warp``) over `cell` mm.
    """

    middle: tuple[float, float]
    height: float
    width: float
    place: float = 0.0
    warp: float = 0.0
    cell: float = 50.0
    vary: float = 0.0


class Grid:
    """All voxels: shape (Z, Y, X), spacing (z, y, x) in mm, and their place in one patient."""

    def __init__(
        self, rng: np.random.Generator, shape: tuple[int, int, int], window: Window
    ) -> None:
        width = window.width * rng.normal(1.0, 0.03 * window.vary)
        size = rng.normal(1.0, np.array((0.03, 0.035, 0.045, 0.02)) * window.vary)
        size = np.clip(size[0] * size[1:], 0.85, 1.15)
        shift = rng.normal(0.0, window.place, 3) - (0.0, *window.middle) * size
        roll, tilt = rng.normal(0.0, np.array((0.05, 0.03)) * window.vary)
        self.shape, self.extent = shape, (window.height, width, width)
        z, y, x = (
            (((np.arange(n) + 0.5) / n - 0.5) * length - move).astype(np.float32)
            for n, length, move in zip(shape, self.extent, shift[::-1], strict=True)
        )
        z, y, x = z[:, None, None], y[None, :, None], x[None, None, :]
        self.spacing = (self.extent[0] / shape[0], width / shape[1], width / shape[2])
        # The couch is no part of the patient: it neither turns nor bends.
        self.couch, self.depth = (y, x), size[1]
        cos, sin = np.float32(np.cos(roll)), np.float32(np.sin(roll))
        bend = [window.warp * noise(rng, shape, self.extent, window.cell) for _ in range(2)]
        self.x = ((cos * x + sin * y) / size[0] + bend[0]).astype(np.float32)
        self.y = ((cos * y - sin * x) / size[1] + bend[1]).astype(np.float32)
        self.z = (z / size[2] + tilt * y).astype(np.float32)
        others = ((1, 2), (0, 2), (0, 1))
        self._reach = [
            (a.min(rest), a.max(rest))
            for a, rest in zip((self.z, self.y, self.x), others, strict=True)
        ]

    def view(self, low: Triple = (-FAR,) * 3, high: Triple = (FAR,) * 3) -> View:
        """The voxels between two corners (x, y, z) mm, all of them by default; may be empty."""
        sides = []
        for (least, most), bottom, top in zip(self._reach, low[::-1], high[::-1], strict=True):
            found = np.flatnonzero((most >= bottom) & (least <= top))
            sides.append(slice(found[0], found[-1] + 1) if len(found) else slice(0, 0))
        box = (sides[0], sides[1], sides[2])
        return View(box, self.x[box], self.y[box], self.z[box[:2]])

    def noise(self, rng: np.random.Generator, scale: float, view: View) -> Array:
        """Smooth noise of unit variance and `scale` mm over the voxels of a view."""
        return noise(rng, self.shape, self.extent, scale, view.box)


def ellipsoid(v: View, centre: Triple, radii: Triple, turn: Triple = (0.0, 0.0, 0.0)) -> Array:
    """An ellipsoid with centre and radii (x, y, z) in mm, turned by degrees about z, y, then x."""
    axes, radii = Rotation.from_euler("zyx", turn, degrees=True).as_matrix(), np.asarray(radii)
    q = ((v.points - np.array(centre, np.float32)) @ axes.astype(np.float32)) / np.float32(radii)
    near, slope = (np.sqrt(np.einsum("...k,...k", a, a)) for a in (q, q / np.float32(radii)))
    tiny = np.float32(1e-4)
    out: Array = (near - 1.0) * (near + tiny) / (slope + tiny / np.float32(radii.min()))
    return out


def column(
    v: View, y0: Array | float, rx: Array | float, front: Array | float, back: Array | float,
    square: Array | float,
) -> tuple[Array, Array]:  # fmt: skip
    """A column along z: its signed distance and its radius relative to the surface (1 there).

    In each slice an oval about (0, y0) with half width rx, reaching ``front`` and ``back`` mm
    before and behind; ``square`` 0 is an ellipse, 1 a rectangle. Numbers or arrays (z, y, 1).
    """
    y = v.y - y0
    u, w = (v.x / rx) ** 2, (y / np.where(y < 0, front, back)) ** 2
    root = np.sqrt(np.maximum((u + w) ** 2 - (2.0 * square) ** 2 * u * w, 0.0))
    relative = np.sqrt(0.5 * (u + w + root))
    return np.hypot(v.x, y) * (1.0 - 1.0 / np.maximum(relative, 1e-3)), relative


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
    length = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(fine, axis=0), axis=1)))
    at = np.linspace(0.0, length[-1], max(2, round(length[-1] / step) + 1))
    return np.stack([np.interp(at, length, fine[:, k]) for k in range(3)], 1)


def taper(count: int, values: Sequence[float] | Array) -> Array:
    """Radii (count,) that run evenly through the given values."""
    return np.interp(np.linspace(0.0, 1.0, count), np.linspace(0.0, 1.0, len(values)), values)


def tube(
    grid: Grid, points: Array, radius: Array, reach: float = 6.0, flat: float = 1.0,
    tall: float = 1.0,
) -> tuple[View, Array, Array]:  # fmt: skip
    """A tube of the radii (n,) in mm along points (n, 3): view, distance, nearest point's index.

    The distance is known up to `reach` mm outside, and FAR beyond. `flat` stretches the tube from
    front to back, `tall` along z (below 1 they squeeze). One thinner than a slice is drawn as thick
    as one, so that no slice loses it.
    """
    stretch = np.array((1.0, flat, max(tall, 0.55 * grid.spacing[0] / radius.mean())))
    room = stretch * radius.max() + reach
    v = grid.view(points.min(0) - room, points.max(0) + room)
    found = cKDTree(points / stretch).query(
        v.points / stretch, distance_upper_bound=radius.max() + reach
    )
    nearest = np.minimum(found[1], len(points) - 1)
    distance = np.minimum(found[0], FAR) - radius[nearest]
    return v, distance.astype(np.float32), nearest

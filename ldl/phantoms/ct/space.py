"""The voxels of a scan in the coordinates of the anatomy, and rectangular parts of them.

Anatomical coordinates are millimetres: x grows to the patient's left, y to the back, z to the head.
Arrays are (Z, Y, X), so slices go upwards, rows from front to back, columns from the patient's
right to the left. The z of a voxel does not depend on its column: functions of z alone are cheap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ldl.phantoms.fields import Array, noise

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

    `scale` (x, y, z) multiplies the anatomy, `shift` (x, y, z) in mm moves it, `roll` and `tilt`
    turn it slightly (about z, and by shearing z along y), `warp` is the amplitude in mm of a smooth
    deformation in the slice and `cell` its scale.
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
        """Index ranges (n, 6) of the boxes that hold anatomy from low to high, both (n, 3) as (x,
        y, z) mm; the columns are start and stop for z, y, x.
        """
        out = np.empty((len(low), 6), int)
        for k, (smallest, largest) in enumerate(self._reach):
            out[:, 4 - 2 * k] = np.searchsorted(largest, low[:, k])
            out[:, 5 - 2 * k] = np.searchsorted(smallest, high[:, k], side="right")
        out[:, 1::2] = np.maximum(out[:, 1::2], out[:, ::2])
        return out

    def view(self, low: Triple = (-1e3,) * 3, high: Triple = (1e3,) * 3) -> View:
        """The voxels between two corners (x, y, z) of the anatomy, all of them by default; may be
        empty.
        """
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

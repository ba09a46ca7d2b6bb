"""Signed distances in mm (negative inside) to simple bodies, and smooth ways to join them.

All functions take a `View` and return float32 (z, y, x). Distances are exact at the surface only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import PchipInterpolator

from .fields import Array
from .grid import View

Triple = Sequence[float] | Array


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


def ellipsoid_box(centre: Triple, radii: Triple, room: float) -> tuple[Array, Array]:
    """Corners of a box that holds the ellipsoid, however turned in the slice, and `room` mm."""
    c, r = np.asarray(centre, float), np.asarray(radii, float)
    half = np.array([max(r), max(r), max(r)]) + room
    return c - half, c + half


def column(
    v: View, x0: Array | float, y0: Array | float, rx: Array | float, front: Array | float,
    back: Array | float, square: Array | float,
) -> tuple[Array, Array]:  # fmt: skip
    """A column along z: its signed distance and its radius relative to the surface (1 there).

    In each slice it is an oval about (x0, y0) with half width rx, reaching `front` and `back` mm
    before and behind its centre; `square` 0 is an ellipse, 1 a rectangle. Parameters are numbers
    or arrays (z, y, 1).
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

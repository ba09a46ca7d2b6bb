"""The anatomy of a frontal chest film: outlines in a square from -1 to 1, x to the right of the
film, y downwards.

The patient faces us: the heart's apex is on the right of the film, "right" in a name is the
patient's right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy.interpolate import CubicSpline

from .strokes import Samples, paint, sample_lines

Array = np.ndarray

RIGHT_LUNG = np.array([
    (-0.33, -0.80), (-0.52, -0.68), (-0.66, -0.38), (-0.74, 0.02), (-0.78, 0.40), (-0.79, 0.70),
    (-0.62, 0.55),
    (-0.42, 0.47), (-0.20, 0.53), (-0.13, 0.30), (-0.15, 0.00), (-0.14, -0.35), (-0.17, -0.65),
])  # fmt: skip
LEFT_LUNG = np.array([
    (0.33, -0.80), (0.52, -0.68), (0.66, -0.38), (0.74, 0.02), (0.78, 0.42), (0.79, 0.76),
    (0.64, 0.62),
    (0.46, 0.54), (0.20, 0.57), (0.10, 0.30), (0.14, 0.00), (0.19, -0.22), (0.205, -0.36),
    (0.16, -0.50), (0.17, -0.67),
])  # fmt: skip
HEART = np.array([
    (-0.08, -0.14), (0.10, -0.16), (0.21, -0.02), (0.34, 0.20), (0.44, 0.44), (0.41, 0.57),
    (0.20, 0.62),
    (-0.04, 0.61), (-0.20, 0.50), (-0.24, 0.28), (-0.17, 0.02),
])  # fmt: skip
CLAVICLE = np.array(
    [(0.07, -0.47), (0.12, -0.50), (0.24, -0.56), (0.38, -0.60), (0.50, -0.66), (0.64, -0.72)]
)
TORSO = np.array([
    (-0.22, -2.5), (-0.26, -0.98), (-0.62, -0.86), (-0.98, -0.76), (-1.05, -0.3), (-0.95, 0.3),
    (-0.96, 2.5),
    (0.96, 2.5), (0.95, 0.3), (1.05, -0.3), (0.98, -0.76), (0.62, -0.86), (0.26, -0.98),
    (0.22, -2.5),
])  # fmt: skip


MEDIAL = 18


@dataclass(frozen=True)
class Pose:
    """Maps anatomy to film: scale (2,), shift (2,), roll in radians; `size` in pixels."""

    scale: Array
    shift: Array
    roll: float
    size: int

    def place(self, points: Array) -> Array:
        """Points (..., 2) of the anatomy to pixels."""
        cos, sin = np.cos(self.roll), np.sin(self.roll)
        turned = points @ np.array([[cos, sin], [-sin, cos]])
        return ((turned * self.scale + self.shift + 1.0) * 0.5 * self.size).astype(np.float32)

    def anatomy(self) -> tuple[Array, Array]:
        """The anatomical x and y (size, size) of every pixel centre."""
        axis = (np.arange(self.size) + 0.5) / self.size * 2.0 - 1.0
        u, v = np.meshgrid(
            (axis - self.shift[0]) / self.scale[0], (axis - self.shift[1]) / self.scale[1]
        )
        cos, sin = np.cos(self.roll), np.sin(self.roll)
        return (u * cos + v * sin).astype(np.float32), (v * cos - u * sin).astype(np.float32)

    @property
    def pixel(self) -> float:
        """Pixels per unit of anatomy."""
        return 0.5 * self.size * float(np.sqrt(self.scale[0] * self.scale[1]))

    def fill(self, outline: Array) -> Array:
        """The inside of a closed outline (n, 2) as a soft map (size, size) in [0, 1], at twofold
        supersampling.
        """
        canvas = Image.new("L", (2 * self.size, 2 * self.size))
        ImageDraw.Draw(canvas).polygon(
            [tuple(p) for p in (2.0 * self.place(outline)).tolist()], fill=255
        )
        pixels = np.asarray(canvas, np.float32).reshape(self.size, 2, self.size, 2)
        return pixels.mean((1, 3)) / 255.0

    def tubes(self, lines: Array, radius: Array, weight: Array, hollow: float = 0.0) -> Array:
        """Lines (n, T, 2) of radius (n, T) in units of anatomy, painted into a map (size, size)."""
        samples: Samples = sample_lines(
            self.place(lines), (radius * self.pixel).astype(np.float32), weight.astype(np.float32)
        )
        return paint(samples, self.size, hollow=hollow)


def closed(rng: np.random.Generator, points: Array, jitter: float, count: int = 96) -> Array:
    """A smooth closed curve (count, 2) through control points that were moved a little."""
    moved = points + jitter * rng.standard_normal(points.shape)
    ring = np.concatenate([moved, moved[:1]])
    chord = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(ring, axis=0), axis=1) ** 0.7)])
    return np.asarray(
        CubicSpline(chord, ring, bc_type="periodic")(
            np.linspace(0, chord[-1], count, endpoint=False)
        )
    )


def opened(points: Array, count: int = 24) -> Array:
    """A smooth open curve (count, 2) through the points."""
    t = np.linspace(0.0, 1.0, len(points))
    return np.asarray(CubicSpline(t, points)(np.linspace(0.0, 1.0, count)))


def ribs(rng: np.random.Generator, stretch: float) -> tuple[Array, Array]:
    """Centre lines of the posterior and of the anterior ribs, each (20, 26, 2), side by side: ten
    pairs.
    """
    t = np.linspace(0.0, 1.0, 26)
    top = np.linspace(-0.86, 0.66, 10) * stretch + np.cumsum(rng.normal(0, 0.007, 10))
    slope = rng.uniform(0.10, 0.2) + np.linspace(0.0, 0.16, 10)
    half = np.interp(np.arange(10), [0, 1, 3, 6, 9], [0.42, 0.56, 0.70, 0.80, 0.84])
    posterior, anterior = [], []
    front = rng.uniform(0.42, 0.55)
    for side in (-1.0, 1.0):
        x = 0.06 + (half[:, None] - 0.06) * np.sin(0.5 * np.pi * t) ** 0.9
        y = top[:, None] - 0.05 * np.sin(np.pi * np.minimum(t / 0.7, 1.0)) + slope[:, None] * t**2.2
        posterior.append(np.stack([side * x, y], 2))
        xa = half[:, None] - (half[:, None] - 0.26) * t**1.1
        ya = (top + slope)[:, None] + front * (
            0.25 + 0.75 * np.linspace(0.5, 1.0, 10)[:, None]
        ) * t**0.9
        anterior.append(np.stack([side * xa, ya], 2))
    return np.concatenate(posterior), np.concatenate(anterior)


def clavicles(rng: np.random.Generator) -> tuple[Array, Array]:
    """Centre lines (2, 24, 2) and radii (2, 24), right one first: thick at the sternum, S-shaped.

    Annotators follow a clavicle as far as the lung's border: about the first `MEDIAL` vertices.
    """
    lift, tilt = rng.normal(0.0, 0.05), rng.normal(0.0, 0.08)
    lines, radii = [], []
    thick = rng.uniform(0.030, 0.042)
    for side in (-1.0, 1.0):
        points = CLAVICLE + rng.normal(0.0, 0.012, CLAVICLE.shape)
        points = points + np.array([0.0, 1.0]) * (
            lift + tilt * (points[:, :1] - 0.3) + rng.normal(0, 0.015)
        )
        lines.append(opened(points) * np.array([side, 1.0]))
        radii.append(
            thick
            * np.interp(np.linspace(0, 1, 24), [0, 0.08, 0.4, 0.8, 1.0], [1.1, 1.35, 0.9, 0.9, 0.8])
        )
    return np.stack(lines), np.stack(radii)

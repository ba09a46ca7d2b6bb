"""The geometry of one fundus photograph: from anatomy (disc-fovea distances) to the pixels of the
square.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .growth import Branches
from .strokes import Samples, sample_lines
from .styles import Style

Array = np.ndarray


@dataclass(frozen=True)
class Scene:
    """Where the camera looks, and the anatomical coordinates x, y (size, size) of every pixel
    centre.
    """

    size: int
    centre: tuple[float, float]
    radius: float
    mirror: float
    crop: tuple[float, float]
    x: Array
    y: Array
    u: Array
    v: Array

    @property
    def pixel(self) -> float:
        """Pixels per disc-fovea distance, the geometric mean of both directions."""
        return self.size / (2.0 * self.radius * float(np.sqrt(self.crop[0] * self.crop[1])))

    def project(self, points: Array) -> Array:
        """Anatomical points (..., 2) to pixel coordinates (column, row), float32."""
        u = self.mirror * (points[..., 0] - self.centre[0]) / self.radius
        v = (points[..., 1] - self.centre[1]) / self.radius
        column = (u / self.crop[0] + 1.0) * 0.5 * self.size
        row = (v / self.crop[1] + 1.0) * 0.5 * self.size
        return np.stack([column, row], -1).astype(np.float32)

    def lines(self, branches: Branches, weight: Array) -> Samples:
        """The samples of those branches that touch the square; weight is (n,) or (n, T)."""
        points = self.project(branches.points)
        inside = (points > -8) & (points < self.size + 8)
        seen = np.any(np.all(inside, axis=2), axis=1)
        weight = np.broadcast_to(
            weight if np.ndim(weight) == 2 else weight[:, None], branches.radius.shape
        )
        radius = (branches.radius * self.pixel).astype(np.float32)
        return sample_lines(points[seen], radius[seen], weight[seen].astype(np.float32))


def frame(rng: np.random.Generator, style: Style, size: int) -> Scene:
    """Choose eye (left or right), field and fixation."""
    radius = float(rng.uniform(*style.radius))
    mirror = float(rng.choice([-1.0, 1.0]))
    aim = {"macula": 0.78, "disc": 0.0, "between": float(rng.choice([0.1, 0.75, 0.95]))}[
        style.centre
    ]
    jitter = rng.normal(0.0, 0.06, 2) + rng.uniform(*style.shift) * np.array([1.0, 0.5])
    centre = (aim + jitter[0], 0.03 + jitter[1])
    half_width, half_height = style.crop
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size * 2.0 - 1.0
    u, v = np.meshgrid(axis * half_width, axis * half_height)
    x = u * mirror * radius + np.float32(centre[0])
    y = v * radius + np.float32(centre[1])
    return Scene(size, centre, radius, mirror, style.crop, x, y, u, v)

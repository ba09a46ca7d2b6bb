"""The three scans: which part of the body, how large, how differently patients lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .grid import Pose


@dataclass(frozen=True)
class Window:
    """What a scan covers: `middle` (y, z) of the anatomy in its centre, `height` (z) and `width`
    (x and y) in mm, and how freely patients differ: in size, place and deformation.
    """

    middle: tuple[float, float]
    height: float
    width: float
    size: float
    place: tuple[float, float, float]
    warp: float
    cell: float


WINDOWS = {
    "abdomen": Window((5.0, 3.0), 306.0, 365.0, 0.05, (9.0, 9.0, 5.0), 4.0, 70.0),
    "thorax": Window((5.0, 223.0), 276.0, 368.0, 0.05, (9.0, 9.0, 6.0), 4.0, 70.0),
    "head_neck": Window((-6.0, -11.0), 180.0, 232.0, 0.05, (6.0, 6.0, 4.0), 2.2, 45.0),
}


def place(rng: np.random.Generator, window: Window) -> tuple[tuple[float, float, float], Pose]:
    """The extent (z, y, x) of a scan in mm and the pose of the patient in it."""
    zoom = rng.normal(1.0, 0.03)
    whole = rng.normal(1.0, 0.6 * window.size)
    size = whole * np.clip(1.0 + window.size * rng.standard_normal(3) * (0.7, 0.9, 0.4), 0.85, 1.15)
    jitter = rng.normal(0.0, window.place)
    y, z = window.middle
    shift = (jitter[0], jitter[1] - y * size[1], jitter[2] - z * size[2])
    roll, tilt = rng.normal(0.0, np.deg2rad(3.0)), rng.normal(0.0, 0.03)
    pose = Pose((size[0], size[1], size[2]), shift, roll, tilt, window.warp, window.cell)
    return (window.height, zoom * window.width, zoom * window.width), pose

"""The eyes with their muscles, and the optic nerves on their way to the chiasm."""

from __future__ import annotations

import numpy as np

from ..canvas import Scene
from ..fields import Array
from ..shapes import ellipsoid, ellipsoid_box
from ..tubes import path, tube

STRAIGHT = ((9, 4, 0), (-9, 4, 0), (0, 4, 9), (0, 4, -9))


def paint_eyes(scene: Scene) -> None:
    """Both globes, four straight muscles to each, and the labelled optic nerves."""
    rng = scene.draw("eyes")
    for side, organ in ((1.0, "left optical nerve"), (-1.0, "right optical nerve")):
        globe = np.array((side * 32, -70, 27)) + rng.normal(0.0, 1.0, 3)
        apex = np.array((side * 14.5, -30, 33.5)) + rng.normal(0.0, 0.6, 3)
        size = rng.normal(12.2, 0.5)
        for offset in np.array(STRAIGHT, float):
            way = np.stack([apex, 0.5 * (globe + apex) + 1.1 * offset, globe + offset])
            muscle = tube(scene.grid, path(way, 3.0), rng.uniform(1.8, 2.8))
            scene.paint_tube(muscle, scene.tissue["muscle"])
        _globe(scene, globe, size)
        middle = 0.5 * (globe + apex) + (side * 1.5, 4.0, rng.normal(0.0, 1.5))
        way = np.stack([globe, middle, apex, (side * 8.5, -17.0, 38.5)])
        way[0] += (-side * 2, size - 1.0, 0.5)
        nerve = tube(scene.grid, path(way, 2.0), rng.uniform(2.2, 3.0), reach=5.0)
        scene.paint_tube(nerve, scene.tissue["cord"] + 2.0, scene.code(organ))


def _globe(scene: Scene, centre: Array, size: float) -> None:
    v = scene.grid.view(*ellipsoid_box(centre, [size] * 3, 5.0))
    eye = ellipsoid(v, centre, [size] * 3)
    scene.paint(v, eye, 48.0)
    scene.paint(v, eye + 1.6, scene.tissue["csf"] + 3.0, None)
    lens = ellipsoid(v, centre - (0, size - 4.0, 0), (4.6, 2.3, 4.6))
    scene.paint(v, lens, 95.0, None)

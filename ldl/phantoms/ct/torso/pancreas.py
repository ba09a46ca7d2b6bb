"""Pancreas, adrenals, crura and the small things of the space behind the belly."""

from __future__ import annotations

import numpy as np

from ..canvas import Scene
from ..fields import wave
from ..shapes import ellipsoid, rotation
from ..tubes import path, taper, tube

PANCREAS = ((-26, -2, -4), (-25, -8, 10), (-16, -18, 20), (2, -24, 28), (26, -22, 36),
            (50, -8, 46), (70, 6, 58), (86, 16, 66))  # fmt: skip


def paint_pancreas(scene: Scene) -> None:
    """From the loop of the duodenum to the hilum of the spleen: lobulated, with fat between."""
    rng, grid = scene.draw("pancreas"), scene.grid
    jitter = rng.normal(0.0, (2.5, 2.5, 4.0), (len(PANCREAS), 3))
    jitter[:, 2] += np.linspace(0.0, rng.normal(0.0, 9.0), len(PANCREAS))
    way = path(np.array(PANCREAS) + jitter, 4.0)
    radius = taper(len(way), (14, 16, 14, 11, 10.5, 11, 11, 9)) * rng.uniform(0.85, 1.2)
    radius = radius * (1.0 + 0.1 * wave(rng, len(way), 4.0))
    body = tube(grid, way, radius, flat=0.85)
    lobes = grid.noise(rng, 8.0, body.view)
    age = rng.uniform(0.4, 2.6)
    value = scene.tissue["pancreas"] + 5.0 * grid.noise(rng, 12.0, body.view)
    cleft = np.clip(lobes * age / 2.6 - 0.75, 0.0, 0.6)
    value = value + cleft * (scene.tissue["fat"] - value)
    scene.paint(body.view, body.distance + age * 0.8 * lobes, value, scene.code("pancreas"))
    if rng.random() < 0.3:
        duct = tube(grid, way[3:], rng.uniform(1.0, 2.5))
        scene.paint(duct.view, duct.distance, 15.0, None, blend=0.7)


def paint_retroperitoneum(scene: Scene) -> None:
    """Crura of the diaphragm and the adrenals, as dense as their labelled neighbours."""
    rng, grid = scene.draw("crura"), scene.grid
    for side, x in ((1.0, 17.0), (-1.0, -15.0)):
        way = path([(x - 3, 28, -10), (x, 30, 30), (x, 32, 70), (x + side * 6, 28, 110)], 5.0)
        band = tube(grid, way, taper(len(way), (4, 6, 6, 4)), reach=4.0)
        scene.paint_tube(band, scene.tissue["muscle"])
        centre = np.array((side * 38, 30, 58)) + rng.normal(0, 3, 3)
        for turn in (35.0, -20.0):
            v = grid.view(centre - 24, centre + 24)
            limb = ellipsoid(v, centre, (2.8, 13, 17), rotation(side * turn))
            scene.paint(v, limb, scene.tissue["spleen"] - 10.0)


def paint_mesentery(scene: Scene) -> None:
    """Vessels and nodes in the fat between the bowel loops."""
    rng, grid = scene.draw("mesentery"), scene.grid
    v = grid.view((-80, -85, -150), (90, 5, -10))
    a, b = grid.noise(rng, 26.0, v), grid.noise(rng, 26.0, v)
    line = 20.0 * np.sqrt(a * a + b * b) - 1.6
    outside = 60.0 * (scene.image[v.box] > -60.0)
    scene.paint(v, line + outside, 0.8 * scene.tissue["vein"], None)

"""Skin, fat and muscles of head and neck, with the rest that holds the head."""

from __future__ import annotations

import numpy as np

from ..canvas import Scene
from ..fields import Array
from ..shapes import column, ellipsoid, join, profile
from ..spine import Spine, paint_spine
from ..tubes import path, taper, tube

LEVELS = (-110, -94, -80, -71, -62, -52, -38, -15, 8, 30, 60, 92)
HALF = (104, 72, 60, 58, 59, 62, 65, 70, 75, 77, 77, 73)
FRONT = (48, 46, 48, 60, 88, 99, 101, 98, 96, 96, 96, 90)
BACK = (74, 70, 68, 68, 70, 73, 80, 90, 96, 98, 97, 92)
# Tissue, course on the left, radii, depth relative to width.
STRANDS: tuple[tuple[str, tuple[tuple[float, ...], ...], tuple[float, ...], float], ...] = (
    ("muscle", ((54, 30, -8), (50, 18, -35), (42, -4, -70), (26, -26, -106)), (7, 11, 11, 8), 1.3),
    ("artery", ((24, -8, -112), (27, 0, -70), (27, 2, -40), (25, 6, -6)), (4, 4, 3.5, 3), 1.0),
    ("vein", ((31, -6, -112), (35, 5, -70), (34, 8, -40), (30, 12, -6)), (7, 6, 5, 4), 1.0),
    ("thyroid", ((12, -14, -108), (17, -18, -98), (18, -16, -86)), (7, 8, 5), 1.2),
)


def paint_outline(scene: Scene) -> None:
    """The outer shape, filled with fat, and with muscle below the skull."""
    rng, v, tissue = scene.draw("outline"), scene.grid.whole(), scene.tissue
    half, front, back = (profile(v.z, LEVELS, values) for values in (HALF, FRONT, BACK))
    plump = rng.gamma(3.0, 1.6)
    low = np.clip((10.0 - v.z) / 40.0, 0.0, 1.0)
    face = rng.normal(1.0, 0.04)
    square = profile(v.z, (-80, -50, -15, 25, 60), (0.2, 0.52, 0.5, 0.4, 0.2))
    skin, _ = column(v, 0.0, 0.0, half + plump * low, front * face, back + plump * low, square)
    for centre, radii, soft in (
        ((0, -68, -50), (46, 34, 18), 20.0),
        ((0, -100, 4), (13, 22, 20), 8.0),
        ((78, 20, 6), (5, 15, 27), 3.0),
        ((-78, 20, 6), (5, 15, 27), 3.0),
    ):
        stretch = rng.normal(1.0, 0.06, 3)
        skin = join(skin, ellipsoid(v, centre, np.array(radii) * stretch), soft)
    skin = skin + 0.8 * scene.grid.noise(rng, 30.0)
    _rest(scene, rng, skin)
    grease = tissue["fat"] + 8.0 * scene.grid.noise(rng, 9.0)
    scene.paint(v, skin, grease)
    scene.paint(v, np.abs(skin + 0.8) - 0.8, tissue["skin"], None, blend=0.6)
    flesh = tissue["muscle"] + 5.0 * scene.grid.noise(rng, 9.0)
    layers = scene.grid.noise(rng, 17.0)
    seam = np.clip(0.9 - np.abs(layers) / 0.2, 0.0, 0.9)
    flesh = flesh + seam * (tissue["fat"] - flesh)
    under = skin + 3.0 + (1.0 + plump) * low + 2.0 * np.abs(layers)
    scene.paint(v, np.maximum(under, v.z - 62.0), flesh)
    paint_spine(scene, _neck_spine(rng, v.z), top=-3.0)


def _rest(scene: Scene, rng: np.random.Generator, skin: Array) -> None:
    """A foam cushion behind the head and, in some patients, the mask that fixes it."""
    (y, x), v = scene.grid.couch, scene.grid.whole()
    cushion = np.maximum(np.maximum(y - 120.0, np.abs(x) - 95.0), 40.0 - y)
    scene.paint(v, np.maximum(cushion, 2.0 - skin), -945.0)
    scene.paint(v, np.abs(y - 121.0) - 1.2, -300.0, None)
    if rng.random() < 0.5:
        mask = np.maximum(np.abs(skin - 3.5) - 0.9, v.y - 45.0)
        scene.paint(v, mask, -150.0, blend=0.7)


def _neck_spine(rng: np.random.Generator, z: Array) -> Spine:
    lean = rng.normal(0.0, 1.5, 2)
    x = profile(z, (-110, 0), (lean[0], 0.0))
    y = profile(z, (-110, -62, -25, 0), (27 + lean[1], 17 + lean[1], 18, 20))
    flat = np.zeros_like(z)
    count = (z + 118.0) / 18.0 + rng.uniform(0.0, 0.2)
    size = rng.normal(1.0, 0.05)
    return Spine(x, y, flat + 12.5 * size, flat + 8.5 * size, count, flat + 8.0,
                 flat + 5.8 * size, flat + 25.0 * size)  # fmt: skip


def paint_neck(scene: Scene) -> None:
    """Carotids, jugular veins, the large neck muscles, thyroid, nodes."""
    rng, grid, tissue = scene.draw("neck"), scene.grid, scene.tissue
    for side in (-1.0, 1.0):
        for name, points, radii, flat in STRANDS:
            jitter = rng.normal(0.0, 1.6, (len(points), 3))
            way = path(np.array(points) * (side, 1, 1) + jitter, 3.5)
            size = taper(len(way), radii) * rng.uniform(0.8, 1.2)
            body = tube(grid, way, size, flat=flat)
            scene.paint(body.view, body.distance - 1.5, tissue["fat"])
            scene.paint(body.view, body.distance, tissue[name])
        for _ in range(int(rng.integers(2, 7))):
            centre = rng.normal((side * 42, 2, -55), (5, 9, 22))
            extent = rng.uniform(2.5, 5.5) * rng.normal(1.0, 0.2, 3)
            scene.paint_ellipsoid(centre, extent, tissue["gland"] - rng.uniform(0, 30))

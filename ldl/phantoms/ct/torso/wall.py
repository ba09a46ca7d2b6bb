"""Skin, fat and muscles around the cavity of the trunk, and the fat that fills it."""

from __future__ import annotations

import numpy as np

from ..canvas import Scene
from ..fields import Array
from ..shapes import column, ellipsoid, ellipsoid_box, join, profile
from ..spine import paint_spine
from .bones import paint_girdle, paint_ribs
from .frame import BACK, FRONT, HALF, LEVELS, Frame

# Thickness of the muscles outside the cavity, to the side, in front and behind.
SIDE = (26, 19, 15, 13, 16, 26, 52, 88, 102, 72, 34)
FORE = (13, 12, 11, 12, 14, 17, 22, 25, 24, 24, 26)
REAR = (36, 40, 40, 32, 28, 30, 36, 44, 50, 50, 46)


def paint_wall(scene: Scene, frame: Frame) -> None:
    """Everything outside the cavity, the spine, and the fat inside."""
    rng, v, tissue = scene.draw("wall"), scene.grid.whole(), scene.tissue
    fat = rng.gamma(4.0, 4.0) + 4.0
    side, fore, rear = (
        profile(v.z, LEVELS, np.add(inner, wall))
        for inner, wall in ((HALF, SIDE), (FRONT, FORE), (BACK, REAR))
    )
    skin, _ = column(v, 0.0, 0.0, side + fat, fore + 1.15 * fat, rear + 0.6 * fat, 0.66)
    _breasts(scene, skin)
    _table(scene, float(rear.max()) + 0.6 * fat + 10.0)
    grease = tissue["fat"] + 8.0 * scene.grid.noise(rng, 12.0)
    scene.paint(v, skin, grease)
    # A pixel shows the skin as a thin brighter rim.
    scene.paint(v, np.abs(skin + 1.0) - 1.0, tissue["skin"], None, blend=0.5)
    muscle, _ = column(v, 0.0, 0.0, side, fore, rear, 0.6)
    layers = scene.grid.noise(rng, 26.0)
    flesh = tissue["muscle"] + 5.0 * scene.grid.noise(rng, 12.0)
    seam = np.clip(0.8 - np.abs(layers) / 0.11, 0.0, 0.8)
    scene.paint(v, muscle + 1.5 * layers, flesh + seam * (tissue["fat"] - flesh))
    _septa(scene, frame)
    paint_ribs(scene, frame)
    # Above the tips of the lungs there is more flesh than fat.
    neck = np.clip((v.z - 338.0) / 12.0, 0.0, 0.8)
    scene.paint(v, frame.cavity, grease + neck * (flesh - grease))
    _psoas(scene, frame)
    paint_spine(scene, frame.spine, fused_below=-112.0)
    paint_girdle(scene)


def _breasts(scene: Scene, skin: Array) -> None:
    """In half of the patients, flat as they lie: they move the skin."""
    rng = scene.draw("breasts")
    if rng.random() < 0.5:
        return
    size = rng.uniform(0.8, 1.25)
    for side in (-1.0, 1.0):
        centre = (side * 82, -92, 208 + rng.normal(0, 6))
        v = scene.grid.view(*ellipsoid_box(centre, (62, 40, 52), 20.0))
        mound = ellipsoid(v, centre, np.array((58, 30, 48)) * size)
        skin[v.box] = join(skin[v.box], mound, 20.0)


def _table(scene: Scene, behind: float) -> None:
    """The couch: a light core in a thin shell, curved, about `behind` mm behind the axis."""
    (y, x), v = scene.grid.couch, scene.grid.whole()
    deep = y - (scene.grid.depth * behind) + 0.0006 * x * x
    scene.paint(v, np.abs(deep - 9.0) - 6.0, -930.0, None)
    scene.paint(v, np.abs(deep) - 1.5, -350.0, None)


def _septa(scene: Scene, frame: Frame) -> None:
    """Fat between the long muscles of the back, in the layers of the flank, in the midline."""
    fat = scene.tissue["fat"]
    v = scene.grid.view((-75, 40, -1e3), (75, 160, 1e3))
    s = frame.spine.on(v)
    x = np.abs(v.x - s.x)
    septum = np.maximum(np.abs(x - 48.0 + 0.1 * (v.y - s.y)) - 2.0, s.y + 18.0 - v.y)
    middle = np.where(v.y > s.y + s.depth, x - 1.2, np.float32(9.0))
    outside = np.where(scene.image[v.box] < -250.0, np.float32(9.0), np.float32(-9.0))
    scene.paint(v, np.maximum(septum, outside), fat, None, blend=0.6)
    scene.paint(v, np.maximum(middle, outside), fat, None, blend=0.4)
    v = scene.grid.view((-1e3, -1e3, -1e3), (1e3, 1e3, 60))
    backward = v.cut(frame.backward)
    flank = np.abs(v.cut(frame.cavity) - 6.5) - 0.8 + 20.0 * (backward > 0.6)
    scene.paint(v, flank, fat, None, blend=0.5)
    v = scene.grid.view((-10, -1e3, -1e3), (10, 0, 100))
    alba = np.maximum(np.abs(v.x) - 3.0, v.cut(frame.backward) + 0.9)
    scene.paint(v, alba, fat, None, blend=0.6)


def _psoas(scene: Scene, frame: Frame) -> None:
    """The psoas muscles grow downwards beside the spine, the quadratus lies to their side."""
    v = scene.grid.view((-100, 0, -1e3), (100, 110, 48))
    s, flesh = frame.spine.on(v), scene.tissue["muscle"] + 4.0
    size = profile(v.z, (-160, -110, -40, 20, 50), (24, 23, 19, 11, 2))
    out = profile(v.z, (-160, -110, -40, 20, 50), (62, 48, 38, 30, 26))
    for side in (-1.0, 1.0):
        body, _ = column(v, s.x + side * out, s.y + 4.0, size, size * 1.05, size, 0.1)
        scene.paint(v, body, flesh)
        strap, _ = column(v, s.x + side * 66.0, s.y + 28.0, 22.0, 9.0, 9.0, 0.2)
        scene.paint(v, strap + 60.0 * ((v.z > 40) | (v.z < -75)), flesh - 4.0)

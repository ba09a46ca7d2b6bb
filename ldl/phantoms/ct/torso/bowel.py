"""Stomach, duodenum, small and large bowel: tubes with a wall and a changing content."""

from __future__ import annotations

import numpy as np

from ..canvas import Scene
from ..fields import Array, wave
from ..tubes import Tube, path, taper, tube
from .frame import Frame

DUODENUM = ((-18, -42, 34), (-34, -34, 36), (-42, -12, 30), (-44, 2, 8), (-42, 8, -18),
            (-28, 8, -36), (-4, -2, -40), (20, 2, -34), (32, -2, -12), (34, -16, -2))  # fmt: skip
COLON = ((-66, -22, -128), (-82, -8, -108), (-98, 14, -72), (-102, 26, -34), (-92, 8, -6),
         (-76, -36, -10), (-48, -62, -14), (-8, -72, -22), (30, -70, -8), (62, -56, 14),
         (92, -22, 44), (104, 10, 62), (108, 32, 44), (108, 38, 0), (106, 32, -50),
         (94, 10, -92), (76, -12, -120), (48, -24, -140), (20, -6, -150))  # fmt: skip
STOMACH = ((52, 24, 118), (62, 14, 104), (68, -8, 84), (64, -32, 66), (48, -50, 48),
           (22, -58, 36), (0, -54, 32), (-16, -46, 33))  # fmt: skip


def paint_bowel(scene: Scene, frame: Frame) -> None:
    """The small bowel first, so that the others lie on it."""
    _small_bowel(scene, frame)
    _colon(scene, frame)


def fill(scene: Scene, t: Tube, organ: str, wall: float, content: Array, gas: Array) -> None:
    """Paint a tube with its wall, a content per sample of its path, and gas that floats in front.

    `content` (n,) are Hounsfield units, `gas` (n,) how much of the diameter is gas, 0 to 1.
    """
    v, tissue = t.view, scene.tissue
    scene.paint_tube(t, tissue["bowel wall"], scene.code(organ))
    lumen = t.distance + wall
    inside = content.astype(np.float32)[t.nearest]
    scene.paint(v, lumen, inside, None)
    # Gas rises to the front; its level is flat within a loop.
    r = t.radius
    level = (t.points[:, 1] - r + 2.0 * r * gas).astype(np.float32)
    scene.paint(v, np.maximum(lumen, v.y - level[t.nearest]), scene.tissue["air"], None)


def _contents(
    rng: np.random.Generator, count: int, base: float, spread: float, loop: float
) -> Array:
    """Hounsfield units along a bowel: fluid, or bright where oral contrast has come."""
    out = base + spread * wave(rng, count, loop)
    if rng.random() < 0.3:
        dye = rng.uniform(120.0, 320.0)
        out = out + dye * np.clip(wave(rng, count, 3.0 * loop) + 0.3, 0.0, 1.0)
    return out


def _small_bowel(scene: Scene, frame: Frame) -> None:
    """One long loop after another through the middle of the belly, with mesenteric fat between."""
    rng = scene.draw("small bowel")
    count = int(rng.integers(42, 60))
    room = np.array((78.0, 44.0, 64.0))
    points = np.empty((count, 3))
    points[0] = (34, -16, -2)
    for k in range(1, count):
        offers = rng.uniform(-1.0, 1.0, (24, 3))
        offers = offers[(offers**2).sum(1) < 1.0] * room + (4, -34, -82)
        far = np.linalg.norm(offers[:, None] - points[None, :k], axis=2).min(1)
        step = np.linalg.norm(offers - points[k - 1], axis=1)
        points[k] = offers[np.argmax(np.minimum(far, 26.0) - 0.4 * step)]
    way = path(points, 5.5)
    radius = rng.uniform(9.5, 13.5) * (1.0 + 0.16 * wave(rng, len(way), 6.0))
    behind = 34.0 - radius
    way[:, 1] = np.where(np.abs(way[:, 0]) < 60, np.minimum(way[:, 1], behind - 20), way[:, 1])
    t = tube(scene.grid, way, np.clip(radius, 7.0, 17.0), reach=4.0)
    content = _contents(rng, len(way), 22.0, 12.0, 8.0)
    gas = np.clip(0.45 * wave(rng, len(way), 8.0) - 0.35, 0.0, 0.8)
    clipped = np.maximum(t.distance, t.view.cut(frame.cavity) + 2.0)
    t = Tube(t.view, clipped, t.nearest, t.points, t.radius)
    fill(scene, t, "small bowel", rng.uniform(1.8, 3.0), content, gas)


def _colon(scene: Scene, frame: Frame) -> None:
    """The frame of the large bowel with its pouches, filled with stool, fluid or gas."""
    rng = scene.draw("large bowel")
    points = np.array(COLON) + rng.normal(0.0, 4.0, (len(COLON), 3))
    sag = rng.gamma(2.0, 9.0)
    points[6:9, 2] -= sag * np.array((0.6, 1.0, 0.6))
    way = path(points, 5.0)
    s = np.arange(len(way)) * 5.0
    wide = taper(len(way), (26, 25, 22, 21, 20, 20, 19, 17, 15, 15, 14, 14)) * rng.uniform(0.8, 1.2)
    wide = wide * (1.0 + 0.13 * wave(rng, len(way), 14.0))
    pouch = 1.0 + 0.12 * np.sin(2 * np.pi * s / rng.uniform(28.0, 36.0))
    t = tube(scene.grid, way, np.clip(wide * pouch, 9.0, 32.0), reach=4.0)
    clipped = np.maximum(t.distance, t.view.cut(frame.cavity) + 2.0)
    clipped = np.maximum(clipped, 0.7 * t.view.cut(frame.above) + 2.0)
    t = Tube(t.view, clipped, t.nearest, t.points, t.radius)
    content = _contents(rng, len(way), 25.0, 20.0, 12.0)
    gas = np.clip(0.5 * wave(rng, len(way), 12.0) + rng.uniform(-0.3, 0.35), 0.0, 1.0)
    fill(scene, t, "large bowel", rng.uniform(2.0, 3.4), content, gas)
    # Stool is crumbly: small bubbles all through it.
    crumbs = scene.grid.noise(rng, 7.0, t.view)
    dry = (wave(rng, len(way), 20.0) > -0.2)[t.nearest]
    bubbles = np.where(dry, t.distance + 4.0, 9.0)
    scene.paint(t.view, np.maximum(bubbles, 5.0 * (0.9 - crumbs)), -420.0, None, blend=0.7)


def paint_duodenum(scene: Scene) -> None:
    """From the pylorus round the head of the pancreas and across the spine."""
    rng = scene.draw("duodenum")
    points = np.array(DUODENUM) + rng.normal(0.0, 2.5, (len(DUODENUM), 3))
    way = path(points, 4.0)
    radius = rng.uniform(9.5, 13.0) * (1.0 + 0.14 * wave(rng, len(way), 5.0))
    t = tube(scene.grid, way, radius, flat=0.9, reach=4.0)
    gas = np.clip(0.5 * wave(rng, len(way), 6.0) - 0.4, 0.0, 0.8)
    fill(scene, t, "duodenum", 2.6, _contents(rng, len(way), 22.0, 12.0, 6.0), gas)


def paint_stomach(scene: Scene, frame: Frame) -> None:
    """From the dome to the pylorus, collapsed or full, with a level of gas in front."""
    rng = scene.draw("stomach")
    points = np.array(STOMACH) + rng.normal(0.0, 3.0, (len(STOMACH), 3))
    points[3:6, 2] -= rng.gamma(2.0, 6.0)
    way = path(points, 5.0)
    size = rng.uniform(0.72, 1.15)
    radius = np.maximum(size * taper(len(way), (30, 36, 36, 33, 29, 25, 20, 15)), 13.0)
    t = tube(scene.grid, way, radius, reach=8.0, flat=rng.uniform(0.85, 1.0))
    wavy = t.distance + 1.8 * scene.grid.noise(rng, 16.0, t.view)
    room = np.maximum(t.view.cut(frame.cavity), 0.7 * t.view.cut(frame.above)) + 3.0
    t = Tube(t.view, np.maximum(wavy, room), t.nearest, t.points, t.radius)
    food = rng.uniform(5.0, 45.0) if rng.random() < 0.75 else rng.uniform(120.0, 300.0)
    content = np.full(len(way), food) + 6.0 * wave(rng, len(way), 6.0)
    front = float((way[:, 1] - radius).min())
    depth = rng.uniform(-0.1, 0.45)
    level = front + depth * 90.0
    gas = np.clip((level - way[:, 1] + radius) / (2.0 * radius), 0.0, 1.0)
    fill(scene, t, "stomach", rng.uniform(3.0, 5.0), content, gas)
    lumps = scene.grid.noise(rng, 11.0, t.view)
    solid = np.maximum(t.distance + 5.0, 5.0 * (0.6 - lumps))
    behind = np.maximum(solid, level - t.view.y)
    scene.paint(t.view, behind, food + rng.uniform(-60.0, 60.0), None, blend=0.6)

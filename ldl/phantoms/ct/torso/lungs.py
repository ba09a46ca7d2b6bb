"""Lungs above the diaphragm, the fat of the mediastinum, windpipe, gullet."""

from __future__ import annotations

import numpy as np

from ..canvas import Scene
from ..fields import Array
from ..grid import View
from ..shapes import column, join, profile
from ..tubes import path, taper, tube
from .frame import Frame

MIDDLE_Z = (90, 140, 175, 210, 240, 270, 300, 330, 356)
MIDDLE_X = (12, 16, 16, 10, 2, 0, 0, 0, 0)
MIDDLE_HALF = (24, 24, 26, 30, 32, 29, 26, 26, 30)
ESOPHAGUS = ((6, 20, 372), (6, 27, 330), (5, 33, 290), (3, 37, 250), (3, 39, 215), (8, 39, 180),
             (15, 32, 148), (20, 22, 126), (28, 10, 112))  # fmt: skip
TRACHEA = ((2, 2, 372), (2, 7, 335), (0, 13, 295), (-2, 20, 252))


def paint_lungs(scene: Scene, frame: Frame) -> None:
    """Both lungs with vessels and disease, effusions in a few, mediastinal fat between them."""
    rng, tissue = scene.draw("lungs"), scene.tissue
    v = scene.grid.view((-1e3, -1e3, 15), (1e3, 1e3, 1e3))
    if v.x.size == 0:
        return
    cavity, above = v.cut(frame.cavity), v.cut(frame.above)
    lung = np.maximum(np.maximum(cavity + 2.0, -0.7 * above), v.z - 352.0)
    value = tissue["lung"] + 0.5 * v.y + 18.0 * scene.grid.noise(rng, 18.0, v)
    value = value + _vessels(scene, rng, v, cavity)
    value = _disease(scene, rng, v, value, lung)
    for organ, side in (("left lung", 1.0), ("right lung", -1.0)):
        half = np.maximum(lung, 3.0 - side * (v.x - 2.0))
        scene.paint(v, half, value, scene.code(organ))
        if rng.random() < 0.12:
            fluid = np.maximum(half - 2.0, rng.uniform(35.0, 75.0) - v.y)
            scene.paint(v, fluid, rng.uniform(2.0, 30.0))
    _mediastinum(scene, rng, frame, v)


def _vessels(scene: Scene, rng: np.random.Generator, v: View, cavity: Array) -> Array:
    """Where two noise fields vanish together there are lines: vessels, wider to the hilum."""
    a, b = scene.grid.noise(rng, 13.0, v), scene.grid.noise(rng, 13.0, v)
    deep = np.clip(-cavity / 70.0, 0.0, 1.0)
    width = 0.1 + 0.26 * deep
    line = np.clip(1.6 - 1.6 * np.sqrt(a * a + b * b) / width, 0.0, 1.0)
    return (scene.tissue["pulmonary"] * 0.6 + 850.0) * line * np.clip(deep * 8.0, 0.0, 0.9)


def _disease(scene: Scene, rng: np.random.Generator, v: View, value: Array, lung: Array) -> Array:
    """Dependent atelectasis in most, patches of consolidation or emphysema in some: all lung."""
    low = np.clip((v.y - rng.uniform(62, 90)) / 16.0, 0.0, 1.0) * np.clip(1.0 + lung / 14.0, 0, 1)
    value = value + rng.uniform(100.0, 500.0) * low
    if rng.random() < 0.35:
        patch = scene.grid.noise(rng, 30.0, v) + 0.7 * scene.grid.noise(rng, 11.0, v)
        patch = np.clip(patch - rng.uniform(1.2, 1.8), 0.0, 1.0)
        value = value + patch * (rng.uniform(-400.0, 20.0) - value)
    if rng.random() < 0.3:
        value = value - 60.0 * np.clip(scene.grid.noise(rng, 14.0, v), 0.0, 2.0)
    return value


def _mediastinum(scene: Scene, rng: np.random.Generator, frame: Frame, v: View) -> None:
    """Fat in front of the spine, wide at the heart, thin before and behind."""
    x = profile(v.z, MIDDLE_Z, np.add(MIDDLE_X, rng.normal(0, 2.0, len(MIDDLE_Z))))
    half = profile(v.z, MIDDLE_Z, MIDDLE_HALF) * rng.normal(1.0, 0.07)
    front = profile(v.z, (90, 200, 260, 300, 356), (70, 66, 52, 40, 20))
    body, _ = column(v, x, 2.0, half, front, 48.0, 0.25)
    body = body + 3.0 * scene.grid.noise(rng, 22.0, v)
    seam = np.abs(v.x - 0.5 * x) - 3.0
    seam = np.maximum(seam, -0.2 * v.y - 4.0)
    fat = scene.tissue["fat"] + 12.0
    hidden = np.maximum(join(body, seam, 14.0), v.cut(frame.cavity))
    scene.paint(v, np.maximum(hidden, -4.0 - v.cut(frame.above)), fat)


def paint_airways(scene: Scene) -> None:
    """Gullet and windpipe with the main bronchi; the label of the windpipe ends at the fork."""
    rng, grid, tissue = scene.draw("airways"), scene.grid, scene.tissue
    way = path(np.array(ESOPHAGUS) + rng.normal(0.0, 2.0, (len(ESOPHAGUS), 3)) * (1, 0.6, 0.3), 4.0)
    swell = 1.0 + 0.18 * np.sin(np.linspace(0, 9, len(way)) + rng.uniform(0, 6))
    gullet = tube(grid, way, rng.uniform(6.4, 8.4) * swell, flat=rng.uniform(0.65, 0.9))
    scene.paint_tube(gullet, tissue["esophagus"], scene.code("esophagus"))
    gas = np.isin(gullet.nearest // 5, np.flatnonzero(rng.random(len(way)) < 0.25))
    scene.paint(gullet.view, gullet.distance + 4.0 + 9.0 * ~gas, -700.0, None)
    way = path(np.array(TRACHEA) + rng.normal(0.0, 1.6, (4, 3)), 4.0)
    size = rng.uniform(8.0, 10.0)
    wind = tube(grid, way, size, flat=rng.uniform(0.85, 1.05))
    for end, turn in (((-30, 24, 230), (-52, 26, 216)), ((34, 26, 226), (54, 28, 214))):
        bronchus = path([way[-1] + (0, 0, 4), end, turn], 4.0)
        branch = tube(grid, bronchus, taper(len(bronchus), (0.8 * size, 0.7 * size, 0.5 * size)))
        scene.paint(branch.view, branch.distance - 1.5, tissue["esophagus"])
        scene.paint(branch.view, branch.distance, tissue["air"], None)
    scene.paint(wind.view, wind.distance - 1.6, tissue["esophagus"] + 10.0)
    scene.paint_tube(wind, tissue["air"], scene.code("trachea"))

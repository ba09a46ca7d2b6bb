"""Liver, spleen and gallbladder."""

from __future__ import annotations

import numpy as np

from ..canvas import Scene
from ..fields import Array
from ..grid import View
from ..shapes import carve, ellipsoid, ellipsoid_box, join, rotation
from .frame import Frame


def under(view: View, frame: Frame, gap: float = 3.0) -> Array:
    """Signed distance to the room below the diaphragm and inside the wall."""
    return np.maximum(view.cut(frame.cavity) + gap, 0.7 * view.cut(frame.above) + gap)


def paint_liver(scene: Scene, frame: Frame) -> None:
    """The liver fills the right dome; its left lobe reaches over the stomach, more or less far."""
    rng, tissue, grid = scene.draw("liver"), scene.tissue, scene.grid
    v = grid.view((-160, -120, -60), (100, 110, 165))
    low = rng.normal(0.0, 10.0)
    right = ellipsoid(v, (-72, 2, 82 + 0.3 * low), (80, 90, 84 - 0.7 * low), rotation(12, -14))
    reach = rng.uniform(48.0, 84.0)
    lobe = (10 + rng.normal(0, 4), -52, 106), (reach, 36 + rng.normal(0, 3), 38 + rng.normal(0, 4))
    body = join(right, ellipsoid(v, *lobe, rotation(8 + rng.normal(0, 5), 12)), 18.0)
    for centre, radii in (
        ((26, 46, 66), (56, 44, 96)),
        ((-18, -16, 22 + 0.3 * low), (26, 34, 34)),
        ((-68, -40 + rng.normal(0, 4), 14), (34, 34, 22)),
        ((-64, 52, 10), (34, 32, 50)),
    ):
        body = carve(body, ellipsoid(v, centre, radii), 10.0)
    body = np.maximum(body + 3.0 * grid.noise(rng, 38.0, v), under(v, frame))
    texture = 4.0 * grid.noise(rng, 9.0, v) + 3.0 * grid.noise(rng, 35.0, v)
    value = tissue["liver"] + texture + _branches(scene, rng, v)
    fissure = np.maximum(np.abs(v.x + 14.0 + 0.25 * v.y) - 1.6, v.y + 26.0 + 0.2 * (v.z - 60))
    value = np.where(fissure < 0, tissue["fat"] * 0.5, _lesions(scene, rng, v, value))
    scene.paint(v, body, value, scene.code("liver"))


def _branches(scene: Scene, rng: np.random.Generator, v: View) -> Array:
    """Portal and hepatic veins: lines where two noise fields vanish, wider in the middle."""
    a, b = scene.grid.noise(rng, 34.0, v), scene.grid.noise(rng, 34.0, v)
    inner = np.exp(-(((v.x + 45) / 55) ** 2 + ((v.y + 5) / 50) ** 2 + ((v.z - 80) / 50) ** 2))
    line = np.clip(1.5 - 1.5 * np.sqrt(a * a + b * b) / (0.03 + 0.17 * inner), 0.0, 1.0)
    return (scene.tissue["portal"] - scene.tissue["liver"]) * line


def _lesions(scene: Scene, rng: np.random.Generator, v: View, value: Array) -> Array:
    """Cysts or metastases in a third of the livers: darker, part of the organ."""
    if rng.random() > 0.35:
        return value
    core = 15.0 if rng.random() < 0.5 else scene.tissue["liver"] - 35.0
    for _ in range(int(rng.integers(1, 4))):
        centre = rng.normal((-70, 0, 80), (35, 30, 30))
        spot = ellipsoid(v, centre, rng.uniform(5, 17) * rng.normal(1, 0.15, 3))
        value = value + np.clip(0.5 - spot / 3.0, 0.0, 1.0) * (core - value)
    return value


def paint_spleen(scene: Scene, frame: Frame) -> None:
    """A crescent under the left dome, mottled in the arterial phase."""
    rng, tissue, grid = scene.draw("spleen"), scene.tissue, scene.grid
    size = rng.normal(1.08, 0.13)
    centre = np.array((99, 34, 84)) + rng.normal(0.0, (3, 6, 6))
    radii = np.array((38, 52, 52)) * size * rng.normal(1.0, 0.06, 3)
    v = grid.view(*ellipsoid_box(centre, radii, 8.0))
    body = ellipsoid(v, centre, radii, rotation(-14 + rng.normal(0, 8), 12, 12))
    hollow = ellipsoid(v, (centre[0] - 53, centre[1] - 22, centre[2] - 4), (36, 42, 80))
    body = carve(body, hollow, 8.0) + 2.0 * grid.noise(rng, 24.0, v)
    mottle = 3.0 + 0.12 * max(tissue["artery"] - 180.0, 0.0)
    value = tissue["spleen"] + mottle * grid.noise(rng, 12.0, v)
    scene.paint(v, np.maximum(body, under(v, frame)), value, scene.code("spleen"))


def paint_gallbladder(scene: Scene) -> None:
    """A pear under the liver, full or contracted, sometimes with stones or sludge."""
    rng, grid = scene.draw("gallbladder"), scene.grid
    size = rng.uniform(0.75, 1.3)
    centre = np.array((-50, -40, 28)) + rng.normal(0.0, (7, 7, 7))
    radii = np.array((14.0, 17.0, 25.0)) * size
    v = grid.view(*ellipsoid_box(centre, radii, 6.0))
    turn = rotation(rng.normal(-20, 12), rng.normal(0, 10), rng.normal(-30, 10))
    body = ellipsoid(v, centre, radii, turn) + 1.0 * grid.noise(rng, 16.0, v)
    neck = ellipsoid(v, centre + turn @ (4, 6, 24 * size), (7, 8, 13), turn)
    body = join(body, neck, 8.0)
    wall = scene.tissue["bowel wall"] - 15.0
    scene.paint(v, body, wall, scene.code("gallbladder"))
    scene.paint(v, body + 2.2, scene.tissue["bile"] + 2.0 * grid.noise(rng, 8.0, v), None)
    if rng.random() < 0.2:
        layer = v.y - centre[1] - radii[1] * rng.uniform(0.3, 0.7)
        low = np.maximum(body + 3.0, -layer)
        scene.paint(v, low, rng.uniform(60.0, 260.0), None)

"""The kidneys in their fat."""

from __future__ import annotations

import numpy as np

from ..canvas import Scene
from ..shapes import carve, ellipsoid, ellipsoid_box, rotation
from .frame import Frame


def paint_kidneys(scene: Scene, frame: Frame) -> None:
    """Both kidneys lean on the psoas in a shell of fat, the right one lower than the left."""
    for side, organ in ((1.0, "left kidney"), (-1.0, "right kidney")):
        _kidney(scene, frame, side, organ)


def _kidney(scene: Scene, frame: Frame, side: float, organ: str) -> None:
    rng, tissue, grid = scene.draw(organ), scene.tissue, scene.grid
    centre = np.array((side * 63, 40, 16 if side > 0 else 3)) + rng.normal(0.0, (4, 4, 9))
    radii = np.array((26, 28, 49)) * rng.normal(1.0, 0.07) * rng.normal(1.0, 0.04, 3)
    turn = rotation(side * (32 + rng.normal(0, 8)), side * (-12 + rng.normal(0, 3)), 8)
    v = grid.view(*ellipsoid_box(centre, radii, 14.0))
    body = ellipsoid(v, centre, radii, turn) + 1.6 * grid.noise(rng, 18.0, v)
    hilum = centre + turn @ (-side * 20.0, 0.0, 0.0)
    sinus = ellipsoid(v, hilum, (17, 9, 24 * rng.normal(1, 0.12)), turn)
    body = carve(body, sinus, 5.0)
    room = v.cut(frame.cavity) - 3.0
    fat = tissue["fat"] + 6.0 * grid.noise(rng, 10.0, v)
    scene.paint(v, np.maximum(body - rng.uniform(4.0, 14.0), room), fat)
    wedge = grid.noise(rng, 10.0, v)
    depth = np.clip(-(body + 5.5 + 2.5 * wedge) / 3.0, 0.0, 1.0)
    value = tissue["renal cortex"] + depth * (tissue["renal medulla"] - tissue["renal cortex"])
    scene.paint(v, np.maximum(body, room), value, scene.code(organ))
    scene.paint(v, np.maximum(sinus + 1.0, body - 8.0), fat)
    pelvis = ellipsoid(v, hilum + turn @ (-side * 4.0, 0, 0), (9, 4.5, 10), turn)
    scene.paint(v, pelvis, 12.0 if tissue["artery"] > 120 else 12.0 + 0.8 * tissue["vein"])
    if rng.random() < 0.2:
        cyst = ellipsoid(v, centre + turn @ rng.normal(0, (12, 12, 24)), [rng.uniform(6, 13)] * 3)
        scene.paint(v, np.maximum(cyst, body - 6.0), 8.0, None)

"""Cheeks, nose, sinuses and the bones of the orbits."""

from __future__ import annotations

import numpy as np

from ..canvas import Scene
from ..shapes import ellipsoid, ellipsoid_box, join, rotation
from ..tubes import path, taper, tube

ZYGOMA = ((28, -78, 6), (46, -66, 8), (60, -42, 8), (65, -18, 6), (62, 4, 6))
# Chewing muscles on the left: temporal, lateral and medial pterygoid, masseter.
CHEWING = (
    ((59, -26, 22), (7, 22, 30)),
    ((40, -16, -2), (10, 13, 9)),
    ((35, -12, -26), (6, 12, 19)),
    ((56, -22, -28), (7, 15, 25)),
)


def paint_face(scene: Scene) -> None:
    """The middle of the face, from its bones to the air in it."""
    rng = scene.draw("face")
    _nose(scene, rng)
    for side in (-1.0, 1.0):
        _sinus(scene, rng, side)
        _orbit(scene, side)
    _middle_cells(scene, rng)


def paint_cheeks(scene: Scene) -> None:
    """Zygomatic arches and the chewing muscles under them; the skull is painted over them."""
    rng, grid, tissue = scene.draw("cheeks"), scene.grid, scene.tissue
    for side in (-1.0, 1.0):
        for centre, radii in CHEWING:
            at = np.array(centre) * (side, 1, 1) + rng.normal(0.0, 1.2, 3)
            size = np.array(radii) * rng.normal(1.0, 0.08, 3)
            v = grid.view(*ellipsoid_box(at, size, 5.0))
            body = ellipsoid(v, at, size, rotation(side * 12))
            scene.paint(v, body - 2.5, tissue["fat"])
            scene.paint(v, body, tissue["muscle"] + 3.0)
        pad = np.array((side * 45, -42, -18)) + rng.normal(0.0, 2.0, 3)
        scene.paint_ellipsoid(pad, (10, 14, 15), tissue["fat"])
        arch = path(np.array(ZYGOMA) * (side, 1, 1))
        bar = tube(grid, arch, taper(len(arch), (5, 6.5, 4, 3.2, 3.2)), tall=1.6)
        scene.paint_tube(bar, tissue["cortex"] + 250.0)


def _nose(scene: Scene, rng: np.random.Generator) -> None:
    """Nasal cavity with septum and turbinates, hard palate below, nasal bone above."""
    grid, tissue = scene.grid, scene.tissue
    v = grid.view((-26, -112, -24), (26, -14, 34))
    hollow = ellipsoid(v, (0, -58, 8), (17, 40, 24))
    scene.paint(v, hollow - 2.0, 0.6 * tissue["cortex"])
    scene.paint(v, hollow, tissue["mucosa"] - 20.0)
    bend = rng.normal(0.0, 2.0)
    septum = np.abs(v.x - bend * np.sin(v.y / 12.0)) - 1.6
    shell = np.abs(np.sin(v.z / 5.2 + np.abs(v.x) / 9.0 + rng.uniform(0, 3)))
    swollen = rng.uniform(0.35, 0.75)
    air = np.maximum(np.maximum(hollow + 2.0, 1.0 - septum), 6.0 * (swollen - shell))
    scene.paint(v, air, -900.0, None)
    vault = np.abs(v.z + 16.0 - 0.004 * v.x * v.x) - 1.9
    palate = np.maximum(vault, ellipsoid(v, (0, -58, -16), (20, 29, 14)))
    scene.paint(v, palate, 0.9 * tissue["cortex"])
    bridge = path([(0, -92, 32), (0, -102, 20), (0, -108, 12)], 3.0)
    bone = tube(grid, bridge, 3.6)
    scene.paint(bone.view, bone.distance, 0.8 * tissue["cortex"])


def _sinus(scene: Scene, rng: np.random.Generator, side: float) -> None:
    """A maxillary sinus: air in a thin shell of bone, some with swollen lining or a fluid level."""
    grid, tissue = scene.grid, scene.tissue
    centre = np.array((side * 29, -56, 4)) + rng.normal(0.0, 1.5, 3)
    radii = np.array((14, 17, 17)) * rng.normal(1.0, 0.1, 3)
    v = grid.view(*ellipsoid_box(centre, radii, 6.0))
    body = ellipsoid(v, centre, radii, rotation(side * 20)) + grid.noise(rng, 14.0, v)
    scene.paint(v, body - 2.0, tissue["cortex"] + 100.0)
    lining = rng.gamma(1.0, 1.8)
    fluid = 60.0 if rng.random() < 0.8 else rng.uniform(-0.5, 0.5) * radii[1]
    scene.paint(v, body, tissue["mucosa"] - 15.0, None)
    scene.paint(v, np.maximum(body + lining, v.y - centre[1] - fluid), -980.0, None)


def _orbit(scene: Scene, side: float) -> None:
    """The fat of an orbit in its cone of bone."""
    v, tissue = scene.grid.view((-60, -100, 4), (60, -14, 56)), scene.tissue
    wide = ellipsoid(v, (side * 32, -70, 27), (19, 20, 17))
    deep = ellipsoid(v, (side * 24, -50, 30), (11, 24, 11), rotation(side * -28))
    cone = join(wide, deep, 12.0)
    rim = np.maximum(cone - 3.0, np.maximum(-70.0 - v.y, -0.1 * v.y - 5.0))
    scene.paint(v, rim, tissue["cortex"] + 120.0)
    scene.paint(v, np.maximum(cone, -84.0 - v.y), tissue["fat"] + 6.0)


def _middle_cells(scene: Scene, rng: np.random.Generator) -> None:
    """Ethmoid cells, sphenoid and frontal sinus: chambers of air with walls of bone."""
    grid, tissue = scene.grid, scene.tissue
    for centre, radii, cell in (
        ((0, -56, 29), (11.5, 24, 10), 7.0),
        ((0, -24, 24), (14, 11, 9), 16.0),
        ((0, -88, 46), (16, 5, 11), 14.0),
    ):
        size = np.array(radii) * rng.normal(1.0, 0.12, 3)
        v = grid.view(*ellipsoid_box(centre, size, 5.0))
        body = ellipsoid(v, centre, size)
        scene.paint(v, body - 1.5, tissue["cortex"])
        walls = np.abs(grid.noise(rng, cell, v))
        filled = tissue["mucosa"] if rng.random() < 0.15 else -900.0
        scene.paint(v, np.maximum(body, 6.0 * (0.22 - walls)), filled, None)

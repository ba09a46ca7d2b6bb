"""Mandible, teeth, tongue and the airway with its cartilages."""

from __future__ import annotations

import numpy as np

from ..canvas import Scene
from ..fields import Array
from ..grid import Grid
from ..shapes import ellipsoid, ellipsoid_box
from ..tubes import Tube, path, taper, tube

ARCH = (
    (48, -10, -42),
    (44, -30, -46),
    (37, -54, -49),
    (25, -76, -51),
    (10, -87, -52),
    (-10, -87, -52),
    (-25, -76, -51),
    (-37, -54, -49),
    (-44, -30, -46),
    (-48, -10, -42),
)
RAMUS = ((48, -14, -42), (49.5, -10, -24), (51, -8, -12))
THROAT = ((-22, 2), (-13, -14), (-10, -32), (-14, -52), (-24, -72), (-26, -92), (-22, -112))
DENTAL = ((36, -34), (32, -52), (24, -68), (12, -80), (0, -84), (-12, -80), (-24, -68), (-32, -52),
          (-36, -34))  # fmt: skip


def paint_mouth(scene: Scene) -> None:
    """Tongue, floor of the mouth, throat and larynx with its cartilages and the hyoid bone."""
    rng, grid, tissue = scene.draw("mouth"), scene.grid, scene.tissue
    for centre, radii in (((0, -56, -34), (25, 32, 17)), ((0, -50, -52), (22, 30, 12))):
        at = np.array(centre) + rng.normal(0.0, 1.5, 3)
        v = grid.view(*ellipsoid_box(at, radii, 6.0))
        stripes = 5.0 * grid.noise(rng, 7.0, v)
        body = ellipsoid(v, at, radii)
        scene.paint(v, body - 2.0, tissue["fat"] + 40.0)
        scene.paint(v, body, tissue["muscle"] + stripes)
    wide = rng.uniform(0.75, 1.3)
    points = [(0, y, z) for y, z in THROAT]
    way = path(np.array(points) + rng.normal(0.0, 1.2, (7, 3)) * (0.5, 1, 1), 3.0)
    radius = taper(len(way), (11, 11, 10, 12, 7.5, 8.5, 8.5)) * wide
    throat = tube(grid, way, radius, flat=0.62)
    scene.paint(throat.view, throat.distance - 3.5, tissue["mucosa"])
    scene.paint(throat.view, throat.distance, tissue["air"])
    hyoid = path([(20, -28, -66), (17, -44, -69), (0, -52, -70), (-17, -44, -69), (-20, -28, -66)])
    bone = tube(grid, hyoid, 2.8)
    scene.paint(bone.view, bone.distance, 0.7 * tissue["cortex"])
    v = grid.view((-30, -60, -104), (30, 0, -76))
    shield = ellipsoid(v, (0, -22, -88), (19, 26, 19))
    shield = np.maximum(np.abs(shield) - 1.6, v.y + 16.0)
    scene.paint(v, shield, tissue["cartilage"] + rng.uniform(0.0, 250.0))


def paint_jaw(scene: Scene) -> None:
    """The mandible as one labelled body of compact and spongy bone, and both rows of teeth."""
    rng, tissue = scene.draw("mandible"), scene.tissue
    size = rng.normal((1.0, 1.0, 1.0), (0.04, 0.05, 0.02))
    drop = rng.uniform(-3.0, 4.0)
    parts = _mandible(scene.grid, size, drop)
    for part in parts:
        scene.paint_tube(part, 1.7 * tissue["cortex"], scene.code("mandible"))
    for part in parts:
        scene.paint(part.view, part.distance + 2.4, tissue["marrow"] + 120.0, None)
    _teeth(scene, rng, drop)


def _mandible(grid: Grid, size: Array, drop: float) -> list[Tube]:
    """The arch, and on both sides the ramus with the joint and the spur before it."""
    arch = path(np.array(ARCH) * size - (0, 0, drop), 4.0)
    parts = [tube(grid, arch, taper(len(arch), (5.2, 5.8, 6.4, 5.8, 5.2)), tall=2.2)]
    for side in (-1.0, 1.0):
        mirror = np.array((side, 1, 1)) * size
        ramus = path(np.array(RAMUS) * mirror, 3.0)
        parts.append(tube(grid, ramus, 4.4, flat=3.1))
        for top, radius in (((52, 3, 0), (4.4, 5.2)), ((47, -24, 0), (4.0, 2.5))):
            base = ramus[-1] + (0, 0.5 * (top[1] + 8), -4)
            neck = path(np.stack([base, np.array(top) * mirror]), 3.0)
            parts.append(tube(grid, neck, taper(len(neck), radius), flat=1.3))
    return parts


def _teeth(scene: Scene, rng: np.random.Generator, drop: float) -> None:
    """Two rows of teeth, with gaps and, in many patients, metal that throws streaks."""
    metal = rng.random() < 0.45
    for z, tall in ((-33.0 - drop, 2.0), (-22.0, 2.2)):
        row = path([(x, y, z) for x, y in DENTAL], 7.0)
        kept = row[rng.random(len(row)) > rng.choice([0.05, 0.3])]
        for tooth in kept:
            filled = metal and rng.random() < 0.22
            body = tube(scene.grid, tooth[None], rng.uniform(3.0, 4.0), tall=tall)
            value = 3050.0 if filled else scene.tissue["tooth"]
            part = scene.label[body.view.box]
            scene.paint(body.view, body.distance, value, None)
            part[(body.distance < 0) & (body.view.z > z - 4.0)] = 0

"""The salivary glands: parotid and submandibular."""

from __future__ import annotations

import numpy as np

from ..canvas import Scene
from ..fields import Array
from ..grid import Box
from ..shapes import ellipsoid, ellipsoid_box, join, rotation
from ..tubes import path, tube


def paint_glands(scene: Scene) -> None:
    """Parotids behind the jaw and submandibular glands below it, near in density to muscle."""
    rng = scene.draw("glands")
    for side, word in ((1.0, "left"), (-1.0, "right")):
        _parotid(scene, rng, side, scene.code(f"{word} parotid"))
        _submandibular(scene, rng, side, scene.code(f"{word} submandibular gland"))


def _parotid(scene: Scene, rng: np.random.Generator, side: float, label: int) -> None:
    grid, tissue = scene.grid, scene.tissue
    size = rng.normal(1.0, 0.09) * rng.normal(1.0, 0.05, 3)
    centre = np.array((side * 58, 7, -22)) + rng.normal(0.0, (1.5, 2.0, 3.0))
    v = grid.view(*ellipsoid_box(centre, (14, 26, 30), 6.0))
    outer = ellipsoid(v, centre, np.array((10, 20, 27)) * size, rotation(side * -14))
    deep = ellipsoid(v, np.add(centre, (-side * 9, 5, 2)), np.array((12, 9, 17)) * size)
    front = ellipsoid(v, np.add(centre, (side * 4, -19, 8)), np.array((5, 11, 11)) * size)
    body = join(join(outer, deep, 8.0), front, 6.0) + 1.2 * grid.noise(rng, 11.0, v)
    mastoid = ellipsoid(v, (side * 52, 27, 0), (15, 16, 22))
    body = _spare_bone(scene, v.box, np.maximum(body, -mastoid))
    fatty = np.clip(0.5 + 0.5 * grid.noise(rng, 6.0, v), 0.0, 1.0) * 30.0
    scene.paint(v, body, tissue["parotid"] + 12.0 - fatty, label)
    way = path(centre + np.array([(-side * 5, 3, -26), (-side * 4, 1, 0), (-side * 3, 1, 22)]))
    vein = tube(grid, way, 2.6)
    scene.paint(vein.view, vein.distance, tissue["vein"], None)


def _submandibular(scene: Scene, rng: np.random.Generator, side: float, label: int) -> None:
    grid = scene.grid
    size = rng.normal(1.0, 0.1) * rng.normal(1.0, 0.05, 3)
    centre = np.array((side * 29, -35, -59)) + rng.normal(0.0, (2.0, 3.0, 2.5))
    v = grid.view(*ellipsoid_box(centre, (11, 18, 16), 6.0))
    body = ellipsoid(v, centre, np.array((9.5, 15, 14)) * size, rotation(side * 24))
    body = _spare_bone(scene, v.box, body + 0.9 * grid.noise(rng, 10.0, v))
    scene.paint(v, body - 2.0, scene.tissue["fat"], None, blend=0.6)
    texture = 6.0 * grid.noise(rng, 5.0, v)
    scene.paint(v, body, scene.tissue["gland"] + texture, label)


def _spare_bone(scene: Scene, box: Box, body: Array) -> Array:
    """The body without voxels that are bone or air already."""
    taken = (scene.image[box] > 230.0) | (scene.image[box] < -300.0)
    return np.maximum(body, np.where(taken, np.float32(6.0), np.float32(-60.0)))

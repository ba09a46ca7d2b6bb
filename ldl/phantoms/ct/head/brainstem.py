"""The brainstem and the optic chiasm in their cisterns."""

from __future__ import annotations

import numpy as np

from ..canvas import Scene
from ..fields import Array
from ..grid import View
from ..shapes import column, ellipsoid, profile
from ..tubes import path, tube

# Height, middle, half width, reach to the front and to the back, from the medulla to the midbrain.
LEVELS = (-4, 6, 14, 22, 30, 38, 46, 54)
MIDDLE = (27, 24, 19, 14, 12, 11, 11, 10)
HALF = (7.5, 8.5, 13, 17, 16.5, 15, 17, 17)
FORE = (6.5, 7, 10, 13, 12, 9, 10, 9)
REAR = (6.5, 7, 8, 9.5, 9.5, 10, 10, 9)
CISTERNS = (
    ((0, -7, 41), (17, 13, 6)),
    ((0, 12, 44), (24, 15, 7)),
    ((0, 5, 22), (19, 9, 16)),
    ((0, 24, 3), (15, 13, 10)),
)


def paint_brainstem(scene: Scene) -> None:
    """Medulla, pons and midbrain between cisterns, with the fourth ventricle behind."""
    rng, grid, tissue = scene.draw("brainstem"), scene.grid, scene.tissue
    v = grid.view((-45, -40, -6), (45, 70, 58))
    bone = np.where(scene.image[v.box] > 250.0, np.float32(18.0), np.float32(-18.0))
    for centre, radii in CISTERNS:
        cistern = ellipsoid(v, centre, np.array(radii) * rng.normal(1.0, 0.08, 3))
        scene.paint(v, np.maximum(cistern, bone), tissue["csf"])
    foramen = tube(grid, path([(0, 28, -14), (0, 28, -6), (0, 26, 3)], 3.0), 12.5, reach=4.0)
    scene.paint_tube(foramen, tissue["csf"])
    scene.paint(foramen.view, foramen.distance + 6.5, tissue["cord"])
    size = rng.normal(1.0, 0.06, 3)
    value = tissue["brain"] - 2.0 + 1.5 * grid.noise(rng, 14.0, v)
    scene.paint(v, _stem(scene, rng, v, size), value, scene.code("brainstem"))
    scene.paint_ellipsoid((0, 1, 43), (4, 4, 9), tissue["csf"])
    scene.paint_ellipsoid((0, 27, 21), (8 * size[0], 4.5, 10), tissue["csf"])
    way = path([(0, 4, -2), (0, 1, 14), (rng.normal(0, 1.5), -3, 30)], 3.0)
    basilar = tube(grid, way, 1.9)
    scene.paint(basilar.view, basilar.distance, 0.8 * tissue["artery"], blend=0.8)


def _stem(scene: Scene, rng: np.random.Generator, v: View, size: Array) -> Array:
    """Signed distance to the brainstem."""
    half, fore, rear = (
        s * profile(v.z, LEVELS, values) for s, values in zip(size, (HALF, FORE, REAR), strict=True)
    )
    y = profile(v.z, LEVELS, MIDDLE) + rng.normal(0.0, 1.0)
    body, _ = column(v, rng.normal(0.0, 0.6), y, half, fore, rear, 0.1)
    return np.maximum(body + 0.7 * scene.grid.noise(rng, 12.0, v), np.abs(v.z - 25.0) - 27.5)


def paint_chiasm(scene: Scene) -> None:
    """Pituitary, carotid siphons, and the optic chiasm in the cistern above them."""
    rng, grid, tissue = scene.draw("chiasm"), scene.grid, scene.tissue
    for centre, radii, value in (
        ((0, -14, 31), (7, 5, 4), tissue["gland"]),
        ((12, -15, 33), (3, 4, 5), tissue["artery"]),
        ((-12, -15, 33), (3, 4, 5), tissue["artery"]),
    ):
        scene.paint_ellipsoid(centre, radii, 0.5 * value + 20.0)
    middle = np.array((0.0, -10.0, 40.0)) + rng.normal(0.0, (0.6, 1.2, 1.0))
    spread, back = rng.uniform(6.5, 9.0), rng.uniform(5.0, 8.0)
    for way in (
        [(-spread, -5, -1.5), (0, 0, 0), (spread, back, 1.5)],
        [(spread, -5, -1.5), (0, 0, 0), (-spread, back, 1.5)],
    ):
        limb = tube(
            grid, path(middle + np.array(way), 2.0), rng.uniform(2.3, 3.0), tall=0.8, reach=5.0
        )
        scene.paint_tube(limb, tissue["brain"] + 4.0, scene.code("optical chiasm"))

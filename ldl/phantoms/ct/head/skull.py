"""The skull with the ear in its base, and the brain with sulci and ventricles inside."""

from __future__ import annotations

import numpy as np

from ..canvas import Scene
from ..fields import Array
from ..grid import View
from ..shapes import ellipsoid, join
from ..tubes import path, taper, tube


def paint_skull(scene: Scene) -> None:
    """The skull with its base, and the brain inside."""
    rng, grid, tissue = scene.draw("skull"), scene.grid, scene.tissue
    v = grid.view((-1e3, -1e3, -25), (1e3, 1e3, 1e3))
    inside = _case(rng, v) + 0.8 * grid.noise(rng, 28.0, v)
    thick = rng.uniform(5.0, 7.5)
    hard = 1.35 * tissue["cortex"] + 90.0 * grid.noise(rng, 7.0, v)
    scene.paint(v, inside - thick, hard)
    spongy = np.abs(inside - 0.5 * thick) - 0.5 * thick + 2.0
    scene.paint(v, spongy, 0.6 * hard, None)
    _base(scene, rng)
    _brain(scene, rng, v, inside)


def _case(rng: np.random.Generator, v: View) -> Array:
    """Signed distance to the inside of the skull: one dome above three pairs of steps."""
    size = rng.normal(1.0, 0.025, 3)
    dome = ellipsoid(v, (0, 2, 46), np.array((66, 84, 78)) * size)
    fore = np.clip((-22.0 - v.y) / 14.0, 0.0, 1.0)
    inside = np.maximum(dome, 0.8 * (31.0 + 12.0 * fore - v.z))
    for centre, radii in (
        ((39, -8, 32), (23, 26, 20)),
        ((-39, -8, 32), (23, 26, 20)),
        ((0, 44, 24), (50, 40, 31)),
        ((0, 22, 10), (13, 14, 20)),
    ):
        bowl = ellipsoid(v, np.array(centre) * size, np.array(radii) * size)
        inside = join(inside, np.maximum(bowl, dome), 8.0)
    return inside


def _base(scene: Scene, rng: np.random.Generator) -> None:
    """The body of the sphenoid, the clivus and the petrous pyramids with the ear in them."""
    grid, hard = scene.grid, 1.2 * scene.tissue["cortex"]
    middle = path([(0, -24, 20), (0, -6, 24), (0, 5, 10), (0, 14, -3)], 3.0)
    clivus = tube(grid, middle, taper(len(middle), (15, 10, 8, 5)))
    scene.paint(clivus.view, clivus.distance, hard - 250.0)
    for side in (-1.0, 1.0):
        axis = path([(side * 14, 2, 15), (side * 32, 13, 13), (side * 52, 22, 8)], 3.0)
        pyramid = tube(grid, axis, taper(len(axis), (5, 8, 11)))
        scene.paint(pyramid.view, pyramid.distance, hard)
        _ear(scene, rng, side)


def _ear(scene: Scene, rng: np.random.Generator, side: float) -> None:
    """Mastoid cells, some full of fluid, and the ear canal."""
    v = scene.grid.view((-70, 5, -25), (70, 48, 26))
    wet = rng.random() < 0.15
    region = ellipsoid(v, (side * 52, 27, 0), (12, 13, 19))
    scene.paint(v, region - 3.0, 0.9 * scene.tissue["cortex"])
    holes = np.maximum(region, 4.0 * (0.1 - scene.grid.noise(rng, 6.0, v)))
    scene.paint(v, holes, 20.0 if wet else -800.0, None)
    canal = path([(side * 36, 13, 6), (side * 54, 12, 4), (side * 77, 14, 4)], 2.5)
    ear = tube(scene.grid, canal, taper(len(canal), (3.0, 2.2, 2.8)))
    scene.paint(ear.view, ear.distance, -900.0)


def _brain(scene: Scene, rng: np.random.Generator, v: View, inside: Array) -> None:
    grid, tissue = scene.grid, scene.tissue
    folds = grid.noise(rng, 13.0, v)
    white = np.clip(-(inside + 9.0 + 4.0 * folds) / 4.0, 0.0, 1.0)
    value = tissue["brain"] + 4.0 - 7.0 * white + 1.5 * grid.noise(rng, 20.0, v)
    scene.paint(v, inside, value)
    atrophy = rng.uniform(0.05, 0.3)
    sulci = np.maximum(7.0 * (np.abs(folds) - atrophy), np.maximum(-inside - 13.0, inside))
    scene.paint(v, np.maximum(sulci, 18.0 - v.z), tissue["csf"], None, blend=0.8)
    falx = np.maximum(np.abs(v.x) - 0.9, np.maximum(58.0 - v.z, inside))
    scene.paint(v, falx, 65.0, None, blend=0.6)
    wide = rng.uniform(4.0, 8.0)
    for side in (-1.0, 1.0):
        horn = path([(side * 14, -34, 66), (side * 11, -8, 70), (side * 20, 28, 68),
                     (side * 30, 20, 46), (side * 34, 0, 34)], 4.0)  # fmt: skip
        ventricle = tube(grid, horn, taper(len(horn), (wide, wide, wide, 0.7 * wide, 2)))
        scene.paint(ventricle.view, ventricle.distance, tissue["csf"])

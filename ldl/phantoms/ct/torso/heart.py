"""The heart: four chambers in one muscle, fat in its grooves, all in its sac."""

from __future__ import annotations

import numpy as np

from ..canvas import Scene
from ..fields import Array
from ..shapes import ellipsoid, join, rotation
from .frame import Frame

# Chamber: centre and radii (x, y, z) in mm, turn about z and x in degrees.
LEFT = ((40, -34, 170), (50, 32, 33), (-38, 14))
RIGHT = ((8, -56, 172), (42, 25, 34), (-18, 10))
LEFT_HALL = ((6, 6, 196), (34, 20, 24), (4, 0))
RIGHT_HALL = ((-34, -24, 182), (22, 28, 31), (10, 0))
ROOT = ((2, -32, 208), (24, 22, 20), (0, 0))


def paint_heart(scene: Scene, frame: Frame) -> None:
    """The heart as one labelled body, blood in its chambers by phase, fat in its grooves."""
    rng, tissue, grid = scene.draw("heart"), scene.tissue, scene.grid
    v = grid.view((-85, -110, 110), (125, 45, 245))
    if v.x.size == 0:
        return
    size = rng.normal(1.0, 0.07)
    move = rng.normal(0.0, (5.0, 3.0, 5.0))
    turn = rng.normal(0.0, 6.0, 2)
    parts = []
    for centre, radii, (about_z, about_x) in (LEFT, RIGHT, LEFT_HALL, RIGHT_HALL, ROOT):
        stretch = size * rng.normal(1.0, 0.05, 3)
        at = (np.array(centre) - (10, -30, 180)) * size + (10, -30, 180) + move
        spin = rotation(-about_z + turn[0], 0.0, about_x + turn[1])
        parts.append(ellipsoid(v, at, radii * stretch, spin))
    left, right, left_hall, right_hall, root = parts
    whole = left
    for part in (right, left_hall, right_hall, root):
        whole = join(whole, part, 16.0)
    limit = np.maximum(v.cut(frame.cavity) + 5.0, 3.0 - 0.8 * v.cut(frame.above))
    whole = np.maximum(whole + 1.2 * grid.noise(rng, 20.0, v), limit)
    fat = tissue["fat"] + 8.0 * grid.noise(rng, 10.0, v)
    scene.paint(v, np.maximum(whole - rng.uniform(2.0, 9.0), limit - 2.0), fat)
    flesh = tissue["myocardium"] + 5.0 * grid.noise(rng, 11.0, v)
    scene.paint(v, whole, flesh, scene.code("heart"))
    thick = rng.uniform(8.0, 12.0)
    for part, wall, blood in (
        (right, 3.5, "right blood"),
        (right_hall, 2.5, "right blood"),
        (left_hall, 2.5, "artery"),
        (left, thick, "artery"),
    ):
        _fill(scene, v.box, np.maximum(part, whole) + wall, tissue[blood], left, part is left)
    groove = np.abs(left - right) - 1.5 + np.maximum(-whole - 10.0, 0.0)
    scene.paint(v, np.maximum(groove, whole), tissue["fat"], None, blend=0.8)


def _fill(
    scene: Scene, box: tuple[slice, slice, slice], chamber: Array, value: float, left: Array,
    own: bool,
) -> None:  # fmt: skip
    """Blood in a chamber; the muscle of the left ventricle is spared by the others."""
    distance = chamber if own else np.maximum(chamber, -left)
    scene.paint(scene.grid.part(box), distance, 0.93 * value, None)

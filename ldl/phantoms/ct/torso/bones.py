"""Ribs, sternum, pelvis and the bones of the shoulder."""

from __future__ import annotations

import numpy as np

from ..canvas import Scene
from ..shapes import column, ellipsoid, ellipsoid_box, profile, rotation
from ..tubes import path, taper, tube
from .frame import FRONT, LEVELS, Frame


def paint_ribs(scene: Scene, frame: Frame) -> None:
    """Twelve pairs of ribs: oblique rings in the wall, so that slices cut them into short arcs."""
    rng, tissue = scene.draw("ribs"), scene.tissue
    v = scene.grid.view((-1e3, -1e3, -40), (1e3, 1e3, 1e3))
    backward, cavity = v.cut(frame.backward), v.cut(frame.cavity)
    drop = rng.uniform(40.0, 50.0)
    head = v.z + drop * (1.0 - backward) - 6.0
    number = np.interp(head, (56, 135, 250, 350), (0.0, 3.0, 7.45, 11.6)).astype(np.float32)
    pitch = np.where(head < 200, np.float32(26.0), np.float32(23.0))
    along = np.abs(number - np.floor(number) - 0.5) * pitch - 5.5
    across = np.abs(cavity - 6.0) - 4.0
    # The lower ribs end at the side, the upper ones run on to the gristle of the sternum.
    last = np.interp(head, (58, 90, 140, 200), (0.1, -0.25, -0.75, -0.9)).astype(np.float32)
    ends = np.maximum(last - backward, 0.0) * 60.0 + 20.0 * ((head < 58) | (head > 350))
    rib = np.maximum(along, across) + ends
    scene.paint(v, rib, 0.75 * tissue["cortex"])
    scene.paint(v, rib + 2.6, tissue["marrow"], None)
    gristle = np.maximum(along, across + 0.5) + np.maximum(backward - last, 0.0) * 60.0
    margin = 20.0 * ((head < 130) | (head > 350) | (v.z < 70))
    scene.paint(v, gristle + margin, tissue["cartilage"])


def paint_girdle(scene: Scene) -> None:
    """Sternum, iliac wings, shoulder blades, collar bones and the heads of the arms."""
    _sternum(scene)
    for side in (-1.0, 1.0):
        _ilium(scene, side)
        _shoulder(scene, side)


def _sternum(scene: Scene) -> None:
    v = scene.grid.view((-30, -120, 128), (30, -20, 298))
    front = profile(v.z, LEVELS, FRONT)
    plate, _ = column(v, 0.0, -front - 5.0, 18.0, 5.5, 5.5, 0.6)
    scene.paint(v, plate, 0.7 * scene.tissue["cortex"])
    scene.paint(v, plate + 2.6, scene.tissue["marrow"] - 60.0, None)


def _ilium(scene: Scene, side: float) -> None:
    """A plate from the sacrum forwards and outwards, its crest highest in the middle, with the
    gluteal muscles outside and the iliacus inside.
    """
    v = scene.grid.view((-160, -70, -1e3), (160, 110, -60))
    x, y = side * v.x - 44.0 - 0.22 * (v.z + 110.0), v.y - 68.0
    along = np.clip((84.0 * x - 88.0 * y) / (84.0**2 + 88.0**2), 0.0, 1.0)
    bow = 44.0 * along * (1.0 - along)
    dx, dy = x - 84.0 * along - bow, y + 88.0 * along - bow
    across = np.sqrt(dx * dx + dy * dy)
    outward = np.where(dx + dy > 0, across, -across)
    below = v.z + 72.0 + 170.0 * (along - 0.5) ** 2
    reach = np.maximum(20.0 - across, 0.0) * (np.abs(along - 0.5) > 0.49)
    flesh = np.where(outward > 0, across - 26.0, across - 13.0)
    muscle = np.maximum(np.maximum(flesh, below), np.maximum(reach, -40.0 - y - 88.0 * along))
    scene.paint(v, muscle, scene.tissue["muscle"])
    wing = np.maximum(across - 5.0 - 3.0 * (1.0 - along), below)
    scene.paint(v, wing, 0.7 * scene.tissue["cortex"])
    scene.paint(v, wing + 2.6, scene.tissue["marrow"], None)


def _shoulder(scene: Scene, side: float) -> None:
    rng, grid, bone = scene.draw(f"shoulder {side}"), scene.grid, 0.7 * scene.tissue["cortex"]
    middle, radii = (side * (106 + rng.normal(0, 4)), 84 + rng.normal(0, 3), 268), (40, 3.2, 66)
    blade = grid.view(*ellipsoid_box(middle, radii, 4.0))
    turn = rotation(-side * (38 + rng.normal(0, 6)), side * 8)
    scene.paint(blade, ellipsoid(blade, middle, radii, turn), bone)
    for points, radius in (
        ([(16, -52, 302), (55, -50, 315), (92, -26, 330), (122, 0, 338)], 6.0),
        ([(85, 95, 300), (112, 72, 322), (126, 30, 336)], 6.5),
        ([(132, 24, 312), (138, 22, 322), (141, 20, 332)], 17.0),
    ):
        way = path(np.array(points) * (side, 1, 1) + rng.normal(0, 1.5, 3))
        bar = tube(grid, way, taper(len(way), (radius, radius * 0.9)))
        scene.paint_tube(bar, bone)
        scene.paint(bar.view, bar.distance + 3.0, scene.tissue["marrow"], None)

"""Great vessels of the trunk: unlabelled neighbours of the organs, as bright as the phase makes
them.
"""

from __future__ import annotations

import numpy as np

from ..canvas import Scene
from ..fields import Array
from ..tubes import path, taper, tube
from .frame import Frame

AORTA = ((6, -24, 200), (-16, -30, 232), (-12, -24, 262), (4, 0, 279), (20, 28, 268), (24, 44, 238),
         (22, 44, 190), (14, 38, 140), (7, 28, 90), (5, 20, 45), (5, 12, 0), (4, 8, -40),
         (2, 9, -72))  # fmt: skip
CAVA = ((-8, 16, -72), (-20, 18, -40), (-24, 18, 0), (-24, 16, 40), (-26, 14, 80), (-24, 8, 120),
        (-24, -2, 148), (-28, -14, 172))  # fmt: skip
UPPER_CAVA = ((-30, -16, 188), (-30, -22, 225), (-29, -24, 262), (-24, -26, 288))
Way = tuple[tuple[float, float, float], ...]
ABDOMINAL: tuple[tuple[str, Way, tuple[float, ...]], ...] = (
    ("artery", ((2, 9, -72), (-14, 14, -100), (-34, 22, -130), (-44, 24, -165)), (6, 5.5, 5)),
    ("artery", ((2, 9, -72), (16, 14, -100), (36, 22, -130), (46, 24, -165)), (6, 5.5, 5)),
    ("vein", ((-8, 16, -72), (-26, 26, -110), (-48, 32, -165)), (8, 7, 6.5)),
    ("vein", ((-8, 16, -72), (14, 26, -110), (46, 32, -165)), (8, 7, 6.5)),
    ("vein", ((-24, 16, 8), (-40, 24, 6), (-56, 38, 5)), (5, 4.5)),
    ("vein", ((-22, 12, 14), (4, 2, 16), (30, 16, 15), (52, 36, 15)), (5, 5)),
    ("artery", ((6, 16, 12), (30, 24, 12), (52, 38, 14)), (3, 3)),
    ("artery", ((4, 12, 26), (4, -6, 14), (2, -16, -20), (-8, -26, -70)), (4.5, 4, 3)),
    ("artery", ((6, 16, 40), (6, 0, 46), (-24, -8, 50), (-40, -12, 52)), (4, 3, 3)),
    ("portal", ((-10, -26, -70), (-8, -18, -20), (-6, -12, 16), (-10, -6, 28)), (4, 5.5, 6)),
    ("portal", ((96, 18, 74), (70, 10, 58), (40, 4, 42), (14, -2, 32), (-10, -6, 28)), (4, 5, 5.5)),
)
THORACIC: tuple[tuple[str, Way, tuple[float, ...]], ...] = (
    ("vein", ((-24, -26, 288), (8, -36, 296), (34, -30, 310), (44, -20, 335), (46, -14, 372)),
     (8, 7, 7)),
    ("vein", ((-24, -26, 288), (-36, -22, 312), (-44, -12, 340), (-46, -10, 372)), (8, 7, 7)),
    ("artery", ((-8, -14, 276), (-20, -14, 300), (-26, -8, 330), (-28, -6, 372)), (7, 5, 4)),
    ("artery", ((2, -4, 280), (16, -8, 305), (26, -6, 340), (28, -4, 372)), (5, 4, 4)),
    ("artery", ((12, 12, 280), (28, 10, 310), (50, 10, 332), (80, 0, 330)), (5, 5, 4)),
    ("pulmonary", ((12, -48, 205), (22, -40, 226), (26, -22, 240), (40, 4, 244), (56, 18, 236)),
     (13, 13, 11, 9)),
    ("pulmonary", ((24, -26, 238), (0, -4, 234), (-26, 2, 230), (-50, 8, 226)), (12, 10, 9)),
    ("artery", ((-14, 6, 205), (-34, 8, 208), (-58, 8, 214)), (7, 5)),
    ("artery", ((20, 8, 205), (40, 12, 210), (60, 14, 216)), (7, 5)),
    ("vein", ((-9, 50, 90), (-10, 50, 180), (-10, 44, 246), (-20, 20, 256), (-28, -14, 254)),
     (3.5, 4)),
)  # fmt: skip


def paint_aorta(scene: Scene, frame: Frame) -> None:
    """The aorta from its root to the fork, with calcified plaques in some patients."""
    rng = scene.draw("aorta")
    wide = rng.normal(1.0, 0.1)
    way = _follow(scene, frame, path(np.array(AORTA) + rng.normal(0.0, 1.5, (len(AORTA), 3))))
    body = tube(scene.grid, way, wide * taper(len(way), (15, 14, 13.5, 12.5, 12, 11, 10, 9, 8.5)))
    scene.paint(body.view, body.distance, scene.tissue["artery"], None)
    # Its root lies in the heart and counts as such.
    scene.label[body.view.box][(body.distance < 0) & (body.view.z > 216.0)] = 0
    low = (body.distance < 0) & ((body.view.z < 190.0) | (body.view.y > 20.0))
    scene.label[body.view.box][low] = 0
    if rng.random() < 0.4:
        spots = scene.grid.noise(rng, 9.0, body.view)
        plaque = np.abs(body.distance + 1.0) - 1.2 + 12.0 * (spots < 1.2)
        scene.paint(body.view, plaque, 600.0, None)


def paint_veins(scene: Scene, frame: Frame) -> None:
    """The lower caval vein and the branches in the belly."""
    rng = scene.draw("veins")
    way = _follow(scene, frame, path(np.array(CAVA) + rng.normal(0.0, 1.5, (len(CAVA), 3))))
    flat = float(rng.uniform(0.6, 1.0))
    body = tube(scene.grid, way, taper(len(way), (10, 11, 12, 13, 13)), flat=flat)
    scene.paint_tube(body, scene.tissue["vein"])
    _paint_ways(scene, ABDOMINAL, "belly", frame)


def paint_chest_vessels(scene: Scene, frame: Frame) -> None:
    """Upper caval vein, arch vessels, pulmonary arteries and veins, azygos."""
    _paint_ways(scene, THORACIC, "chest", frame)
    way = path(np.array(UPPER_CAVA) + scene.draw("svc").normal(0.0, 1.5, (4, 3)))
    value = scene.tissue["right blood"] * scene.draw("svc dye").uniform(0.9, 1.6)
    scene.paint_tube(tube(scene.grid, way, 9.0), value)


def _paint_ways(
    scene: Scene, ways: tuple[tuple[str, Way, tuple[float, ...]], ...], name: str, frame: Frame
) -> None:
    rng = scene.draw(f"vessels of the {name}")
    for tissue, points, radii in ways:
        jitter = rng.normal(0.0, 1.5, (len(points), 3))
        way = _follow(scene, frame, path(np.array(points) + jitter, 4.0))
        body = tube(scene.grid, way, taper(len(way), radii) * rng.uniform(0.85, 1.15), reach=4.0)
        scene.paint_tube(body, scene.tissue[tissue])


def _follow(scene: Scene, frame: Frame, way: Array) -> Array:
    """Bend a way with the spine behind it."""
    line = np.argsort(frame.spine.count[:, 0, 0])
    z, x = scene.grid.z[line, 0, 0], frame.spine.x[line, 0, 0]
    return way + np.stack([np.interp(way[:, 2], z, x), 0 * way[:, 0], 0 * way[:, 0]], 1)

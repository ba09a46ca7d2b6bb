"""What is in the chest: lungs, mediastinum, airways, great vessels, heart."""

from __future__ import annotations

import numpy as np

from ldl.phantoms.ct.bodies import View, column, ellipsoid, join, profile, rotation
from ldl.phantoms.ct.scene import Part
from ldl.phantoms.ct.trunk import Trunk
from ldl.phantoms.fields import Array

# The mediastinum at heights: middle and half width.
MIDDLE_Z = (90, 140, 175, 210, 240, 270, 300, 330, 356)
MIDDLE_X = (12, 16, 16, 10, 2, 0, 0, 0, 0)
MIDDLE_HALF = (24, 24, 26, 30, 32, 29, 26, 26, 30)
GULLET = Part(
    ((0, "esophagus"),), "esophagus", flat=0.78, size=0.1, radii=(7, 8.2, 6.2, 8, 6.4, 8.4, 7),
    way=((6, 20, 372), (6, 27, 330), (5, 33, 290), (3, 37, 250), (3, 39, 215), (8, 39, 180),
         (15, 32, 148), (20, 22, 126), (28, 10, 112)),
)  # fmt: skip
# The label of the windpipe ends at the fork.
WALLED = ((1.5, "esophagus"), (0, "air"))
AIRWAYS = (
    Part(WALLED, way=((-2, 20, 256), (-30, 24, 230), (-52, 26, 216)), radii=(7.2, 6.3, 4.5)),
    Part(WALLED, way=((-2, 20, 256), (34, 26, 226), (54, 28, 214)), radii=(7.2, 6.3, 4.5)),
    Part(WALLED, "trachea", way=((2, 2, 372), (2, 7, 335), (0, 13, 295), (-2, 20, 252)),
         radii=(9,), size=0.06),
)  # fmt: skip
AORTA = Part(
    (), radii=(15, 14, 13.5, 12.5, 12, 11, 10, 9, 8.5), size=0.1,
    way=((6, -24, 200), (-16, -30, 232), (-12, -24, 262), (4, 0, 279), (20, 28, 268), (24, 44, 238),
         (22, 44, 190), (14, 38, 140), (7, 28, 90), (5, 20, 45), (5, 12, 0), (4, 8, -40),
         (2, 9, -72)),
)  # fmt: skip
VESSELS = tuple(
    Part(((0, tissue),), way=way, radii=radii, size=0.09)
    for tissue, radii, way in (
        ("vein", (8, 7, 7), ((-24, -26, 288), (8, -36, 296), (34, -30, 310), (44, -20, 335),
                             (46, -14, 372))),
        ("vein", (8, 7, 7), ((-24, -26, 288), (-36, -22, 312), (-44, -12, 340), (-46, -10, 372))),
        ("artery", (7, 5, 4), ((-8, -14, 276), (-20, -14, 300), (-26, -8, 330), (-28, -6, 372))),
        ("artery", (5, 4, 4), ((2, -4, 280), (16, -8, 305), (26, -6, 340), (28, -4, 372))),
        ("artery", (5, 5, 4), ((12, 12, 280), (28, 10, 310), (50, 10, 332), (80, 0, 330))),
        ("pulmonary", (13, 13, 11, 9), ((12, -48, 205), (22, -40, 226), (26, -22, 240),
                                        (40, 4, 244), (56, 18, 236))),
        ("pulmonary", (12, 10, 9), ((24, -26, 238), (0, -4, 234), (-26, 2, 230), (-50, 8, 226))),
        ("artery", (7, 5), ((-14, 6, 205), (-34, 8, 208), (-58, 8, 214))),
        ("artery", (7, 5), ((20, 8, 205), (40, 12, 210), (60, 14, 216))),
        ("vein", (3.5, 4), ((-9, 50, 90), (-10, 50, 180), (-10, 44, 246), (-20, 20, 256),
                            (-28, -14, 254))),
        ("right blood", (9,), ((-30, -16, 188), (-30, -22, 225), (-29, -24, 262),
                               (-24, -26, 288))),
    )
)  # fmt: skip
# Chambers of the heart: centre and radii, turn about z and x in degrees, wall in mm, blood.
HEART = (
    ((8, -56, 172), (42, 25, 34), (-18, 10), 3.5, "right blood"),
    ((-34, -24, 182), (22, 28, 31), (10, 0), 2.5, "right blood"),
    ((6, 6, 196), (34, 20, 24), (4, 0), 2.5, "artery"),
    ((40, -34, 170), (50, 32, 33), (-38, 14), 10.0, "artery"),
)
ROOT = ((2, -32, 208), (24, 22, 20))


def lungs(s: Trunk, rng: np.random.Generator) -> None:
    """Both lungs with vessels and disease, effusions in a few, mediastinal fat between them."""
    v = s.grid.view((-1e3, -1e3, 15))
    if v.x.size == 0:
        return
    cavity, above = v.cut(s.cavity), v.cut(s.above)
    lung = np.maximum(np.maximum(cavity + 2.0, -0.7 * above), v.z - 352.0)
    value = s.tissue["lung"] + 0.5 * v.y + 18.0 * s.grid.noise(rng, 18.0, v)
    # Vessels, wider to the hilum.
    deep = np.clip(-cavity / 70.0, 0.0, 1.0)
    vessels = strands(s, rng, v, 13.0, 0.1 + 0.26 * deep) * np.clip(deep * 8.0, 0.0, 0.9)
    value = _disease(s, rng, v, value + (0.6 * s.tissue["pulmonary"] + 850.0) * vessels, lung)
    for organ, side in (("left lung", 1.0), ("right lung", -1.0)):
        half = np.maximum(lung, 3.0 - side * (v.x - 2.0))
        s.paint(v, half, value, s.code(organ))
        if rng.random() < 0.12:
            fluid = np.maximum(half - 2.0, rng.uniform(35.0, 75.0) - v.y)
            s.paint(v, fluid, rng.uniform(2.0, 30.0))
    # Fat in front of the spine, wide at the heart, thin before and behind.
    x = profile(v.z, MIDDLE_Z, np.add(MIDDLE_X, rng.normal(0, 2.0, len(MIDDLE_Z))))
    half = profile(v.z, MIDDLE_Z, MIDDLE_HALF) * rng.normal(1.0, 0.07)
    front = profile(v.z, (90, 200, 260, 300, 356), (70, 66, 52, 40, 20))
    body, _ = column(v, x, 2.0, half, front, 48.0, 0.25)
    seam = np.maximum(np.abs(v.x - 0.5 * x) - 3.0, -0.2 * v.y - 4.0)
    middle = join(body + 3.0 * s.grid.noise(rng, 22.0, v), seam, 14.0)
    middle = np.maximum(np.maximum(middle, cavity), -4.0 - above)
    s.paint(v, middle, s.tissue["fat"] + 12.0)


def strands(
    s: Trunk, rng: np.random.Generator, v: View, scale: float, width: Array | float
) -> Array:
    """Lines where two noise fields vanish together, in [0, 1]: the vessels of an organ."""
    a, b = s.grid.noise(rng, scale, v), s.grid.noise(rng, scale, v)
    return np.clip(1.6 - 1.6 * np.sqrt(a * a + b * b) / width, 0.0, 1.0)


def _disease(s: Trunk, rng: np.random.Generator, v: View, value: Array, lung: Array) -> Array:
    """Dependent atelectasis in most, patches of consolidation or emphysema in some: all lung."""
    low = np.clip((v.y - rng.uniform(62, 90)) / 16.0, 0.0, 1.0) * np.clip(1.0 + lung / 14.0, 0, 1)
    value = value + rng.uniform(100.0, 500.0) * low
    if rng.random() < 0.35:
        patch = s.grid.noise(rng, 30.0, v) + 0.7 * s.grid.noise(rng, 11.0, v)
        patch = np.clip(patch - rng.uniform(1.2, 1.8), 0.0, 1.0)
        value = value + patch * (rng.uniform(-400.0, 20.0) - value)
    if rng.random() < 0.3:
        value = value - 60.0 * np.clip(s.grid.noise(rng, 14.0, v), 0.0, 2.0)
    return value


def gullet(s: Trunk, rng: np.random.Generator) -> None:
    """The gullet, with gas here and there."""
    t = s.along(GULLET, rng)
    s.paint(t.view, t.distance, s.tissue["esophagus"], s.code("esophagus"))
    gas = np.isin(t.nearest // 5, np.flatnonzero(rng.random(len(t.points)) < 0.25))
    s.paint(t.view, t.distance + 4.0 + 9.0 * ~gas, -700.0, None)


def heart(s: Trunk, rng: np.random.Generator) -> None:
    """Four chambers in one labelled muscle, blood in them by phase, fat in its grooves and sac."""
    v, noise, fat = s.grid.view((-85, -110, 110), (125, 45, 245)), s.grid.noise, s.tissue["fat"]
    if v.x.size == 0:
        return
    size, move = rng.normal(1.0, 0.07), rng.normal(0.0, (5.0, 3.0, 5.0))
    turn, middle = rng.normal(0.0, 6.0, 2), np.array((10, -30, 180))
    chambers = [
        ellipsoid(
            v,
            (np.array(centre) - middle) * size + middle + move,
            radii * (size * rng.normal(1.0, 0.05, 3)),
            rotation(turn[0] - about_z, 0.0, turn[1] + about_x),
        )
        for centre, radii, (about_z, about_x), *_ in (*HEART, (*ROOT, (0, 0)))
    ]
    whole = chambers[0]
    for part in chambers[1:]:
        whole = join(whole, part, 16.0)
    limit = np.maximum(v.cut(s.cavity) + 5.0, 3.0 - 0.8 * v.cut(s.above))
    whole = np.maximum(whole + 1.2 * noise(rng, 20.0, v), limit)
    sac = np.maximum(whole - rng.uniform(2.0, 9.0), limit - 2.0)
    s.paint(v, sac, fat + 8.0 * noise(rng, 10.0, v))
    s.paint(v, whole, s.tissue["myocardium"] + 5.0 * noise(rng, 11.0, v), s.code("heart"))
    right, left, thicker = chambers[0], chambers[3], rng.uniform(0.8, 1.2)
    for chamber, (*_, wall, blood) in zip(chambers, HEART, strict=False):
        inner = np.maximum(chamber, whole) + thicker * wall
        # The muscle of the left ventricle is spared by the others.
        inner = inner if chamber is left else np.maximum(inner, -left)
        s.paint(v, inner, 0.93 * s.tissue[blood], None)
    groove = np.abs(left - right) - 1.5 + np.maximum(-whole - 10.0, 0.0)
    s.paint(v, np.maximum(groove, whole), fat, None, blend=0.8)


def aorta(s: Trunk, rng: np.random.Generator) -> None:
    """The aorta from its root to the fork, with calcified plaques in some patients."""
    t = s.along(AORTA, rng)
    s.paint(t.view, t.distance, s.tissue["artery"], None)
    # Its root lies in the heart and counts as such.
    root = (t.view.z > 190.0) & (t.view.z < 216.0) & (t.view.y < 20.0)
    s.label[t.view.box][(t.distance < 0) & ~root] = 0
    if rng.random() < 0.4:
        spots = s.grid.noise(rng, 9.0, t.view) < 1.2
        s.paint(t.view, np.abs(t.distance + 1.0) - 1.2 + 12.0 * spots, 600.0, None)

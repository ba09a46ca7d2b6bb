"""The trunk: one anatomy for the abdomen and the thorax, which are two windows on it. Here its
frame: cavity, diaphragm, spine, and the wall of bones, muscles, fat and skin.

z is 0 in the middle of the second lumbar vertebra; the iliac crests are at -70, the domes of the
diaphragm near 140, the carina near 250 and the tips of the lungs near 350 mm.
"""

from __future__ import annotations

import numpy as np

from ldl.phantoms.ct.bodies import View, carve, column, ellipsoid, join, profile
from ldl.phantoms.ct.scene import Scene, Spine, paint_spine, parts
from ldl.phantoms.fields import Array, anatomy

HEIGHTS = anatomy("trunk")["heights"]
LEVELS, HALF, FRONT, BACK = (HEIGHTS[key] for key in ("levels", "half", "front", "back"))
PARTS = parts("trunk")


class Trunk(Scene):
    """A patient's trunk and what all of it refers to, over the whole grid.

    `cavity` is the signed distance (Z, Y, X) to the inner wall, `backward` the cosine of the
    direction from the axis (1 to the back, -1 to the front), `above` the height in mm above the
    diaphragm, `spine` the column.
    """

    cavity: Array
    backward: Array
    above: Array
    spine: Spine

    def walls(self, view: View, gap: float) -> Array:
        """Below the diaphragm and inside the wall."""
        return np.maximum(view.cut(self.cavity), 0.7 * view.cut(self.above)) + gap

    def bend(self, way: Array) -> Array:
        """With the spine behind it."""
        line = np.argsort(self.spine.count[:, 0, 0])
        z, x = self.grid.z[line, 0, 0], self.spine.x[line, 0, 0]
        return way + np.stack([np.interp(way[:, 2], z, x), 0 * way[:, 0], 0 * way[:, 0]], 1)


def frame(s: Trunk, rng: np.random.Generator) -> None:
    """The inside of the trunk: the room within ribs and abdominal wall, spine, diaphragm."""
    v = s.grid.view()
    wide, deep = rng.normal(1.0, 0.04), rng.normal(1.0, 0.06)
    barrel = profile(v.z, (-100, 60, 200, 350), [0, *rng.normal(0.0, 4.0, 2), 0])
    half = wide * profile(v.z, LEVELS, HALF) + barrel
    front = deep * profile(v.z, LEVELS, FRONT) + barrel
    cavity, relative = column(v, 0.0, 0.0, half, front, profile(v.z, LEVELS, BACK), 0.62)
    s.spine = _spine(rng, v.z)
    # Vertebral arches and the long muscles of the back push the cavity forwards in the middle.
    arch, _ = column(v, s.spine.x, s.spine.y + 34.0, s.spine.half + 17.0, 32.0, 60.0, 0.3)
    s.cavity = carve(cavity + 2.0 * s.grid.noise(rng, 45.0, v), arch, 14.0)
    s.backward = v.y / np.sqrt(v.x * v.x + v.y * v.y + 1.0)
    # Two domes of the diaphragm that fall to the wall, most behind.
    right, left = 143 + rng.normal(0, 8), 131 + rng.normal(0, 8)
    dome = left + (right - left) * np.clip(0.5 - v.x / 70.0, 0.0, 1.0)
    r2 = np.minimum(relative, 1.08) ** 2
    fall = np.clip(66.0 + 0.45 * v.y + 0.12 * np.abs(v.x), 20.0, 130.0)
    s.above = v.z - (dome - 9.0 * np.exp(-((v.x / 28.0) ** 2)) - fall * r2 * r2 * r2)


def _spine(rng: np.random.Generator, z: Array) -> Spine:
    sway = (-150, 0, 180, 350)
    x = profile(z, sway, rng.normal(0.0, 2.5, 4))
    y = profile(z, HEIGHTS["spine_z"], HEIGHTS["spine_y"]) + profile(
        z, sway, rng.normal(0.0, 2.0, 4)
    )
    size = rng.normal(1.0, 0.05)
    half = size * profile(z, HEIGHTS["thick"], (44, 27, 24, 18.5, 16, 13.5))
    depth = size * profile(z, HEIGHTS["thick"], (17, 18, 17.5, 15.5, 13.5, 9.5))
    count = np.interp(z, HEIGHTS["vertebra_z"], np.arange(len(HEIGHTS["vertebra_z"])) + 0.0) + 0.5
    canal = profile(z, (-150, 0, 200, 370), (9.5, 9.5, 8.5, 9.5))
    cord = profile(z, (-150, 0, 200, 370), (6.3, 6.6, 5.6, 6.4)) * rng.normal(1.0, 0.05)
    wings = profile(z, (-110, -60, 30, 80, 250, 370), (46, 44, 40, 26, 30, 25))
    return Spine(x, y, half, depth, count.astype(np.float32), canal, cord, wings)


def wall(s: Trunk, rng: np.random.Generator) -> None:
    """Skin, fat, muscles and bones around the cavity, the fat that fills it, the spine."""
    v, tissue, noise = s.grid.view(), s.tissue, s.grid.noise
    fat = rng.gamma(4.0, 4.0) + 4.0
    side, fore, rear = (
        profile(v.z, LEVELS, np.add(inner, thick))
        for inner, thick in (
            (HALF, HEIGHTS["side"]),
            (FRONT, HEIGHTS["fore"]),
            (BACK, HEIGHTS["rear"]),
        )
    )
    skin, _ = column(v, 0.0, 0.0, side + fat, fore + 1.15 * fat, rear + 0.6 * fat, 0.66)
    if rng.random() < 0.5:  # breasts, flat as they lie: they move the skin
        size = rng.uniform(0.8, 1.25)
        for breast in (-82.0, 82.0):
            centre = (breast, -92, 208 + rng.normal(0, 6))
            near = s.grid.around(centre, 82.0)
            mound = ellipsoid(near, centre, np.array((58, 30, 48)) * size)
            skin[near.box] = join(skin[near.box], mound, 20.0)
    # The couch: a light core in a thin shell, curved.
    (y, x), behind = s.grid.couch, float(rear.max()) + 0.6 * fat + 10.0
    deep = y - (s.grid.depth * behind) + 0.0006 * x * x
    s.paint(v, np.abs(deep - 9.0) - 6.0, -930.0, None)
    s.paint(v, np.abs(deep) - 1.5, -350.0, None)
    grease = tissue["fat"] + 8.0 * noise(rng, 12.0, v)
    s.paint(v, skin, grease)
    # A pixel shows the skin as a thin brighter rim.
    s.paint(v, np.abs(skin + 1.0) - 1.0, tissue["skin"], None, blend=0.5)
    muscle, _ = column(v, 0.0, 0.0, side, fore, rear, 0.6)
    layers = noise(rng, 26.0, v)
    flesh = tissue["muscle"] + 5.0 * noise(rng, 12.0, v)
    seam = np.clip(0.8 - np.abs(layers) / 0.11, 0.0, 0.8)
    s.paint(v, muscle + 1.5 * layers, flesh + seam * (tissue["fat"] - flesh))
    _septa(s)
    _ribs(s, rng)
    # Above the tips of the lungs there is more flesh than fat.
    neck = np.clip((v.z - 338.0) / 12.0, 0.0, 0.8)
    s.paint(v, s.cavity, grease + neck * (flesh - grease))
    for part in PARTS["muscles"]:
        s.add(part, rng)
    paint_spine(s, s.spine, rng, fused_below=-112.0)
    for sign in (-1.0, 1.0):
        _ilium(s, sign)


def _septa(s: Trunk) -> None:
    """Fat between the long muscles of the back, in the layers of the flank, in the midline."""
    v = s.grid.view((-75, 40, -1e3), (75, 160, 1e3))
    spine = s.spine.on(v)
    x = np.abs(v.x - spine.x)
    septum = np.maximum(np.abs(x - 48.0 + 0.1 * (v.y - spine.y)) - 2.0, spine.y + 18.0 - v.y)
    middle = np.where(v.y > spine.y + spine.depth, x - 1.2, np.float32(9.0))
    outside = np.where(s.image[v.box] < -250.0, np.float32(9.0), np.float32(-9.0))
    seams = [(v, np.maximum(septum, outside), 0.6), (v, np.maximum(middle, outside), 0.4)]
    v = s.grid.view(high=(1e3, 1e3, 60))
    seams.append((v, np.abs(v.cut(s.cavity) - 6.5) - 0.8 + 20.0 * (v.cut(s.backward) > 0.6), 0.5))
    v = s.grid.view((-10, -1e3, -1e3), (10, 0, 100))
    seams.append((v, np.maximum(np.abs(v.x) - 3.0, v.cut(s.backward) + 0.9), 0.6))
    for view, seam, blend in seams:
        s.paint(view, seam, s.tissue["fat"], None, blend=blend)


def _ribs(s: Trunk, rng: np.random.Generator) -> None:
    """Twelve pairs of ribs: oblique rings in the wall, so that slices cut them into short arcs."""
    v = s.grid.view((-1e3, -1e3, -40))
    backward, cavity = v.cut(s.backward), v.cut(s.cavity)
    head = v.z + rng.uniform(40.0, 50.0) * (1.0 - backward) - 6.0
    number = np.interp(head, (56, 135, 250, 350), (0.0, 3.0, 7.45, 11.6)).astype(np.float32)
    pitch = np.where(head < 200, np.float32(26.0), np.float32(23.0))
    along = np.abs(number - np.floor(number) - 0.5) * pitch - 5.5
    across = np.abs(cavity - 6.0) - 4.0
    # The lower ribs end at the side, the upper ones run on to the gristle of the sternum.
    last = np.interp(head, (58, 90, 140, 200), (0.1, -0.25, -0.75, -0.9)).astype(np.float32)
    rib = np.maximum(along, across) + np.maximum(last - backward, 0.0) * 60.0
    rib = rib + 20.0 * ((head < 58) | (head > 350))
    s.paint(v, rib, s.tissue["bone"])
    s.paint(v, rib + 2.6, s.tissue["marrow"], None)
    gristle = np.maximum(along, across + 0.5) + np.maximum(backward - last, 0.0) * 60.0
    margin = 20.0 * ((head < 130) | (head > 350) | (v.z < 70))
    s.paint(v, gristle + margin, s.tissue["cartilage"])


def _ilium(s: Trunk, side: float) -> None:
    """A plate from the sacrum forwards and outwards, gluteal muscles outside, iliacus inside."""
    v = s.grid.view((-160, -70, -1e3), (160, 110, -60))
    x, y = side * v.x - 44.0 - 0.22 * (v.z + 110.0), v.y - 68.0
    along = np.clip((84.0 * x - 88.0 * y) / (84.0**2 + 88.0**2), 0.0, 1.0)
    bow = 44.0 * along * (1.0 - along)
    dx, dy = x - 84.0 * along - bow, y + 88.0 * along - bow
    across = np.sqrt(dx * dx + dy * dy)
    below = v.z + 72.0 + 170.0 * (along - 0.5) ** 2
    reach = np.maximum(20.0 - across, 0.0) * (np.abs(along - 0.5) > 0.49)
    flesh = np.where(dx + dy > 0, across - 26.0, across - 13.0)
    muscle = np.maximum(np.maximum(flesh, below), np.maximum(reach, -40.0 - y - 88.0 * along))
    s.paint(v, muscle, s.tissue["muscle"])
    wing = np.maximum(across - 5.0 - 3.0 * (1.0 - along), below)
    s.paint(v, wing, s.tissue["bone"])
    s.paint(v, wing + 2.6, s.tissue["marrow"], None)

"""What rows do not do: the frame and wall of the trunk, lungs, the spine, the head's outline.

The trunk is one anatomy for abdomen and thorax, two windows on it: z is 0 in the middle of the
second lumbar vertebra, the iliac crests are at -70, the domes of the diaphragm near 140, the carina
near 250, the tips of the lungs near 350 mm. In the head z is 0 at the foramen magnum; the crown
would be near 130, the larynx is near -85 mm.
"""

from __future__ import annotations

import numpy as np

from ldl.phantoms.ct.bodies import Window, carve, column, profile
from ldl.phantoms.ct.scene import Scene, Step
from ldl.phantoms.fields import Array, anatomy

TRUNK, HEAD = anatomy("trunk")["heights"], anatomy("head")["heights"]


def frame(s: Scene, rng: np.random.Generator) -> None:
    """The rooms of the trunk: within ribs and abdominal wall, below and above the diaphragm."""
    v, wide, deep = s.grid.view(), rng.normal(1.0, 0.04), rng.normal(1.0, 0.06)
    half, front, back = (
        profile(v.z, TRUNK["levels"], np.multiply(TRUNK[key], size))
        for key, size in (("half", wide), ("front", deep), ("back", 1.0))
    )
    cavity, relative = column(v, 0.0, half, front, back, 0.62)
    # Vertebral arches and the long muscles of the back push the cavity forwards in the middle.
    spine_y = profile(v.z, TRUNK["spine"]["z"], TRUNK["spine"]["y"])
    arch, _ = column(v, spine_y + 34.0, 40.0, 32.0, 60.0, 0.3)
    cavity = carve(cavity + 2.0 * s.grid.noise(rng, 45.0, v), arch, 14.0)
    # Two domes of the diaphragm that fall to the wall, most behind.
    right, left = rng.normal((143.0, 131.0), 8.0)
    dome = left + (right - left) * np.clip(0.5 - v.x / 70.0, 0.0, 1.0)
    fall = np.clip(66.0 + 0.45 * v.y + 0.12 * np.abs(v.x), 20.0, 130.0)
    dome = dome - 9.0 * np.exp(-((v.x / 28.0) ** 2)) - fall * np.minimum(relative, 1.08) ** 6
    above = 0.7 * (v.z - dome)
    s.rooms = {"trunk": cavity, "belly": np.maximum(cavity, above),
               "chest": np.maximum(cavity, -above)}  # fmt: skip


def wall(s: Scene, rng: np.random.Generator) -> None:
    """Couch, skin, fat, muscles and ribs around the cavity, and the fat that fills it."""
    v, fat, cavity = s.grid.view(), rng.gamma(4.0, 4.0) + 4.0, s.rooms["trunk"]
    side, fore, rear = (
        profile(v.z, TRUNK["levels"], np.add(TRUNK[inner], TRUNK[thick]))
        for inner, thick in (("half", "side"), ("front", "fore"), ("back", "rear"))
    )
    skin, _ = column(v, 0.0, side + fat, fore + 1.15 * fat, rear + 0.6 * fat, 0.66)
    (y, x), behind = s.grid.couch, float(rear.max()) + 0.6 * fat + 10.0
    deep = y - s.grid.depth * behind + 0.0006 * x * x
    s.paint(v, np.abs(deep - 9.0) - 6.0, -930.0, None)
    s.paint(v, np.abs(deep) - 1.5, -350.0, None)
    _flesh(s, rng, skin, column(v, 0.0, side, fore, rear, 0.6)[0])
    # Twelve pairs of ribs: oblique rings in the wall, so that slices cut them into short arcs.
    backward = v.y / np.sqrt(v.x * v.x + v.y * v.y + 1.0)
    head = v.z + rng.uniform(40.0, 50.0) * (1.0 - backward) - 6.0
    along = 25.0 * np.abs((head - 56.0) / 25.0 % 1.0 - 0.5) - 5.5
    # The lower ribs end at the side, the upper ones near the sternum.
    last = np.interp(head, (58, 90, 140, 200), (0.1, -0.25, -0.75, -0.9))
    rib = np.maximum(along, np.abs(cavity - 6.0) - 4.0) + 60.0 * np.maximum(last - backward, 0.0)
    rib = rib + 20.0 * ((head < 58) | (head > 350))
    s.paint(v, rib, s.tissue["bone"])
    s.paint(v, rib + 2.6, s.tissue["marrow"], None)
    # Above the tips of the lungs there is more flesh than fat.
    neck = np.clip((v.z - 338.0) / 12.0, 0.0, 0.8)
    grease = s.tissue["fat"] + 8.0 * s.grid.noise(rng, 12.0, v)
    s.paint(v, cavity, grease + neck * (s.tissue["muscle"] - grease))


def _flesh(s: Scene, rng: np.random.Generator, skin: Array, muscle: Array) -> None:
    """Skin, a thin brighter rim on its fat, and muscles with seams of fat, over the whole grid."""
    v, fat = s.grid.view(), s.tissue["fat"]
    s.paint(v, skin, fat + 8.0 * s.grid.noise(rng, 10.0, v))
    s.paint(v, np.abs(skin + 1.0) - 0.5, s.tissue["skin"], None)
    layers = s.grid.noise(rng, 22.0, v)
    flesh = s.tissue["muscle"] + 5.0 * s.grid.noise(rng, 11.0, v)
    seam = np.clip(0.85 - np.abs(layers) / 0.15, 0.0, 0.85)
    s.paint(v, muscle + 1.5 * layers, flesh + seam * (fat - flesh))


def lungs(s: Scene, rng: np.random.Generator) -> None:
    """Both lungs, with vessels that are wider to the hilum and, in most, denser behind."""
    v = s.grid.view((-1e3, -1e3, 15))
    chest = s.rooms["chest"][v.box]
    lung = np.maximum(chest + 2.0, v.z - 352.0)
    deep = np.clip(-chest / 70.0, 0.0, 1.0)
    vessels = s.strands(rng, v, 13.0, 0.1 + 0.26 * deep) * np.clip(8.0 * deep, 0.0, 0.9)
    low = np.clip((v.y - rng.uniform(62, 90)) / 16.0, 0, 1) * np.clip(1.0 + lung / 14.0, 0, 1)
    value = s.tissue["lung"] + 0.5 * v.y + 18.0 * s.grid.noise(rng, 18.0, v)
    value = value + rng.uniform(100.0, 500.0) * low
    value = value + (0.6 * s.tissue["pulmonary"] + 850.0) * vessels
    for organ, side in (("left lung", 1.0), ("right lung", -1.0)):
        s.paint(v, np.maximum(lung, 3.0 - side * (v.x - 2.0)), value, s.code(organ))


def spine(s: Scene, rng: np.random.Generator) -> None:
    """Vertebrae, discs and the content of the canal, as the region's table has them."""
    t, tissue = (HEAD if s.region == "head_neck" else TRUNK)["spine"], s.tissue
    v = s.grid.view((-75, -20, -1e3), (75, 170, t["top"]))
    y = profile(v.z, t["z"], t["y"]) + rng.normal(0.0, 1.5)
    half, depth, canal, wings = (
        rng.normal(1.0, 0.05) * profile(v.z, t["z"], t[key])
        for key in ("half", "depth", "canal", "wings")
    )
    at = np.interp(v.z, t["discs"], np.arange(len(t["discs"]))) % 1.0
    solid, gap, thin = (
        np.clip((half - np.abs(at - 0.5)) / 0.06 + 0.5, 0.0, 1.0) for half in (0.4, 0.34, 0.16)
    )  # 0 between the vertebrae, the arches, the transverse processes
    texture, middle = 45.0 * s.grid.noise(rng, 7.0, v), y + depth + 0.95 * canal
    ring, _ = column(v, middle, 1.5 * canal, 1.25 * canal, 1.45 * canal, 0.1)
    behind, x = v.y - middle - 2.3 * canal, np.abs(v.x)
    spinous = np.maximum(x - 2.8, np.abs(behind) - 1.3 * canal)
    across = np.maximum(np.abs(v.y - middle + 0.1 * (wings - x)) - 4.0, x - wings)
    arch = np.minimum(np.abs(ring) - 3.2, spinous) + 14.0 * (1.0 - gap)
    arch = np.minimum(arch, across + 14.0 * (1.0 - thin))
    s.paint(v, arch, 0.55 * tissue["cortex"] + texture)
    waist = 1.0 - 0.12 * np.sin(np.pi * at) ** 2
    body, _ = column(v, y, half * waist, depth * waist, 0.9 * depth * waist, 0.35)
    s.paint(v, body, tissue["disc"] + solid * (0.85 * tissue["cortex"] - tissue["disc"]))
    s.paint(v, body + 2.5 + 30.0 * (1.0 - solid), tissue["marrow"] + texture, None)
    hole, _ = column(v, middle, 1.15 * canal, canal, 0.9 * canal, 0.1)
    s.paint(v, hole, 0.5 * (tissue["fat"] + tissue["csf"]))
    cord, _ = column(v, middle - 0.5, 0.75 * canal, 0.67 * canal, 0.67 * canal, 0.0)
    s.paint(v, cord - 1.5, tissue["csf"] + 8.0, None)
    s.paint(v, cord, tissue["cord"], s.code("spinal cord"))


def outline(s: Scene, rng: np.random.Generator) -> None:
    """The head's outer shape, filled with fat, and with muscle below the skull; a cushion."""
    v, levels = s.grid.view(), HEAD["levels"]
    half, front, back, square = (
        profile(v.z, levels, HEAD[key]) for key in ("half", "front", "back", "square")
    )
    fat = rng.gamma(3.0, 1.6) * np.clip((10.0 - v.z) / 40.0, 0.0, 1.0)
    skin, _ = column(v, 0.0, half + fat, front * rng.normal(1.0, 0.04), back + fat, square)
    y, x = s.grid.couch
    cushion = np.maximum(np.maximum(y - 120.0, np.abs(x) - 95.0), 40.0 - y)
    s.paint(v, np.maximum(cushion, 2.0 - skin), -945.0)
    s.paint(v, np.abs(y - 121.0) - 1.2, -300.0, None)
    _flesh(s, rng, skin + 0.8 * s.grid.noise(rng, 30.0, v), np.maximum(skin + 6.0 + fat, v.z - 62))


CODE: dict[str, Step] = {one.__name__: one for one in (frame, wall, lungs, spine, outline)}
WINDOWS = {
    "abdomen": ("trunk", Window((5, 3), 306, 365, 8.0, 4.0, 70.0, 1.0)),
    "thorax": ("trunk", Window((5, 223), 276, 368, 8.0, 4.0, 70.0, 1.0)),
    "head_neck": ("head", Window((-6, -11), 180, 232, 5.5, 2.2, 45.0, 1.0)),
}

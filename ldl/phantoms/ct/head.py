"""The head and the upper neck.

z is 0 at the foramen magnum; the crown would be near 130, the larynx is near -85 mm.
"""

from __future__ import annotations

import numpy as np

from ldl.phantoms.ct.bodies import View, column, ellipsoid, join, path, profile, tube
from ldl.phantoms.ct.scene import Part, Scene
from ldl.phantoms.ct.spine import Spine, paint_spine
from ldl.phantoms.fields import Array

# The outer shape at heights: half width, reach to the front and to the back.
LEVELS = (-110, -94, -80, -71, -62, -52, -38, -15, 8, 30, 60, 92)
HALF = (104, 72, 60, 58, 59, 62, 65, 70, 75, 77, 77, 73)
FRONT = (48, 46, 48, 60, 88, 99, 101, 98, 96, 96, 96, 90)
BACK = (74, 70, 68, 68, 70, 73, 80, 90, 96, 98, 97, 92)
CHIN_NOSE_EARS = (
    ((0, -68, -50), (46, 34, 18), 20.0),
    ((0, -100, 4), (13, 22, 20), 8.0),
    ((78, 20, 6), (5, 15, 27), 3.0),
    ((-78, 20, 6), (5, 15, 27), 3.0),
)
# The brainstem at heights, from the medulla to the midbrain: middle, half width, front, back.
STEM_Z = (-4, 6, 14, 22, 30, 38, 46, 54)
STEM_Y = (27, 24, 19, 14, 12, 11, 11, 10)
STEM = ((7.5, 8.5, 13, 17, 16.5, 15, 17, 17), (6.5, 7, 10, 13, 12, 9, 10, 9),
        (6.5, 7, 8, 9.5, 9.5, 10, 10, 9))  # fmt: skip
TEETH = ((36, -34), (32, -52), (24, -68), (12, -80), (0, -84), (-12, -80), (-24, -68), (-32, -52),
         (-36, -34))  # fmt: skip
IN_FAT = 1.5, "fat"
# Carotids, jugular veins, the large neck muscles, thyroid, nodes.
NECK = (
    Part((IN_FAT, (0, "muscle")), way=((54, 30, -8), (50, 18, -35), (42, -4, -70), (26, -26, -106)),
         radii=(7, 11, 11, 8), flat=1.3, size=0.12, paired=True),
    Part((IN_FAT, (0, "artery")), way=((24, -8, -112), (27, 0, -70), (27, 2, -40), (25, 6, -6)),
         radii=(4, 4, 3.5, 3), size=0.12, paired=True),
    Part((IN_FAT, (0, "vein")), way=((31, -6, -112), (35, 5, -70), (34, 8, -40), (30, 12, -6)),
         radii=(7, 6, 5, 4), size=0.12, paired=True),
    Part((IN_FAT, (0, "thyroid")), way=((12, -14, -108), (17, -18, -98), (18, -16, -86)),
         radii=(7, 8, 5), flat=1.2, size=0.12, paired=True),
    *(Part(((0, "parotid"),), blobs=(((42, 2, z), (r, r, r)),), move=6.0, size=0.2, chance=0.75,
           paired=True)
      for z, r in ((-80, 3), (-70, 4.5), (-58, 3.5), (-48, 5), (-38, 3), (-28, 4))),
)  # fmt: skip
# Chewing muscles (temporal, lateral and medial pterygoid, masseter), fat of the cheek, zygoma.
CHEEKS = (
    *(Part(((2.5, "fat"), (0, "muscle")), blobs=((centre, radii, (12, 0, 0)),), paired=True)
      for centre, radii in (((59, -26, 22), (7, 22, 30)), ((40, -16, -2), (10, 13, 9)),
                            ((35, -12, -26), (6, 12, 19)), ((56, -22, -28), (7, 15, 25)))),
    Part(((0, "fat"),), blobs=(((45, -42, -18), (10, 14, 15)),), move=2.0, paired=True),
    Part(((0, "hard bone"),), way=((28, -78, 6), (46, -66, 8), (60, -42, 8), (65, -18, 6),
                                   (62, 4, 6)),
         radii=(5, 6.5, 4, 3.2, 3.2), tall=1.6, move=0.3, paired=True),
)  # fmt: skip
# The body of the sphenoid and the clivus; petrous pyramids; mastoids full of air; ear canals.
BASE = (
    Part(((0, "bone"),), way=((0, -24, 20), (0, -6, 24), (0, 5, 10), (0, 14, -3)),
         radii=(15, 10, 8, 5), move=0.3, size=0.03),
    Part(((0, "hard bone"),), way=((14, 2, 15), (32, 13, 13), (52, 22, 8)), radii=(5, 8, 11),
         move=0.3, size=0.03, paired=True),
    Part(((3, "hard bone"), (0, "air")), blobs=(((52, 27, 0), (12, 13, 19)),), move=0.5,
         size=0.05, grain=(700, 5), paired=True),
    Part(((0, "air"),), way=((36, 13, 6), (54, 12, 4), (77, 14, 4)), radii=(3, 2.2, 2.8),
         move=0.3, paired=True),
)  # fmt: skip
# Maxillary sinuses, some with swollen lining; the fat of the orbits in cones of bone.
FACE = (
    Part(((2, "bone"), (0, "mucosa"), (-1.5, "air")), blobs=(((29, -56, 4), (14, 17, 17),
                                                             (20, 0, 0)),),
         size=0.1, rough=(1, 14), chance=0.85, paired=True),
    Part(((3, "hard bone"), (0, "fat")), blobs=(((32, -67, 27), (18, 18, 16)),
                                                ((24, -50, 30), (11, 24, 11), (-28, 0, 0))),
         soft=12, size=0.03, move=0.3, paired=True),
    Part(((0, "bone"),), way=((0, -92, 32), (0, -102, 20), (0, -108, 12)), radii=(3.6,), move=0.3),
)  # fmt: skip
# Tongue, floor of the mouth, throat, hyoid bone, the shield of the larynx.
MOUTH = (
    Part(((2, "fat"), (0, "muscle")), blobs=(((0, -56, -34), (25, 32, 17)),), grain=(5, 7)),
    Part(((2, "fat"), (0, "muscle")), blobs=(((0, -50, -52), (22, 30, 12)),), grain=(5, 7)),
    Part(((3.5, "mucosa"), (0, "air")), way=((0, -22, 2), (0, -13, -14), (0, -10, -32),
                                             (0, -14, -52), (0, -24, -72), (0, -26, -92),
                                             (0, -22, -112)),
         radii=(11, 11, 10, 12, 7.5, 8.5, 8.5), flat=0.62, size=0.16, move=1.0),
    Part(((0, "thin bone"),), way=((20, -28, -66), (17, -44, -69), (0, -52, -70), (-17, -44, -69),
                                   (-20, -28, -66)), radii=(2.8,), move=0.5),
    Part(((1.6, "cartilage"),), blobs=(((0, -22, -88), (19, 26, 19)),), size=0.05, soft=1,
         hollows=(((0, -22, -88), (17.4, 24.4, 17.4)), ((0, 6, -88), (32, 22, 32)))),
)  # fmt: skip
# The mandible: its arch, and on both sides the ramus with the joint and the spur before it.
JAWBONE = (0, "jaw"), (-2.4, "marrow")
JAW = (
    Part(JAWBONE, "mandible",
         way=((48, -10, -42), (44, -30, -46), (37, -54, -49), (25, -76, -51), (10, -87, -52),
              (-10, -87, -52), (-25, -76, -51), (-37, -54, -49), (-44, -30, -46), (-48, -10, -42)),
         radii=(5.2, 5.8, 6.4, 5.8, 5.2), tall=2.2, move=0.5, size=0.04),
    Part(JAWBONE, "mandible", way=((48, -14, -42), (49.5, -10, -24), (51, -8, -12)), radii=(4.4,),
         flat=3.1, paired=True, move=0.5, size=0.04),
    Part(JAWBONE, "mandible", way=((51, -2.5, -16), (52, 3, 0)), radii=(4.4, 5.2), flat=1.3,
         paired=True, move=0.5, size=0.04),
    Part(JAWBONE, "mandible", way=((51, -16, -16), (47, -24, 0)), radii=(4, 2.5), flat=1.3,
         paired=True, move=0.5, size=0.04),
)  # fmt: skip
# Salivary glands, near in density to muscle, with the vein in the parotid.
GLANDS = (
    Part(((0, "parotid"),), "{} parotid", soft=7, rough=(1.2, 11), grain=(9, 6), size=0.09,
         blobs=(((58, 7, -22), (10, 20, 27), (-14, 0, 0)), ((49, 12, -20), (12, 9, 17)),
                ((62, -12, -14), (5, 11, 11))), hollows=(((52, 27, 0), (15, 16, 22)),), room=0.0,
         paired=True),
    Part(((0, "vein"),), way=((53, 10, -48), (54, 8, -22), (55, 8, 0)), radii=(2.6,), paired=True),
    Part(((2, "fat"), (0, "gland")), "{} submandibular gland", rough=(0.9, 10), grain=(6, 5),
         blobs=(((29, -35, -59), (9.5, 15, 14), (24, 0, 0)),), size=0.1, move=2.5, room=0.0,
         paired=True),
)  # fmt: skip
# Cisterns about the brainstem, the foramen magnum with the medulla in it.
CISTERNS = (
    *(Part(((0, "csf"),), blobs=(blob,), room=0.0, move=0.3)
      for blob in (((0, -7, 41), (17, 13, 6)), ((0, 12, 44), (24, 15, 7)),
                   ((0, 5, 22), (19, 9, 16)), ((0, 24, 3), (15, 13, 10)))),
    Part(((0, "csf"), (-6.5, "cord")), way=((0, 28, -14), (0, 28, -6), (0, 26, 3)), radii=(12.5,),
         move=0.3, size=0.03),
)  # fmt: skip
# Aqueduct, fourth ventricle and basilar artery; pituitary, carotid siphons, the optic chiasm; eyes
# with four straight muscles each, and the optic nerves.
INNER = (
    Part(((0, "csf"),), blobs=(((0, 1, 43), (4, 4, 9)),), move=0.3),
    Part(((0, "csf"),), blobs=(((0, 27, 21), (8, 4.5, 10)),), move=0.3),
    Part(((0, "artery"),), way=((0, 4, -2), (0, 1, 14), (0, -3, 30)), radii=(1.9,), blend=0.7),
    *(Part(((0, "muscle"),), way=((14.5, -30, 33.5), (23 + 1.1 * x, -50 + 1.1 * y, 30 + 1.1 * z),
                                  (32 + x, -70 + y, 27 + z)), radii=(2.3,), size=0.1, move=0.6,
           paired=True) for x, y, z in ((9, 4, 0), (-9, 4, 0), (0, 4, 9), (0, 4, -9))),
    Part(((0, 48), (-1.6, "csf")), blobs=(((32, -70, 27), (12.2, 12.2, 12.2)),), size=0.04,
         move=1.0, paired=True),
    Part(((0, 95),), blobs=(((32, -78.2, 27), (4.6, 2.3, 4.6)),), move=0.8, paired=True),
    Part(((0, "brain"),), "{} optical nerve", way=((30, -58.5, 27.5), (25, -46, 30),
                                                   (14.5, -30, 33.5), (8.5, -17, 38.5)),
         radii=(2.6,), size=0.08, move=0.8, paired=True),
    Part(((0, "gland"),), blobs=(((0, -14, 31), (7, 5, 4)),), move=0.5),
    Part(((0, "artery"),), blobs=(((12, -15, 33), (3, 4, 5)),), move=0.5, blend=0.6, paired=True),
    Part(((0, "brain"),), "optical chiasm", radii=(2.6,),
         way=((-7.7, -15, 38.5), (0, -10, 40), (7.7, -3.5, 41.5)), size=0.08, move=0.7, tall=0.8,
         paired=True),
)  # fmt: skip


class Head(Scene):
    """A patient's head."""

    def walls(self, view: View, gap: float) -> Array:
        """Where there is neither bone nor air."""
        image = self.image[view.box]
        taken = (image > 230.0) | (image < -300.0)
        return np.where(taken, np.float32(6.0), np.float32(-60.0)) + gap


def outline(s: Head, rng: np.random.Generator) -> None:
    """The outer shape, filled with fat, and with muscle below the skull; what holds the head."""
    v, tissue, noise = s.grid.view(), s.tissue, s.grid.noise
    half, front, back = (profile(v.z, LEVELS, values) for values in (HALF, FRONT, BACK))
    plump, face = rng.gamma(3.0, 1.6), rng.normal(1.0, 0.04)
    fat = plump * np.clip((10.0 - v.z) / 40.0, 0.0, 1.0)
    square = profile(v.z, (-80, -50, -15, 25, 60), (0.2, 0.52, 0.5, 0.4, 0.2))
    skin, _ = column(v, 0.0, 0.0, half + fat, front * face, back + fat, square)
    for centre, radii, soft in CHIN_NOSE_EARS:
        skin = join(skin, ellipsoid(v, centre, np.array(radii) * rng.normal(1.0, 0.06, 3)), soft)
    skin = skin + 0.8 * noise(rng, 30.0, v)
    # A foam cushion behind the head and, in some patients, the mask that fixes it.
    y, x = s.grid.couch
    cushion = np.maximum(np.maximum(y - 120.0, np.abs(x) - 95.0), 40.0 - y)
    s.paint(v, np.maximum(cushion, 2.0 - skin), -945.0)
    s.paint(v, np.abs(y - 121.0) - 1.2, -300.0, None)
    if rng.random() < 0.5:
        s.paint(v, np.maximum(np.abs(skin - 3.5) - 0.9, v.y - 45.0), -150.0, blend=0.7)
    s.paint(v, skin, tissue["fat"] + 8.0 * noise(rng, 9.0, v))
    s.paint(v, np.abs(skin + 0.8) - 0.8, tissue["skin"], None, blend=0.6)
    flesh, layers = tissue["muscle"] + 5.0 * noise(rng, 9.0, v), noise(rng, 17.0, v)
    seam = np.clip(0.9 - np.abs(layers) / 0.2, 0.0, 0.9)
    under = skin + 4.0 + fat + 2.0 * np.abs(layers)
    s.paint(v, np.maximum(under, v.z - 62.0), flesh + seam * (tissue["fat"] - flesh))
    (lean, deep), flat, size = rng.normal(0.0, 1.5, 2), np.zeros_like(v.z), rng.normal(1.0, 0.05)
    spine = Spine(
        x=profile(v.z, (-110, 0), (lean, 0.0)),
        y=profile(v.z, (-110, -62, -25, 0), (27 + deep, 17 + deep, 18, 20)),
        half=flat + 12.5 * size,
        depth=flat + 8.5 * size,
        count=(v.z + 118.0) / 18.0 + rng.uniform(0.0, 0.2),
        canal=flat + 8.0,
        cord=flat + 5.8 * size,
        wings=flat + 25.0 * size,
    )
    paint_spine(s, spine, rng, top=-3.0)


def skull(s: Head, rng: np.random.Generator) -> None:
    """The skull, one dome above three pairs of steps, and the brain inside."""
    v, tissue, noise = s.grid.view((-1e3, -1e3, -25)), s.tissue, s.grid.noise
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
    inside = inside + 0.8 * noise(rng, 28.0, v)
    thick = rng.uniform(5.0, 7.5)
    hard = 1.35 * tissue["cortex"] + 90.0 * noise(rng, 7.0, v)
    s.paint(v, inside - thick, hard)
    s.paint(v, np.abs(inside - 0.5 * thick) - 0.5 * thick + 2.0, 0.6 * hard, None)
    for part in BASE:
        s.add(part, rng)
    folds = noise(rng, 13.0, v)
    white = np.clip(-(inside + 9.0 + 4.0 * folds) / 4.0, 0.0, 1.0)
    s.paint(v, inside, tissue["brain"] + 4.0 - 7.0 * white + 1.5 * noise(rng, 20.0, v))
    sulci = 7.0 * (np.abs(folds) - rng.uniform(0.05, 0.3))
    sulci = np.maximum(sulci, np.maximum(-inside - 13.0, inside))
    s.paint(v, np.maximum(sulci, 18.0 - v.z), tissue["csf"], None, blend=0.8)
    falx = np.maximum(np.abs(v.x) - 0.9, np.maximum(58.0 - v.z, inside))
    s.paint(v, falx, 65.0, None, blend=0.6)
    wide = rng.uniform(4.0, 8.0)
    s.add(
        Part(
            ((0, "csf"),),
            way=((14, -34, 66), (11, -8, 70), (20, 28, 68), (30, 20, 46), (34, 0, 34)),
            radii=(wide, wide, wide, 0.7 * wide, 2),
            paired=True,
        ),
        rng,
    )


def nose(s: Head, rng: np.random.Generator) -> None:
    """Nasal cavity with septum and turbinates, hard palate; cells of ethmoid, sphenoid, front."""
    v, tissue = s.grid.view((-26, -112, -24), (26, -14, 34)), s.tissue
    hollow = ellipsoid(v, (0, -58, 8), (17, 40, 24))
    s.paint(v, hollow - 2.0, tissue["thin bone"])
    s.paint(v, hollow, tissue["mucosa"] - 20.0)
    septum = np.abs(v.x - rng.normal(0.0, 2.0) * np.sin(v.y / 12.0)) - 1.6
    shell = np.abs(np.sin(v.z / 5.2 + np.abs(v.x) / 9.0 + rng.uniform(0, 3)))
    air = np.maximum(
        np.maximum(hollow + 2.0, 1.0 - septum), 6.0 * (rng.uniform(0.35, 0.75) - shell)
    )
    s.paint(v, air, -900.0, None)
    vault = np.abs(v.z + 16.0 - 0.004 * v.x * v.x) - 1.9
    s.paint(v, np.maximum(vault, ellipsoid(v, (0, -58, -16), (20, 29, 14))), tissue["bone"])
    for centre, radii, cell in (
        ((0, -56, 29), (11.5, 24, 10), 7.0),
        ((0, -24, 24), (14, 11, 9), 16.0),
        ((0, -88, 46), (16, 5, 11), 14.0),
    ):
        near = s.grid.around(centre, 33.0)
        body = ellipsoid(near, centre, np.array(radii) * rng.normal(1.0, 0.12, 3))
        s.paint(near, body - 1.5, tissue["cortex"])
        filled = tissue["mucosa"] if rng.random() < 0.15 else -900.0
        walls = 6.0 * (0.22 - np.abs(s.grid.noise(rng, cell, near)))
        s.paint(near, np.maximum(body, walls), filled, None)


def teeth(s: Head, rng: np.random.Generator) -> None:
    """Two rows of teeth, with gaps and, in many patients, metal that throws streaks."""
    metal = rng.random() < 0.45
    for z, tall in ((-33.0, 2.0), (-22.0, 2.2)):
        row = path([(x, y, z) for x, y in TEETH], 7.0)
        for tooth in row[rng.random(len(row)) > rng.choice([0.05, 0.3])]:
            t = tube(s.grid, tooth[None], rng.uniform(3.0, 4.0), tall=tall)
            filled = metal and rng.random() < 0.22
            s.paint(t.view, t.distance, 3050.0 if filled else s.tissue["tooth"], None)
            s.label[t.view.box][(t.distance < 0) & (t.view.z > z - 4.0)] = 0


def brainstem(s: Head, rng: np.random.Generator) -> None:
    """Medulla, pons and midbrain."""
    v = s.grid.view((-45, -40, -6), (45, 70, 58))
    half, fore, rear = (
        size * profile(v.z, STEM_Z, values)
        for size, values in zip(rng.normal(1.0, 0.06, 3), STEM, strict=True)
    )
    y = profile(v.z, STEM_Z, STEM_Y) + rng.normal(0.0, 1.0)
    body, _ = column(v, rng.normal(0.0, 0.6), y, half, fore, rear, 0.1)
    body = np.maximum(body + 0.7 * s.grid.noise(rng, 12.0, v), np.abs(v.z - 25.0) - 27.5)
    value = s.tissue["brain"] - 2.0 + 1.5 * s.grid.noise(rng, 14.0, v)
    s.paint(v, body, value, s.code("brainstem"))

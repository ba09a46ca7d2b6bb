"""The head and the upper neck.

z is 0 at the foramen magnum; the crown would be near 130, the larynx is near -85 mm.
"""

from __future__ import annotations

import numpy as np

from ldl.phantoms.ct.bodies import View, column, ellipsoid, join, path, profile, tube
from ldl.phantoms.ct.scene import Part, Scene, Spine, paint_spine, parts
from ldl.phantoms.fields import Array, anatomy

TABLES, PARTS = anatomy("head"), parts("head")
HEIGHTS = TABLES["heights"]


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
    half, front, back = (
        profile(v.z, HEIGHTS["levels"], HEIGHTS[key]) for key in ("half", "front", "back")
    )
    plump, face = rng.gamma(3.0, 1.6), rng.normal(1.0, 0.04)
    fat = plump * np.clip((10.0 - v.z) / 40.0, 0.0, 1.0)
    square = profile(v.z, (-80, -50, -15, 25, 60), (0.2, 0.52, 0.5, 0.4, 0.2))
    skin, _ = column(v, 0.0, 0.0, half + fat, front * face, back + fat, square)
    for centre, radii, soft in TABLES["bumps"]:
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
    for part in PARTS["base"]:
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
        row = path([(x, y, z) for x, y in TABLES["teeth"]], 7.0)
        for tooth in row[rng.random(len(row)) > rng.choice([0.05, 0.3])]:
            t = tube(s.grid, tooth[None], rng.uniform(3.0, 4.0), tall=tall)
            filled = metal and rng.random() < 0.22
            s.paint(t.view, t.distance, 3050.0 if filled else s.tissue["tooth"], None)
            s.label[t.view.box][(t.distance < 0) & (t.view.z > z - 4.0)] = 0


def brainstem(s: Head, rng: np.random.Generator) -> None:
    """Medulla, pons and midbrain."""
    v = s.grid.view((-45, -40, -6), (45, 70, 58))
    half, fore, rear = (
        size * profile(v.z, HEIGHTS["stem_z"], values)
        for size, values in zip(rng.normal(1.0, 0.06, 3), HEIGHTS["stem"], strict=True)
    )
    y = profile(v.z, HEIGHTS["stem_z"], HEIGHTS["stem_y"]) + rng.normal(0.0, 1.0)
    body, _ = column(v, rng.normal(0.0, 0.6), y, half, fore, rear, 0.1)
    body = np.maximum(body + 0.7 * s.grid.noise(rng, 12.0, v), np.abs(v.z - 25.0) - 27.5)
    value = s.tissue["brain"] - 2.0 + 1.5 * s.grid.noise(rng, 14.0, v)
    s.paint(v, body, value, s.code("brainstem"))

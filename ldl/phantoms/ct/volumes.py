"""From a seed to CT volumes: the regions, how patients differ, and the scanner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from ldl.errors import LdlError
from ldl.phantoms.ct import head, organs, trunk
from ldl.phantoms.ct.bodies import Grid, Pose
from ldl.phantoms.ct.scene import ORGANS, Anatomy, Scene, draw_tissue
from ldl.phantoms.fields import Array, streams, wave

SMALLEST = (32, 8)
LOWEST, HIGHEST = -1024, 3071
METAL = 2600.0
# What comes later lies on what came before.
TRUNK: Anatomy = (
    trunk.frame, trunk.wall, trunk.PARTS["girdle"], organs.small_bowel, organs.colon,
    organs.mesentery, organs.kidneys, organs.lungs, organs.liver, trunk.PARTS["spleen"],
    trunk.PARTS["behind"], organs.stomach, organs.duodenum, organs.gallbladder,
    trunk.PARTS["chest_vessels"], organs.heart, trunk.PARTS["belly_vessels"], organs.gullet,
    trunk.PARTS["airways"], organs.aorta, organs.pancreas,
)  # fmt: skip
HEAD: Anatomy = (
    head.outline, head.PARTS["neck"], head.PARTS["cheeks"], head.skull, head.PARTS["face"],
    head.nose, head.PARTS["mouth"], head.PARTS["jaw"], head.teeth, head.PARTS["glands"],
    head.PARTS["cisterns"], head.brainstem, head.PARTS["inner"],
)  # fmt: skip


class Region(NamedTuple):
    """What a scan covers: `middle` (y, z) of the anatomy in its centre, `height` (z) and `width`
    (x and y) in mm; how freely patients differ in place and deformation; what is painted.
    """

    middle: tuple[float, float]
    height: float
    width: float
    place: tuple[float, float, float]
    warp: float
    cell: float
    scene: type[Scene]
    anatomy: Anatomy


REGIONS = {
    "abdomen": Region((5, 3), 306, 365, (9, 9, 5), 4.0, 70.0, trunk.Trunk, TRUNK),
    "thorax": Region((5, 223), 276, 368, (9, 9, 6), 4.0, 70.0, trunk.Trunk, TRUNK),
    "head_neck": Region((-6, -11), 180, 232, (6, 6, 4), 2.2, 45.0, head.Head, HEAD),
}


@dataclass(frozen=True)
class CtPhantom:
    """One scan: image int16 (Z, Y, X) in Hounsfield units, label uint8 (Z, Y, X) with 0 for
    background and k + 1 for `ORGANS[region][k]`, spacing (z, y, x) in mm.

    Slices go from the feet to the head, rows from front to back, columns from the patient's right
    to the left: what a radiologist sees, with the patient's right at the image's left.
    """

    id: str
    image: Array
    label: Array
    spacing: tuple[float, float, float]


def volumes(
    region: str, *, count: int, size: int, slices: int, seed: int, first: int = 0
) -> Iterator[CtPhantom]:
    """The patients first, ..., first + count - 1 of a region, drawn one at a time as they are asked
    for; (Z, Y, X) is (slices, size, size).

    Patient k depends on region, seed and k alone, and has the same anatomy at every size. Raises
    LdlError for an unknown region, for volumes below 32 pixels or 8 slices, for negative numbers.
    """
    if region not in ORGANS:
        raise LdlError(f"region '{region}' has no CT phantoms: choose one of {', '.join(ORGANS)}")
    if size < SMALLEST[0] or slices < SMALLEST[1]:
        raise LdlError(
            f"CT phantoms of {size} pixels and {slices} slices are too small to show organs: ask "
            f"for {SMALLEST[0]} pixels and {SMALLEST[1]} slices or more"
        )
    if count < 0 or first < 0:
        raise LdlError(f"cannot draw {count} CT phantoms from number {first}: both must be >= 0")
    return (_draw(region, first + k, size, slices, seed) for k in range(count))


def _draw(region: str, number: int, size: int, slices: int, seed: int) -> CtPhantom:
    draw, kind = streams(seed, "ct", region, number), REGIONS[region]
    extent, pose = _place(draw("pose"), kind)
    grid = Grid(draw("warp"), (slices, size, size), extent, pose)
    scene = kind.scene(region, grid, draw, draw_tissue(draw("tissue")))
    scene.compose(kind.anatomy)
    return CtPhantom(f"{region}_{number:04d}", _scan(scene), scene.label, grid.spacing)


def _place(rng: np.random.Generator, kind: Region) -> tuple[tuple[float, float, float], Pose]:
    """The extent (z, y, x) of a scan in mm and the pose of the patient in it."""
    width = rng.normal(1.0, 0.03) * kind.width
    whole = rng.normal(1.0, 0.03)
    size = whole * np.clip(1.0 + rng.normal(0.0, (0.035, 0.045, 0.02)), 0.85, 1.15)
    jitter, (y, z) = rng.normal(0.0, kind.place), kind.middle
    shift = (jitter[0], jitter[1] - y * size[1], jitter[2] - z * size[2])
    roll, tilt = rng.normal(0.0, np.deg2rad(3.0)), rng.normal(0.0, 0.03)
    pose = Pose((size[0], size[1], size[2]), shift, roll, tilt, kind.warp, kind.cell)
    return (kind.height, width, width), pose


def _scan(scene: Scene) -> Array:
    """From the painted body to the scan in Hounsfield units, int16 (Z, Y, X)."""
    rng, image = scene.draw("scanner"), scene.image
    streaks = _streaks(scene.draw("streaks"), image)
    sigma = rng.uniform(0.3, 0.5)
    image = ndimage.gaussian_filter(
        image, (rng.uniform(0.2, 0.4), sigma, sigma), mode="nearest", truncate=2.5
    )
    body = np.clip((image + 600.0) / 500.0, 0.0, 1.0)
    shading = scene.grid.noise(rng, 120.0, scene.grid.view())
    image = image + body * (rng.uniform(2.0, 9.0) * shading + rng.normal(0.0, 3.0))
    image = image + streaks * (0.25 + 0.75 * body) + _grain(scene.draw("grain"), body)
    return np.clip(np.rint(image), LOWEST, HIGHEST).astype(np.int16)


def _grain(rng: np.random.Generator, body: Array) -> Array:
    """Noise of the reconstruction: correlated in the slice, stronger through thick bodies."""
    sigma, level = rng.uniform(0.35, 0.75), rng.uniform(6.0, 18.0)
    grain = rng.standard_normal(body.shape, dtype=np.float32)
    grain = ndimage.gaussian_filter(grain, (0.0, sigma, sigma), mode="wrap", truncate=2.5)
    grain *= level / grain.std()
    per_slice = 0.85 + 0.3 * body.mean((1, 2), keepdims=True) / body.mean()
    return per_slice.astype(np.float32) * (0.35 + 0.65 * body) * grain


def _streaks(rng: np.random.Generator, image: Array) -> Array:
    """Dark and bright rays between and around metal, and across slices full of bone."""
    out = np.zeros_like(image)
    depth, height, width = image.shape
    rows = np.arange(height, dtype=np.float32)[:, None]
    columns = np.arange(width, dtype=np.float32)[None, :]
    metal = image > METAL
    for z in np.flatnonzero(metal.any((1, 2))):
        spots = np.argwhere(metal[z])
        for y, x in spots[rng.permutation(len(spots))[:4]]:
            dy, dx = rows - y, columns - x
            turn = np.arctan2(dy, dx) / (2 * np.pi) * 256
            rays = np.take(wave(rng, 257, 7.0), turn.astype(int), mode="wrap")
            out[z] += 120.0 * rays / (1.0 + np.hypot(dy, dx) * (64.0 / width) / 6.0)
    bone = np.clip(image - 250.0, 0.0, 900.0).sum(2, keepdims=True) * (64.0 / width)
    band = np.minimum(bone / 9000.0, 1.5) * rng.uniform(0.0, 14.0)
    return out + band * rng.standard_normal((depth, height, 1), dtype=np.float32)

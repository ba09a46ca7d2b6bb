"""From a seed to CT volumes: the patients of a region, and the scanner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ldl.errors import LdlError
from ldl.phantoms.ct.bodies import Grid
from ldl.phantoms.ct.regions import CODE, WINDOWS
from ldl.phantoms.ct.scene import ORGANS, Scene, draw_tissue, parts
from ldl.phantoms.fields import Array, streams

SMALLEST = (32, 8)
LOWEST, HIGHEST = -1024, 3071


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
    draw, (anatomy, window) = streams(seed, "ct", region, number), WINDOWS[region]
    grid = Grid(draw("pose"), (slices, size, size), window)
    scene = Scene(region, grid, draw, draw_tissue(draw("tissue")))
    scene.compose(parts(anatomy), CODE)
    return CtPhantom(f"{region}_{number:04d}", _scan(scene), scene.label, grid.spacing)


def _scan(scene: Scene) -> Array:
    """From the painted body to the scan in Hounsfield units, int16 (Z, Y, X): optics, shading,
    bands across slices full of bone, and noise, stronger through thick bodies.
    """
    rng, image = scene.draw("scanner"), scene.image
    bone = np.clip(image - 250.0, 0.0, 900.0).mean(2, keepdims=True) / 140.0
    bands = np.minimum(bone, 1.5) * rng.uniform(0.0, 14.0)
    bands = bands * rng.standard_normal((*image.shape[:2], 1), dtype=np.float32)
    blur = (rng.uniform(0.2, 0.4), *[rng.uniform(0.3, 0.5)] * 2)
    image = ndimage.gaussian_filter(image, blur, mode="nearest", truncate=2.5)
    body = np.clip((image + 600.0) / 500.0, 0.0, 1.0)
    shading = scene.grid.noise(rng, 120.0, scene.grid.view())
    image = image + body * (rng.uniform(2.0, 9.0) * shading + rng.normal(0.0, 3.0))
    sigma, level, draw = rng.uniform(0.35, 0.75), rng.uniform(6.0, 18.0), scene.draw("grain")
    grain = draw.standard_normal(image.shape, dtype=np.float32)
    grain = ndimage.gaussian_filter(grain, (0.0, sigma, sigma), mode="wrap", truncate=2.5)
    thick = 0.85 + 0.3 * body.mean((1, 2), keepdims=True) / body.mean()
    image = image + bands * (0.25 + 0.75 * body)
    image = image + level / grain.std() * thick * (0.35 + 0.65 * body) * grain
    return np.clip(np.rint(image), LOWEST, HIGHEST).astype(np.int16)

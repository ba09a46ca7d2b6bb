"""What the rest of the project asks for: CT volumes of a region, one patient after another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ldl.errors import LdlError
from ldl.rng import numpy_generator

from .canvas import Scene
from .fields import Array
from .grid import Grid
from .head.paint import paint_head
from .organs import ORGANS
from .regions import WINDOWS, place
from .scanner import scan
from .tissue import draw_tissue
from .torso.paint import paint_trunk

SMALLEST = (32, 8)
PAINTERS = {"abdomen": paint_trunk, "thorax": paint_trunk, "head_neck": paint_head}


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
    def stream(ingredient: str) -> np.random.Generator:
        return numpy_generator(seed, "ct phantom", region, number, ingredient)

    extent, pose = place(stream("pose"), WINDOWS[region])
    grid = Grid(stream("warp"), (slices, size, size), extent, pose)
    scene = Scene(region, grid, stream, draw_tissue(stream("tissue")))
    PAINTERS[region](scene)
    return CtPhantom(f"{region}_{number:04d}", scan(scene), scene.label, grid.spacing)

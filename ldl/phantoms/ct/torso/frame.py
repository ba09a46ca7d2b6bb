"""The inside of the trunk: the cavity within ribs and abdominal wall, the spine, the diaphragm.

z is 0 in the middle of the second lumbar vertebra; the iliac crests are at -70, the domes of the
diaphragm near 140, the carina near 250 and the tips of the lungs near 350 mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..canvas import Scene
from ..fields import Array
from ..shapes import carve, column, profile
from ..spine import Spine

LEVELS = (-160, -70, 0, 80, 140, 200, 260, 305, 335, 352, 370)
HALF = (112, 122, 126, 128, 126, 120, 104, 78, 56, 36, 24)
FRONT = (72, 80, 86, 90, 90, 84, 72, 54, 38, 26, 18)
BACK = (78, 74, 74, 84, 92, 94, 86, 68, 48, 30, 20)
# The front of the spine bends: lordosis of the loins, kyphosis of the chest.
SPINE_Z = (-165, -125, -70, 0, 60, 130, 200, 270, 320, 370)
SPINE_Y = (64, 48, 38, 43, 52, 61, 65, 60, 47, 33)
VERTEBRA_Z = (-160, -125, -90, -54, -18, 17, 50, 81, 109, 135, 160, 184, 207, 229, 250, 270, 289,
              307, 325, 342, 358, 374)  # fmt: skip


@dataclass(frozen=True)
class Frame:
    """Geometry that all of the trunk refers to, over the whole grid.

    `cavity` is the signed distance (Z, Y, X) to the inner wall, `backward` the cosine of the
    direction from the axis (1 to the back, -1 to the front), `above` the height in mm above the
    diaphragm, `spine` the column.
    """

    cavity: Array
    backward: Array
    above: Array
    spine: Spine


def build_frame(scene: Scene) -> Frame:
    """Draw the frame of one patient."""
    rng, v = scene.draw("frame"), scene.grid.whole()
    wide, deep = rng.normal(1.0, 0.04), rng.normal(1.0, 0.06)
    barrel = profile(v.z, (-100, 60, 200, 350), [0, *rng.normal(0.0, 4.0, 2), 0])
    half = wide * profile(v.z, LEVELS, HALF) + barrel
    front = deep * profile(v.z, LEVELS, FRONT) + barrel
    back = profile(v.z, LEVELS, BACK)
    cavity, relative = column(v, 0.0, 0.0, half, front, back, 0.62)
    spine = _spine(rng, v.z)
    # Vertebral arches and the long muscles of the back push the cavity forwards in the middle.
    arch, _ = column(v, spine.x, spine.y + 34.0, spine.half + 17.0, 32.0, 60.0, 0.3)
    cavity = carve(cavity + 2.0 * scene.grid.noise(rng, 45.0), arch, 14.0)
    backward = v.y / np.sqrt(v.x * v.x + v.y * v.y + 1.0)
    above = v.z - _diaphragm(rng, v.x, v.y, relative)
    return Frame(cavity, backward, above, spine)


def _diaphragm(rng: np.random.Generator, x: Array, y: Array, relative: Array) -> Array:
    """Height of the diaphragm at every voxel: two domes that fall to the wall, most behind."""
    right, left = 143 + rng.normal(0, 8), 131 + rng.normal(0, 8)
    side = np.clip(0.5 - x / 70.0, 0.0, 1.0)
    dome = left + (right - left) * side - 9.0 * np.exp(-((x / 28.0) ** 2))
    r2 = np.minimum(relative, 1.08) ** 2
    fall = np.clip(66.0 + 0.45 * y + 0.12 * np.abs(x), 20.0, 130.0)
    return dome - fall * r2 * r2 * r2


def _spine(rng: np.random.Generator, z: Array) -> Spine:
    lean = rng.normal(0.0, 2.5, 4)
    x = profile(z, (-150, 0, 180, 350), lean)
    y = profile(z, SPINE_Z, SPINE_Y) + profile(z, (-150, 0, 180, 350), rng.normal(0.0, 2.0, 4))
    size = rng.normal(1.0, 0.05)
    half = size * profile(z, (-160, -115, 0, 130, 260, 370), (44, 27, 24, 18.5, 16, 13.5))
    depth = size * profile(z, (-160, -115, 0, 130, 260, 370), (17, 18, 17.5, 15.5, 13.5, 9.5))
    count = np.interp(z, VERTEBRA_Z, np.arange(len(VERTEBRA_Z)) + 0.0) + 0.5
    canal = profile(z, (-150, 0, 200, 370), (9.5, 9.5, 8.5, 9.5))
    cord = profile(z, (-150, 0, 200, 370), (6.3, 6.6, 5.6, 6.4)) * rng.normal(1.0, 0.05)
    wings = profile(z, (-110, -60, 30, 80, 250, 370), (46, 44, 40, 26, 30, 25))
    return Spine(x, y, half, depth, count.astype(np.float32), canal, cord, wings)

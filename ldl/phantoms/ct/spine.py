"""The vertebral column from sacrum to skull, with the spinal cord in its canal."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from ldl.phantoms.ct.bodies import View, column
from ldl.phantoms.ct.scene import Scene
from ldl.phantoms.fields import Array


@dataclass(frozen=True)
class Spine:
    """The column at every row of the grid, as arrays (Z, Y, 1) in mm.

    `x`, `y` are the centre of the vertebral body, `half` and `depth` its half width and half
    depth, `count` how many vertebrae lie below (its fraction says where in one we are), `canal` and
    `cord` are radii, `wings` is how far transverse processes reach to the side.
    """

    x: Array
    y: Array
    half: Array
    depth: Array
    count: Array
    canal: Array
    cord: Array
    wings: Array

    def on(self, view: View) -> Spine:
        """The same column over a part of the grid."""
        return Spine(*(view.cut(a) for a in astuple(self)))


def paint_spine(
    scene: Scene,
    spine: Spine,
    rng: np.random.Generator,
    fused_below: float = -1e3,
    top: float = 1e3,
) -> None:
    """Vertebrae, discs and the content of the canal up to `top` mm; low down there are no discs."""
    tissue = scene.tissue
    out, front, back = float(spine.wings.max()) + 15.0, spine.y - spine.depth, spine.y + 80.0
    view = scene.grid.view((-out, float(front.min()) - 6.0, -1e3), (out, float(back.max()), top))
    s, fused = spine.on(view), np.clip((fused_below - view.z) / 10.0, 0.0, 1.0)
    at = s.count - np.floor(s.count)
    solid = np.maximum(_band(at, 0.5, 0.40), fused)
    waist = 1.0 - 0.12 * np.sin(np.pi * at) ** 2
    texture = 45.0 * scene.grid.noise(rng, 7.0, view)
    canal_y = s.y + s.depth + s.canal * 0.95
    arch = np.minimum(_arch(view, s, canal_y, at), _processes(view, s, canal_y, at))
    scene.paint(view, arch, 0.55 * tissue["cortex"] + texture)
    body, _ = column(view, s.x, s.y, s.half * waist, s.depth * waist, s.depth * waist * 0.9, 0.35)
    scene.paint(view, body, tissue["disc"] * (1 - solid) + solid * 0.85 * tissue["cortex"])
    inner = body + 2.5 + 30.0 * (1.0 - solid) + 12.0 * (np.abs(at - 0.5) > 0.41)
    scene.paint(view, inner, tissue["marrow"] + texture, None)
    canal, _ = column(view, s.x, canal_y, s.canal * 1.15, s.canal, s.canal * 0.9, 0.1)
    scene.paint(view, canal, 0.5 * tissue["fat"] + 0.5 * tissue["csf"])
    cord, _ = column(view, s.x, canal_y - 0.5, s.cord * 1.12, s.cord, s.cord, 0.0)
    scene.paint(view, cord - 1.5, tissue["csf"] + 8.0, None)
    scene.paint(view, cord, tissue["cord"], scene.code("spinal cord"))


def _band(at: Array, middle: float, half: float) -> Array:
    """1 where `at` is within `half` of the middle, with a soft edge."""
    return np.clip((half - np.abs(at - middle)) / 0.06 + 0.5, 0.0, 1.0)


def _arch(view: View, s: Spine, canal_y: Array, at: Array) -> Array:
    """Pedicles and laminae: a ring about the canal, with gaps between the vertebrae."""
    ring, _ = column(view, s.x, canal_y, s.canal * 1.5, s.canal * 1.25, s.canal * 1.45, 0.1)
    open_front = 14.0 * (1.0 - _band(at, 0.62, 0.22)) * (view.y < canal_y)
    open_back = 14.0 * (1.0 - _band(at, 0.45, 0.34)) * (view.y >= canal_y)
    return np.abs(ring) - 3.2 + open_front + open_back


def _processes(view: View, s: Spine, canal_y: Array, at: Array) -> Array:
    """Spinous process behind, transverse processes to both sides."""
    x = np.abs(view.x - s.x)
    behind = view.y - canal_y - s.canal
    length = s.canal * 2.6
    spinous = np.maximum(x - 2.8, np.abs(behind - 0.5 * length) - 0.5 * length)
    spinous = spinous + 14.0 * (1.0 - _band(at, 0.35, 0.27))
    beside = np.abs(view.y - canal_y + 0.10 * (s.wings - x)) - 4.0
    across = np.maximum(beside, x - s.wings) + 14.0 * (1.0 - _band(at, 0.6, 0.16))
    return np.minimum(spinous, across)

"""The painter: tissues, a volume of Hounsfield units and labels, and anatomy painted into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass, field
from typing import Any

import numpy as np

from ldl.phantoms.ct.bodies import (
    FAR,
    Grid,
    Tube,
    View,
    carve,
    column,
    ellipsoid,
    join,
    path,
    rotation,
    taper,
    tube,
)
from ldl.phantoms.fields import Array, Streams, anatomy

AIR = -1000.0
ORGANS: dict[str, tuple[str, ...]] = {
    region: tuple(organs) for region, organs in anatomy("tissue")["organs"].items()
}


def draw_tissue(rng: np.random.Generator) -> dict[str, float]:
    """One patient's tissues in Hounsfield units: contrast phase, fat, bone and their spread."""
    table = anatomy("tissue")
    phase = int(rng.choice(len(table["phases"]), p=table["phases"]))
    dose = rng.uniform(0.6, 1.15)
    out = {
        name: values[0] + dose * (values[phase] - values[0]) + rng.normal(0.0, 5.0)
        for name, values in table["enhancing"].items()
    }
    out |= {name: rng.normal(mean, spread) for name, (mean, spread) in table["plain"].items()}
    out |= {name: share * out["cortex"] for name, share in table["bones"].items()}
    if rng.random() < 0.25:
        out["liver"] -= rng.uniform(10.0, 45.0)
    if rng.random() < 0.3:
        # A fatty pancreas and fatty salivary glands come with age.
        out["pancreas"] -= rng.uniform(5.0, 35.0)
    out["parotid"] = out["gland"] - rng.uniform(15.0, 95.0)
    return {name: float(value) for name, value in out.items()}


@dataclass(frozen=True)
class Part:
    """A row of the anatomy: ellipsoids joined to one body, or a tube, painted coat by coat.

    Lengths are mm, points and radii (x, y, z). `size` is the spread of its relative size, `move`
    that of its place: of the whole body, or of each point of a tube.

    Attributes:
        coats: mm outside the surface, and tissue or Hounsfield units, from the outermost inwards.
            The first that does not lie outside bears the label of `organ`; what lies around it
            takes labels away, what lies within keeps them.
        organ: its name; "{}" stands for left and right.
        blobs: centre, radii and, if it has them, angles about z, y and x in degrees.
        hollows: ellipsoids that are taken off again.
        way: the points that a tube runs through; one alone makes a ball.
        radii: of the tube, evenly along its way.
        paired: it is painted on the left as given, and mirrored on the right.
        soft: over how many mm creases between the blobs are filled.
        rough, grain: amplitude and scale of noise on the surface (mm) and in the tissue (HU).
        spin: spread of the turn of blobs about z, in degrees.
        flat, tall: stretch of a tube from front to back, and along z.
        room: mm that it keeps from the walls of its cavity, if it minds them.
        blend: below 1 lets what lies beneath show through.
        chance: of being there.
    """

    coats: tuple[tuple[float, str | float], ...]
    organ: str = ""
    blobs: tuple[tuple[tuple[float, ...], ...], ...] = ()
    hollows: tuple[tuple[tuple[float, ...], ...], ...] = ()
    way: tuple[tuple[float, ...], ...] = ()
    radii: tuple[float, ...] = ()
    paired: bool = False
    size: float = 0.08
    move: float = 1.5
    soft: float = 8.0
    rough: tuple[float, float] | None = None
    grain: tuple[float, float] | None = None
    spin: float = 0.0
    flat: float = 1.0
    tall: float = 1.0
    room: float | None = None
    blend: float = 1.0
    chance: float = 1.0


def parts(name: str) -> dict[str, tuple[Part, ...]]:
    """The parts in ``anatomy/<name>.yaml``."""
    rows = anatomy(name)["parts"]
    return {key: tuple(Part(**row) for row in group) for key, group in rows.items()}


Anatomy = tuple[tuple[Part, ...] | Callable[[Any, np.random.Generator], None], ...]


@dataclass
class Scene:
    """One patient on the way to a scan: tissues in Hounsfield units, and what is painted so far.

    ``draw(ingredient)`` is an independent generator; image float32, label uint8, (Z,
    Y, X).
    """

    region: str
    grid: Grid
    draw: Streams
    tissue: dict[str, float]
    image: Array = field(init=False)
    label: Array = field(init=False)

    def __post_init__(self) -> None:
        self.image = np.full(self.grid.shape, AIR, np.float32)
        self.label = np.zeros(self.grid.shape, np.uint8)

    def compose(self, anatomy: Anatomy) -> None:
        """Paint one step over the other: rows, or a function where rows do not do."""
        for number, step in enumerate(anatomy):
            rng = self.draw(f"step {number}")
            if callable(step):
                step(self, rng)
            else:
                for part in step:
                    self.add(part, rng)

    def code(self, organ: str) -> int:
        """The label of an organ, 0 where this region does not report it."""
        names = ORGANS[self.region]
        return names.index(organ) + 1 if organ in names else 0

    def walls(self, view: View, gap: float) -> Array:
        """Signed distance to the room that organs have, `gap` mm narrower."""
        return np.full(view.x.shape, -FAR)

    def bend(self, way: Array) -> Array:
        """A path (n, 3), bent as the body is."""
        return way

    def paint(
        self, view: View, distance: Array, value: Array | float, label: int | None = 0, *,
        slack: float = 0.0, blend: float = 1.0,
    ) -> None:  # fmt: skip
        """Fill a body with Hounsfield units, over what is there, with an edge one pixel wide.

        `label` None leaves the labels as they are; `slack` lets the label reach that many mm
        outside.
        """
        edge = np.float32(1.0 / max(self.grid.spacing[1], 1.5))
        cover = np.clip(np.float32(0.5) - distance * edge, 0.0, 1.0)
        part = self.image[view.box]
        part += np.float32(blend) * cover * (value - part)
        if label is not None:
            self.label[view.box][distance < slack] = label

    def add(self, part: Part, rng: np.random.Generator) -> None:
        """Paint a row, on both sides if it is paired."""
        for side, word in ((1.0, "left"), (-1.0, "right")) if part.paired else ((1.0, ""),):
            if rng.random() < part.chance:
                self._coats(part, rng, side, part.organ.format(word))

    def _coats(self, part: Part, rng: np.random.Generator, side: float, organ: str) -> None:
        body = self.along(part, rng, side) if part.way else self.joined(part, rng, side)
        view, distance = body[:2]
        if part.room is not None:
            distance = np.maximum(distance, self.walls(view, part.room))
        grain = part.grain[0] * self.grid.noise(rng, part.grain[1], view) if part.grain else 0.0
        # A tube thinner than a pixel keeps a label of about a pixel's width.
        thin = max(0.6 * self.grid.spacing[1] - part.radii[-1], 0.0) if part.way and organ else 0.0
        outside = sum(grow > 0 for grow, _ in part.coats)
        for number, (grow, tissue) in enumerate(part.coats):
            value = self.tissue[tissue] if isinstance(tissue, str) else tissue
            own = number == outside
            label = self.code(organ) if own else 0 if number < outside else None
            self.paint(
                view, distance - grow, value + grain, label,
                slack=thin if own else 0.0, blend=part.blend,
            )  # fmt: skip

    def joined(self, part: Part, rng: np.random.Generator, side: float = 1.0) -> tuple[View, Array]:
        """The view and the signed distance of a part made of blobs."""
        move, size = rng.normal(0.0, part.move, 3), rng.normal(1.0, part.size, 3)
        spin, mirror = rng.normal(0.0, part.spin), np.array((side, 1.0, 1.0))
        middle = np.array(part.blobs[0][0], float)
        placed = [
            (
                mirror * (middle + (np.array(centre) - middle) * size) + move,
                np.array(radii) * size,
                rotation(*np.add(np.multiply(turn[0], (side, side, 1)), (spin, 0, 0)))
                if turn
                else None,
            )
            for centre, radii, *turn in [*part.blobs, *part.hollows]
        ]
        count, room = len(part.blobs), 4.0 + max((grow for grow, _ in part.coats), default=2.0)
        view = self.grid.view(
            np.min([centre - radii.max() for centre, radii, _ in placed[:count]], 0) - room,
            np.max([centre + radii.max() for centre, radii, _ in placed[:count]], 0) + room,
        )
        turned = [ellipsoid(view, *one) for one in placed]
        body = turned[0]
        for blob in turned[1:count]:
            body = join(body, blob, part.soft)
        for hollow in turned[count:]:
            body = carve(body, hollow, part.soft)
        if part.rough:
            body = body + part.rough[0] * self.grid.noise(rng, part.rough[1], view)
        return view, body

    def along(self, part: Part, rng: np.random.Generator, side: float = 1.0) -> Tube:
        """The tube of a part."""
        points = np.array(part.way, float) * (side, 1.0, 1.0)
        points = points + rng.normal(0.0, part.move, points.shape)
        # The balls of a thin tube must not come apart.
        way = self.bend(path(points, float(np.clip(1.2 * min(part.radii), 2.0, 5.0))))
        radius = taper(len(way), part.radii) * max(rng.normal(1.0, part.size), 0.5)
        reach = 6.0 + max((grow for grow, _ in part.coats), default=0.0)
        return tube(self.grid, way, radius, reach=reach, flat=part.flat, tall=part.tall)


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
    scene: Scene, spine: Spine, rng: np.random.Generator,
    fused_below: float = -1e3, top: float = 1e3,
) -> None:  # fmt: skip
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

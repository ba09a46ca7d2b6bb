"""The painter: tissues, a volume of Hounsfield units and labels, and anatomy painted into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from ldl.phantoms.ct.bodies import Grid, View, carve, ellipsoid, join, path, taper, tube
from ldl.phantoms.fields import Array, Streams, anatomy, wave

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
    # Liver, pancreas and salivary glands get fatty, more or less.
    for organ, most, base in (("liver", 45, ""), ("pancreas", 35, ""), ("parotid", 95, "gland")):
        out[organ] = out[base or organ] - rng.uniform(0.0, most) * (rng.random() < 0.3 or base > "")
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
        vessels: tissue, scale and width of what shines through as branching lines.
        filling: of a tube: wall in mm, Hounsfield units inside, share of gas, which floats.
        flat, tall: stretch of a tube from front to back, and along z.
        room: where it may lie, and the mm that it keeps from the walls there.
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
    vessels: tuple[str, float, float] | None = None
    filling: tuple[float, float, float] | None = None
    flat: float = 1.0
    tall: float = 1.0
    room: tuple[str, float] | None = None
    chance: float = 1.0


Step = Callable[["Scene", np.random.Generator], None]


def parts(name: str) -> dict[str, tuple[Part, ...]]:
    """The parts in ``anatomy/<name>.yaml`` in painting order; those without rows are code."""
    rows = anatomy(name)["parts"]
    return {key: tuple(Part(**row) for row in group or ()) for key, group in rows.items()}


class Scene:
    """One patient on the way to a scan: tissues in Hounsfield units, and what is painted so far.

    ``draw(ingredient)`` is an independent generator; image float32, label uint8, (Z, Y, X);
    `rooms` are signed distances (Z, Y, X) to the walls of what holds organs.
    """

    def __init__(self, region: str, grid: Grid, draw: Streams, tissue: dict[str, float]) -> None:
        self.region, self.grid, self.draw, self.tissue = region, grid, draw, tissue
        self.image = np.full(grid.shape, -1000.0, np.float32)
        self.label = np.zeros(grid.shape, np.uint8)
        self.rooms: dict[str, Array] = {}

    def compose(self, anatomy: dict[str, tuple[Part, ...]], code: dict[str, Step]) -> None:
        """Paint one over the other: rows, or what ``code`` has under a name without rows."""
        for name, rows in anatomy.items():
            rng = self.draw(f"step {name}")
            for part in rows:
                self.add(part, rng)
            if not rows:
                code[name](self, rng)

    def code(self, organ: str) -> int:
        """The label of an organ, 0 where this region does not report it."""
        names = ORGANS[self.region]
        return names.index(organ) + 1 if organ in names else 0

    def paint(
        self, view: View, distance: Array, value: Array | float, label: int | None = 0,
        slack: float = 0.0,
    ) -> None:  # fmt: skip
        """Fill a body with Hounsfield units, over what is there, with an edge one pixel wide.

        `label` None leaves the labels as they are; it reaches `slack` mm outside.
        """
        cover = np.clip(0.5 - distance / max(self.grid.spacing[1], 1.5), 0.0, 1.0)
        part = self.image[view.box]
        part += cover * (value - part)
        if label is not None:
            self.label[view.box][distance < slack] = label

    def strands(self, rng: np.random.Generator, v: View, scale: float, width: Any) -> Array:
        """Lines where two noise fields vanish together, in [0, 1]: the vessels of an organ."""
        away = np.hypot(self.grid.noise(rng, scale, v), self.grid.noise(rng, scale, v))
        return np.clip(1.6 - 1.6 * away / width, 0.0, 1.0)

    def add(self, part: Part, rng: np.random.Generator) -> None:
        """Paint a row, on both sides if it is paired."""
        if rng.random() < part.chance:
            for side, word in ((1, "left"), (-1, "right")) if part.paired else ((1, ""),):
                self._coats(part, rng, side, part.organ.format(word))

    def _coats(self, part: Part, rng: np.random.Generator, side: int, organ: str) -> None:
        body: Any = (self._tube if part.way else self._blobs)(part, rng, side)
        view, distance, *inner = body
        if part.rough:
            distance = distance + part.rough[0] * self.grid.noise(rng, part.rough[1], view)
        if part.room:
            distance = np.maximum(distance, self.rooms[part.room[0]][view.box] + part.room[1])
        grain = part.grain[0] * self.grid.noise(rng, part.grain[1], view) if part.grain else 0.0
        # A tube thinner than a pixel keeps a label of about a pixel's width.
        thin = max(0.6 * self.grid.spacing[1] - part.radii[-1], 0.0) if part.way and organ else 0.0
        outside = sum(grow > 0 for grow, _ in part.coats)
        for number, (grow, tissue) in enumerate(part.coats):
            value = (self.tissue[tissue] if isinstance(tissue, str) else tissue) + grain
            if part.vessels:
                lines = self.strands(rng, view, *part.vessels[1:])
                value = value + lines * (self.tissue[part.vessels[0]] - value)
            own = number == outside
            label = self.code(organ) if own else 0 if number < outside else None
            self.paint(view, distance - grow, value, label, thin if own else 0.0)
        if part.filling:
            self._fill(part.filling, rng, view, distance, *inner)

    def _fill(
        self, filling: tuple[float, float, float], rng: np.random.Generator, view: View,
        distance: Array, nearest: Array, way: Array, radius: Array,
    ) -> None:  # fmt: skip
        """What a bowel holds: fluid, bright where oral contrast has come, and gas in front."""
        (wall, base, share), count = filling, len(way)
        dye = rng.uniform(100.0, 320.0) * (rng.random() < 0.3)
        content = base + 15.0 * wave(rng, count, 8.0)
        content += dye * np.clip(wave(rng, count, 24.0) + 0.3, 0.0, 1.0)
        gas = np.clip(share + 0.45 * wave(rng, count, 10.0), 0.0, 1.0)
        level = ndimage.gaussian_filter1d(way[:, 1] - radius + 2.0 * radius * gas, 3.0)
        lumen = distance + wall
        self.paint(view, lumen, content[nearest], None)
        self.paint(view, np.maximum(lumen, view.y - level[nearest]), self.tissue["air"], None)

    def _blobs(self, part: Part, rng: np.random.Generator, side: int) -> tuple[View, Array]:
        """The view and the signed distance of a part made of ellipsoids."""
        move, size = rng.normal(0.0, part.move, 3), rng.normal(1.0, part.size, 3)
        mirror, middle = np.array((side, 1, 1)), np.array(part.blobs[0][0], float)
        placed = [
            (
                mirror * (middle + (np.array(centre) - middle) * size) + move,
                np.array(radii) * size,
                np.multiply(turn[0] if turn else (0, 0, 0), (side, side, 1)),
            )
            for centre, radii, *turn in [*part.blobs, *part.hollows]
        ]
        count, room = len(part.blobs), 4.0 + max((grow for grow, _ in part.coats), default=2.0)
        ends = np.array([(c - r.max() - room, c + r.max() + room) for c, r, _ in placed[:count]])
        view = self.grid.view(ends[:, 0].min(0), ends[:, 1].max(0))
        body, *others = (ellipsoid(view, *one) for one in placed)
        for number, other in enumerate(others, start=1):
            body = (join if number < count else carve)(body, other, part.soft)
        return view, body

    def _tube(self, part: Part, rng: np.random.Generator, side: int) -> tuple[Any, ...]:
        """View, distance, nearest sample, samples and their radii of a part along a way."""
        points = np.array(part.way, float) * (side, 1, 1)
        points = points + rng.normal(0.0, part.move, points.shape)
        # The balls of a thin tube must not come apart.
        way = path(points, float(np.clip(1.2 * min(part.radii), 2.0, 5.0)))
        radius = taper(len(way), part.radii) * max(rng.normal(1.0, part.size), 0.5)
        reach = 6.0 + max((grow for grow, _ in part.coats), default=0.0)
        return *tube(self.grid, way, radius, reach, part.flat, part.tall), way, radius

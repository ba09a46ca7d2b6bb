"""The painter: tissues, a volume of Hounsfield units and labels, and anatomy painted into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ldl.phantoms.ct.bodies import (
    FAR,
    Grid,
    Tube,
    View,
    carve,
    ellipsoid,
    join,
    path,
    rotation,
    taper,
    tube,
)
from ldl.phantoms.fields import Array, Streams

AIR = -1000.0
# The organs that the LRC paper reports per region of the body (its section 3.2), in its order. The
# label of an organ is its place plus one; background is 0. "Left" and "right" are the patient's.
ORGANS: dict[str, tuple[str, ...]] = {
    "abdomen": (
        "large bowel", "duodenum", "spinal cord", "liver", "spleen", "small bowel", "pancreas",
        "left kidney", "right kidney", "stomach", "gallbladder",
    ),
    "thorax": ("esophagus", "trachea", "spinal cord", "left lung", "right lung", "heart"),
    "head_neck": (
        "brainstem", "mandible", "optical chiasm", "left optical nerve", "right optical nerve",
        "left parotid", "right parotid", "left submandibular gland", "right submandibular gland",
    ),
}  # fmt: skip
# Without contrast, arterial, portal venous, late. What a scan shows differs less between
# neighbours than between patients.
PHASES = (0.2, 0.25, 0.4, 0.15)
ENHANCING: dict[str, tuple[float, float, float, float]] = {
    "liver": (57, 66, 104, 90),
    "spleen": (47, 112, 114, 92),
    "renal cortex": (33, 155, 178, 150),
    "renal medulla": (31, 62, 145, 152),
    "pancreas": (42, 96, 88, 70),
    "artery": (42, 280, 150, 115),
    "vein": (42, 85, 140, 115),
    "portal": (42, 115, 160, 118),
    "right blood": (42, 250, 145, 115),
    "pulmonary": (42, 265, 145, 115),
    "myocardium": (44, 92, 102, 88),
    "bowel wall": (40, 78, 88, 72),
    "esophagus": (38, 54, 62, 58),
    "muscle": (54, 57, 62, 61),
    "gland": (42, 75, 88, 74),
    "brain": (33, 34, 36, 36),
    "thyroid": (95, 150, 160, 140),
    "mucosa": (38, 60, 80, 74),
}
PLAIN: dict[str, tuple[float, float]] = {
    "fat": (-103, 7),
    "skin": (20, 25),
    "marrow": (190, 50),
    "cortex": (680, 90),
    "disc": (75, 12),
    "cord": (38, 5),
    "csf": (10, 5),
    "bile": (9, 7),
    "lung": (-855, 35),
    "cartilage": (105, 25),
    "air": (-995, 4),
    "tooth": (1900, 250),
}
# What one voxel shows of bones thinner or denser than compact bone.
BONES = {"thin bone": 0.6, "bone": 0.72, "hard bone": 1.2, "jaw": 1.7}


def draw_tissue(rng: np.random.Generator) -> dict[str, float]:
    """One patient's tissues in Hounsfield units: contrast phase, fat, bone and their spread."""
    phase = int(rng.choice(len(PHASES), p=PHASES))
    dose = rng.uniform(0.6, 1.15)
    out = {
        name: values[0] + dose * (values[phase] - values[0]) + rng.normal(0.0, 5.0)
        for name, values in ENHANCING.items()
    }
    out |= {name: rng.normal(mean, spread) for name, (mean, spread) in PLAIN.items()}
    out |= {name: share * out["cortex"] for name, share in BONES.items()}
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


Anatomy = tuple[tuple[Part, ...] | Callable[[Any, np.random.Generator], None], ...]


@dataclass
class Scene:
    """One patient on the way to a scan.

    `draw(ingredient)` is an independent generator per ingredient, `tissue` the Hounsfield units of
    this patient's tissues, `image` float32 (Z, Y, X) and `label` uint8 (Z, Y, X) what is painted so
    far.
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
        self,
        view: View,
        distance: Array,
        value: Array | float,
        label: int | None = 0,
        *,
        slack: float = 0.0,
        blend: float = 1.0,
    ) -> None:
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
            for centre, radii, *turn in part.blobs + part.hollows
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

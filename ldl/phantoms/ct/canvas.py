"""The volume under the brush: Hounsfield units and labels, painted from the skin inwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .fields import Array
from .grid import Grid, View
from .organs import ORGANS
from .shapes import Triple, ellipsoid, ellipsoid_box
from .tubes import Tube

AIR = -1000.0
Streams = Callable[[str], np.random.Generator]


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

    def code(self, organ: str) -> int:
        """The label of an organ, 0 where this region does not report it."""
        names = ORGANS[self.region]
        return names.index(organ) + 1 if organ in names else 0

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
        outside; `blend` below 1 lets what lies beneath show through.
        """
        edge = np.float32(1.0 / max(self.grid.spacing[1], 1.5))
        cover = np.clip(np.float32(0.5) - distance * edge, 0.0, 1.0)
        part = self.image[view.box]
        part += np.float32(blend) * cover * (value - part)
        if label is not None:
            self.label[view.box][distance < slack] = label

    def paint_ellipsoid(
        self,
        centre: Triple,
        radii: Triple,
        value: float,
        label: int | None = 0,
        turn: Array | None = None,
    ) -> None:
        """Fill an ellipsoid with centre and radii (x, y, z) in mm."""
        view = self.grid.view(*ellipsoid_box(centre, radii, 4.0))
        self.paint(view, ellipsoid(view, centre, radii, turn), value, label)

    def paint_tube(self, tube: Tube, value: Array | float, label: int | None = 0) -> None:
        """Fill a tube; one thinner than a pixel keeps a label of about a pixel's width."""
        slack = max(0.0, 0.6 * self.grid.spacing[1] - float(tube.radius.min())) if label else 0.0
        self.paint(tube.view, tube.distance, value, label, slack=slack)

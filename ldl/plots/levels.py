"""What is told apart from what, drawn on images: an anchor, what is the same, what is not."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import ConnectionPatch, Rectangle
from matplotlib.patheffects import Normal, Stroke
from numpy.typing import NDArray

from ldl.plots.images import panel, patch_grid
from ldl.plots.theme import ORANGE, SKY, theme

SAME, OTHER = SKY, ORANGE
# A dark rim keeps both colours visible on a red fundus and on a white page.
RIM = (Stroke(linewidth=3.0, foreground="black", alpha=0.55), Normal())


@dataclass(frozen=True)
class Part:
    """A part of an image: a box in pixels (left, top, width, height), or a mask (H, W).

    Attributes:
        where: the box or the mask.
        same: whether it is the anchor or the same thing; if not it is to be told from it.
    """

    where: tuple[float, float, float, float] | NDArray[np.bool_]
    same: bool = True

    @property
    def centre(self) -> tuple[float, float]:
        """Its middle, (x, y); of a mask the pixel of it nearest to its centroid."""
        if isinstance(self.where, tuple):
            left, top, width, height = self.where
            return left + width / 2 - 0.5, top + height / 2 - 0.5
        y, x = np.nonzero(self.where)
        nearest = np.argmin((y - y.mean()) ** 2 + (x - x.mean()) ** 2)
        return float(x[nearest]), float(y[nearest])


@dataclass(frozen=True)
class Level:
    """One row of the figure.

    Attributes:
        title: what is contrasted, and by whom.
        images: three (C, H, W) or (H, W, 3) pictures.
        names: one over each picture.
        parts: of each picture; the first of the first picture is the anchor.
        grid: lines of a division, 0 for none.
    """

    title: str
    images: Sequence[NDArray]
    names: Sequence[str]
    parts: Sequence[Sequence[Part]]
    grid: int = field(default=0)


def levels_figure(levels: Sequence[Level], *, width: float = 1.2) -> Figure:
    """One row a level: solid lines to what is the same, dashed ones to what is not."""
    with theme():
        heights = [width + 0.27 + 0.16 * len(level.title.splitlines()) for level in levels]
        figure = plt.figure(figsize=(3 * width + 0.2, sum(heights) + 0.3))
        rows = figure.subfigures(len(levels), 1, squeeze=False, height_ratios=heights)
        for level, part in zip(levels, rows[:, 0], strict=True):
            part.suptitle(level.title, x=0.01, ha="left")
            row = part.subplots(1, 3)
            for axes, image, name in zip(row, level.images, level.names, strict=True):
                if level.grid:
                    patch_grid(axes, image, level.grid, name)
                else:
                    panel(axes, image, name)
            _mark(level, list(row), part)
        figure.legend(handles=_legend(), loc="outside lower center", ncols=2)
        return figure


def _mark(level: Level, row: list[Axes], figure: Figure) -> None:
    anchor = level.parts[0][0]
    for number, (axes, parts) in enumerate(zip(row, level.parts, strict=True)):
        for part in sorted(parts, key=lambda part: part.same):
            _outline(axes, part)
            if part is anchor:
                continue
            line = ConnectionPatch(
                anchor.centre,
                part.centre,
                "data",
                "data",
                axesA=row[0],
                axesB=row[number],
                color=SAME if part.same else OTHER,
                linestyle="-" if part.same else (0, (2, 1.5)),
                linewidth=1.4,
                path_effects=RIM,
                # Bent, so that it does not run under the other line.
                connectionstyle="arc3,rad=0" if part.same else "arc3,rad=-0.18",
            )
            figure.add_artist(line)


def _outline(axes: Axes, part: Part) -> None:
    colour, style = (SAME, "-") if part.same else (OTHER, (0, (2, 1.5)))
    if isinstance(part.where, tuple):
        left, top, width, height = part.where
        box = Rectangle((left - 0.5, top - 0.5), width, height, fill=False)
        box.set(edgecolor=colour, linestyle=style, linewidth=1.6, path_effects=RIM)
        axes.add_patch(box)
    else:
        drawn = axes.contour(part.where, levels=[0.5], colors=[colour], linestyles=[style])
        drawn.set(linewidth=1.2 if part.same else 0.6, path_effects=RIM if part.same else None)


def _legend() -> list[Line2D]:
    return [
        Line2D([], [], color=SAME, path_effects=RIM, label="the same: pulled together"),
        Line2D([], [], color=OTHER, linestyle=(0, (2, 1.5)), path_effects=RIM, label="told apart"),
    ]

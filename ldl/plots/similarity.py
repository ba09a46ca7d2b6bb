"""Similarity maps of one support point, with the true and the found place (LDL Figure 9)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import AbstractPathEffect, withStroke
from numpy.typing import NDArray

from ldl.plots.images import heat, panel
from ldl.plots.theme import FALSE_ALARM, HIT, theme

RIM: list[AbstractPathEffect] = [withStroke(linewidth=3, foreground="black")]
TRUTH, FOUND, DOUBTFUL = "white", HIT, FALSE_ALARM
Point = tuple[float, float]  # row, column in pixels, the first pixel's centre at (0.0, 0.0)


@dataclass(frozen=True)
class Map:
    """One similarity map, where its point was put, and whether it is an answer or a guess only."""

    similarity: NDArray
    point: Point
    sure: bool
    words: str = ""


def similarity_figure(
    images: Sequence[NDArray],
    truths: Sequence[Point],
    maps: Sequence[Sequence[Map]],
    *,
    titles: Sequence[str],
    row_titles: Sequence[str],
    window: float,
    width: float = 1.3,
) -> Figure:
    """The images above, the support first, and a row of similarity maps for each way to search.

    Args:
        images: (C, S, S) each.
        truths: the true point of each.
        maps: a row a way to search, in it a map an image.
        titles: over the images.
        row_titles: at the left of the rows of maps.
        window: its side in pixels of the images; drawn about the support's point.
    """
    down, across = 1 + len(maps), len(images)
    with theme():
        figure, grid = plt.subplots(
            down, across, figsize=(across * width + 0.4, down * (width + 0.27)), squeeze=False
        )
        for axes, image, truth, title in zip(grid[0], images, truths, titles, strict=True):
            panel(axes, image, title)
            _truth(axes, truth)
        row, column = truths[0]
        corner = (column - window / 2, row - window / 2)
        box = Rectangle(corner, window, window, fill=False, edgecolor=FOUND, linewidth=1.4)
        box.set_path_effects(RIM)
        grid[0][0].add_patch(box)
        for line, some, name in zip(grid[1:], maps, row_titles, strict=True):
            line[0].set_ylabel(name, fontsize=8)
            for axes, one, truth in zip(line, some, truths, strict=True):
                _map(axes, one, truth)
        figure.legend(handles=_legend(), loc="outside lower center", ncols=3)
        return figure


def _map(axes: Axes, one: Map, truth: Point) -> None:
    low, high = float(one.similarity.min()), float(one.similarity.max())
    panel(axes, heat(one.similarity, low, high if high > low else low + 1))
    _truth(axes, truth)
    colour, mark = (FOUND, "x") if one.sure else (DOUBTFUL, "+")
    place = one.point[::-1]
    (point,) = axes.plot(*place, mark, color=colour, markersize=7)
    point.set(markeredgewidth=1.6, path_effects=RIM)
    if one.words:
        axes.set_xlabel(one.words, fontsize=7.5, labelpad=2)
    size = np.array(one.similarity.shape)
    axes.set(xlim=(-0.5, size[1] - 0.5), ylim=(size[0] - 0.5, -0.5))


def _truth(axes: Axes, truth: Point) -> None:
    (ring,) = axes.plot(*truth[::-1], "o", color=TRUTH, markersize=7)
    ring.set(markerfacecolor="none", markeredgewidth=1.4, path_effects=RIM)


def _legend() -> list[Line2D]:
    marks = (
        ("o", TRUTH, "the truth"),
        ("x", FOUND, "found"),
        ("+", DOUBTFUL, "a guess: ambiguous or flat"),
    )
    handles = []
    for mark, colour, words in marks:
        line = Line2D([], [], marker=mark, color=colour, linestyle="", markersize=7, label=words)
        line.set(markerfacecolor="none", markeredgewidth=1.6, path_effects=RIM)
        handles.append(line)
    return handles

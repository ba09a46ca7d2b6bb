"""What the choice of one support image decides: a dot for each of them."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ldl.plots.theme import INK, ORANGE, SKY, theme

Key = tuple[str, str]  # row, column


def support_dots(
    values: Mapping[Key, NDArray],
    paper: Mapping[Key, float],
    *,
    columns: Sequence[str],
    rows: Sequence[str],
    mine: Sequence[str],
    xlabel: str,
    width: float = 2.0,
) -> Figure:
    """One small panel a column: each support's value, their mean, the paper's one value as a ring.

    Args:
        values: (supports,) for each row and column that was run.
        paper: its number, where it prints one.
        columns: titles of the panels.
        rows: from top to bottom.
        mine: the rows that are the paper's method, in blue; the others are in orange and square.
    """
    across = min(4, len(columns))
    down = -(-len(columns) // across)
    with theme():
        figure, grid = plt.subplots(
            down,
            across,
            figsize=(width * across + 1.6, (0.23 * len(rows) + 0.6) * down + 0.4),
            squeeze=False,
            sharey=True,
        )
        for axes in list(grid.flat)[len(columns) :]:
            axes.set_axis_off()
        for number, column in enumerate(columns):
            axes = grid.flat[number]
            for place, row in enumerate(rows):
                _row(axes, place, values.get((row, column)), paper.get((row, column)), row in mine)
            axes.set(title=column, xlim=(-3, 103))
            if number + across >= len(columns):
                axes.set_xlabel(xlabel)
        grid[0][0].set_yticks(range(len(rows)), rows)
        grid[0][0].invert_yaxis()
        figure.legend(handles=_legend(), loc="outside upper center", ncols=3)
        return figure


def _row(axes: Axes, place: int, found: NDArray | None, paper: float | None, mine: bool) -> None:
    colour, marker = (SKY, "o") if mine else (ORANGE, "s")
    if found is not None:
        axes.plot(found, np.full(len(found), place), marker, color=colour, markersize=4, alpha=0.65)
        axes.plot(found.mean(), place, "|", color=INK, markersize=11, markeredgewidth=1.8)
    if paper is not None and np.isfinite(paper):
        (ring,) = axes.plot(paper, place, "o", color=INK, markersize=7)
        ring.set(markerfacecolor="none", markeredgewidth=1.2)


def _legend() -> list[Line2D]:
    dot = Line2D([], [], color=SKY, marker="o", markersize=4, linestyle="", label="a support image")
    mean = Line2D(
        [], [], color=INK, marker="|", markersize=10, linestyle="", label="mean over them",
        markeredgewidth=1.8,
    )  # fmt: skip
    ring = Line2D(
        [], [], color=INK, marker="o", markersize=7, markerfacecolor="none", linestyle="",
        label="the paper, one support",
    )  # fmt: skip
    return [dot, mean, ring]

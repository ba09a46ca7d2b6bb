"""What the choice of one support image decides: a dot for each of them."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ldl.plots.panels import column_panels
from ldl.plots.theme import INK, ORANGE, SKY

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

    def draw(axes: Axes, number: int) -> None:
        for place, row in enumerate(rows):
            key = (row, columns[number])
            _row(axes, place, values.get(key), paper.get(key), row in mine)
        axes.set_xlim(-3, 103)

    return column_panels(
        draw,
        titles=columns,
        rows=rows,
        xlabel=xlabel,
        legend=_legend,
        panel=(width, 0.23 * len(rows) + 0.6),
        margin=(1.6, 0.4),
    )


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

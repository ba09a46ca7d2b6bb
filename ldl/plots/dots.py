"""Dots with their spread: one small panel a column of a table."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ldl.plots.panels import column_panels
from ldl.plots.theme import INK, colour_of, marker_of


def column_dots(
    frame: pd.DataFrame,
    *,
    columns: Sequence[str],
    rows: Sequence[str],
    xlabel: str = "DSC (%)",
    zero: bool = False,
    width: float = 1.9,
) -> Figure:
    """One small panel a column of a table: ours with its interval, the paper's as a ring.

    ``frame`` is long: ``row, column, ours, low, high, paper`` in percent; nan where there is none.
    ``zero`` draws a line at 0, for differences.
    """

    def draw(axes: Axes, number: int) -> None:
        _dots(axes, frame[frame["column"] == columns[number]].set_index("row"), rows)
        if zero:
            axes.axvline(0, color=INK, linewidth=0.8, alpha=0.6)

    return column_panels(
        draw,
        titles=columns,
        rows=rows,
        xlabel=xlabel,
        legend=_legend,
        panel=(width, 0.21 * len(rows) + 0.55),
        margin=(0.9, 0.4),
    )


def _dots(axes: Axes, part: pd.DataFrame, rows: Sequence[str]) -> None:
    for place, name in enumerate(rows):
        if name not in part.index:
            continue
        one = part.loc[name]
        if pd.notna(one["paper"]):
            axes.plot(
                one["paper"],
                place,
                "o",
                markersize=5.5,
                markerfacecolor="none",
                color=INK,
                markeredgewidth=1,
            )
        if pd.notna(one["ours"]):
            axes.plot(
                [one["low"], one["high"]],
                [place, place],
                color=colour_of(name),
                linewidth=2.2,
                alpha=0.6,
            )
            axes.plot(one["ours"], place, marker_of(name), markersize=5, color=colour_of(name))


def _legend() -> list[Line2D]:
    ours = Line2D(
        [], [], color=INK, marker="o", markersize=5, linewidth=2.2, label="ours, with interval"
    )
    paper = Line2D(
        [],
        [],
        color=INK,
        marker="o",
        markersize=5.5,
        markerfacecolor="none",
        linestyle="",
        label="the paper",
    )
    return [ours, paper]

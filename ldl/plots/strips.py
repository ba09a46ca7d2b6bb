"""One dot a seed: the distribution of a training, not its best."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ldl.plots.panels import column_panels
from ldl.plots.theme import CYCLE, INK

LOST = "X"


def seed_strips(
    frame: pd.DataFrame,
    *,
    columns: Sequence[str],
    titles: Sequence[str],
    xlabel: str = "DSC (%)",
    width: float = 1.75,
) -> Figure:
    """One small panel a column of a table, one line a row, one mark a seed.

    Args:
        frame: long: ``label, column, by_seed`` (numbers), ``lost`` (a bool each: the target region
            collapsed), ``paper`` (nan where there is none).
        columns: which, in order.
        titles: over them.
        xlabel: under the lowest panels.
        width: of a panel in inches.
    """
    rows = list(dict.fromkeys(frame["label"]))

    def draw(axes: Axes, number: int) -> None:
        _strip(axes, frame[frame["column"] == columns[number]].set_index("label"), rows)

    figure = column_panels(
        draw,
        titles=titles,
        rows=rows,
        xlabel=xlabel,
        legend=_legend,
        panel=(width, 0.22 * len(rows) + 0.5),
        margin=(1.4, 0.5),
        across=3,
        sharex=True,
    )
    figure.axes[0].set_xlim(left=0)
    return figure


def _strip(axes: Axes, part: pd.DataFrame, rows: Sequence[str]) -> None:
    for place, name in enumerate(rows):
        one = part.loc[name]
        if pd.notna(one["paper"]):
            axes.plot(one["paper"], place, "o", markersize=6, markerfacecolor="none", color=INK)
        for value, lost in zip(one["by_seed"], one["lost"], strict=True):
            colour = CYCLE[4] if lost else CYCLE[2]
            mark = LOST if lost else "o"
            axes.plot(value, place, mark, markersize=4.5, color=colour, alpha=0.85)


def _legend() -> list[Line2D]:
    def mark(shape: str, label: str, **more: object) -> Line2D:
        return Line2D([], [], linestyle="", marker=shape, label=label, **more)  # type: ignore[arg-type]

    return [
        mark("o", "a seed", color=CYCLE[2], markersize=4.5),
        mark(LOST, "a seed, collapsed", color=CYCLE[4], markersize=4.5),
        mark("o", "the paper", color=INK, markerfacecolor="none", markersize=6),
    ]

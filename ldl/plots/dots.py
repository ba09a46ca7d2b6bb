"""Dots beside named rows: every seed, every support image, every claim with its interval."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ldl.plots.theme import (
    GREEN,
    GREY,
    INK,
    ORANGE,
    PAGE,
    PURPLE,
    RING,
    SKY,
    VERMILION,
    fitting,
    legend_above,
    mark,
    panels,
    paper_mark,
    theme,
)

OURS = mark("ours, with interval", "o", INK, linestyle="-", linewidth=2.2)


def _ring(axes: Axes, value: float | None, place: float) -> None:
    if value is not None and np.isfinite(value):
        axes.plot(value, place, markersize=6, **RING)


@fitting
def seed_strips(
    frame: pd.DataFrame,
    *,
    columns: Sequence[str],
    titles: Sequence[str],
    xlabel: str = "DSC (%)",
    width: float = 1.7,
    page: float = PAGE,
) -> Figure:
    """One small panel a column of a table, one line a row, one mark a seed.

    Args:
        frame: long: ``label, column, by_seed`` (numbers), ``lost`` (a bool each: the target region
            collapsed), ``paper`` (nan where there is none).
        columns: which, in order.
        titles: over them.
        xlabel: under the lowest panels.
        width: of a panel in inches.
        page: of the figure at most.
    """
    rows = list(dict.fromkeys(frame["label"]))

    def draw(axes: Axes, number: int) -> None:
        part = frame[frame["column"] == columns[number]].set_index("label")
        for place, name in enumerate(rows):
            one = part.loc[name]
            _ring(axes, one["paper"], place)
            for value, lost in zip(one["by_seed"], one["lost"], strict=True):
                look = ("X", VERMILION) if lost else ("o", GREEN)
                axes.plot(value, place, look[0], color=look[1], markersize=5, alpha=0.8)

    seeds = [mark("a seed", "o", GREEN), mark("a seed, collapsed", "X", VERMILION)]
    figure = panels(
        draw, titles, width=width, rows=rows, xlabel=xlabel,
        legend=[*seeds, paper_mark()], page=page, across=3, sharex=True,
    )  # fmt: skip
    figure.axes[0].set_xlim(left=0)
    return figure


@fitting
def support_dots(
    values: Mapping[tuple[str, str], NDArray],
    paper: Mapping[tuple[str, str], float],
    *,
    columns: Sequence[str],
    rows: Sequence[str],
    mine: Sequence[str],
    xlabel: str,
    baseline: str = "",
    width: float = 1.8,
    page: float = PAGE,
) -> Figure:
    """One small panel a column: each support's value, their mean, the paper's one value as a ring.

    Args:
        values: (supports,) in percent for each (row, column) that was run.
        paper: its number, where it prints one.
        columns: titles of the panels.
        rows: from top to bottom.
        mine: the rows that are the paper's method, blue and round; the others orange and square.
        xlabel: under the lowest panels.
        baseline: a row whose mean goes through its panel as a dashed line, so that every other row
            is read against it (template matching, say).
        width: of a panel in inches.
        page: of the figure at most.
    """

    def draw(axes: Axes, number: int) -> None:
        column = columns[number]
        if (baseline, column) in values:
            mean = float(np.mean(values[baseline, column]))
            axes.axvline(mean, color=ORANGE, linestyle=(0, (4, 2)), linewidth=1.2)
        for place, row in enumerate(rows):
            found = values.get((row, column))
            if found is not None:
                colour, marker = (SKY, "o") if row in mine else (ORANGE, "s")
                places = np.full(len(found), place)
                axes.plot(found, places, marker, color=colour, markersize=4.5, alpha=0.65)
                axes.plot(found.mean(), place, "|", color=INK, markersize=12, markeredgewidth=1.8)
            _ring(axes, paper.get((row, column)), place)
        axes.set_xlim(-3, 103)

    legend = [
        mark("a support image", "o", SKY, 4.5),
        mark("mean over them", "|", INK, 10, markeredgewidth=1.8),
        paper_mark("the paper, one support"),
    ]
    if baseline:
        dashes: Any = {"linestyle": (0, (4, 2)), "linewidth": 1.2}
        legend.append(mark(f"mean of {baseline}", "", ORANGE, **dashes))
    return panels(draw, columns, width=width, rows=rows, xlabel=xlabel, legend=legend, page=page)


VERDICTS = {
    "reproduced": (GREEN, "o"),
    "opposite": (VERMILION, "s"),
    "higher": (GREEN, "^"),
    "lower": (VERMILION, "v"),
    "no difference of interest": (GREY, "d"),
    "undecided": (GREY, "D"),
    "higher (one seed)": (SKY, "^"),
    "lower (one seed)": (ORANGE, "v"),
}


@fitting
def claims_forest(
    frame: pd.DataFrame,
    *,
    xlabel: str = "difference in points",
    limits: tuple[float, float] | None = None,
    page: float = PAGE,
) -> Figure:
    """One line a claim: the paper's difference, ours with its interval, the verdict in words.

    On a narrow page a claim stands above its line instead of beside it.

    Args:
        frame: ``claim, paper, ours, low, high, verdict`` and, if there are several, ``group``; a
            number that does not exist is nan. What a verdict begins with chooses mark and colour.
        xlabel: what is measured; right of zero: as the paper has it.
        limits: ends of the axis; what lies beyond is a number at its end.
        page: width of the figure in inches.
    """
    narrow, line = page < 5, 0.165  # inches
    place, names, group = 0.0, dict[float, str](), None
    verdicts = [fill(one, 18) for one in frame["verdict"]]
    with theme():
        figure, axes = plt.subplots(figsize=(page, 1))
        for one, verdict in zip(frame.to_dict("records"), verdicts, strict=True):
            if one.get("group") != group:
                group = one["group"]
                _words(axes, place, group, narrow, weight="bold")
                place += 1.6 * line
            told = fill(f"{one['claim']}: {one['verdict']}" if narrow else one["claim"], 42)
            lines = told.count("\n") + 1
            if narrow:
                _words(axes, place, told, narrow)
                place += (lines + 0.7) * line
            else:
                place += (lines - 1) * line / 2
                names[place] = told
                axes.text(1.02, place, verdict, transform=axes.get_yaxis_transform(), va="center")
            _claim(axes, place, one, limits or (-np.inf, np.inf))
            place += 1.7 * line if narrow else (lines + 2.6) * line / 2
        axes.axvline(0, color=INK, linewidth=0.9)
        axes.set(ylim=(place - 0.7 * line, -line), xlabel=xlabel, xlim=limits)
        axes.set_yticks(list(names), list(names.values()))
        axes.tick_params(axis="y", length=0)
        axes.grid(False, axis="y")
        figure.set_figheight(place + 0.9)
        legend_above(figure, [OURS, paper_mark()])
        return figure


def _words(axes: Axes, place: float, text: str, narrow: bool, **more: Any) -> None:
    """Text that begins at the left end of the axes or, on a wide page, ends there."""
    axes.text(
        0, place, text, transform=axes.get_yaxis_transform(), va="top" if narrow else "center",
        ha="left" if narrow else "right", **more,
    )  # fmt: skip


def _claim(axes: Axes, place: float, one: dict[str, Any], ends: tuple[float, float]) -> None:
    known = next((look for text, look in VERDICTS.items() if one["verdict"].startswith(text)), None)
    colour, marker = known or (PURPLE, "P")
    axes.plot(np.clip([one["low"], one["high"]], *ends), [place] * 2, color=colour, lw=2.6)
    for name in ("paper", "ours"):
        value = one[name]
        inside = np.clip(value, *ends)
        if inside == value:
            look = RING if name == "paper" else {"marker": marker, "color": colour}
            axes.plot(value, place, markersize=6, **look)
        elif np.isfinite(value):
            text, right = f"{value:+.0f}".replace("-", "−"), value > 0
            words = f"{name} {text} →" if right else f"← {name} {text}"
            axes.annotate(
                words, (inside, place), xytext=(-3 if right else 3, -3), va="top",
                ha="right" if right else "left", textcoords="offset points",
            )  # fmt: skip

"""Dots beside named rows: every seed or support image, every claim with its interval."""

from collections.abc import Mapping
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

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


@fitting
def dots(
    frame: pd.DataFrame,
    paper: Mapping[tuple[str, str], float],
    *,
    columns: Mapping[str, str],
    looks: Mapping[str, tuple[str, str]],
    xlabel: str = "DSC (%)",
    mean: bool = False,
    baseline: str = "",
    page: float = PAGE,
) -> Figure:
    """One small panel a column of a table, one line a row, one mark a seed or support image.

    Args:
        frame: long: ``row, column, value, look``; rows in the order of the figure.
        paper: (row, column) -> the paper's one number, a ring; nan where it prints none.
        columns: name -> title of its panel, in order.
        looks: what a mark means -> its colour and marker.
        xlabel: under the lowest panels.
        mean: a tick at the mean of a line's marks.
        baseline: a row whose mean goes through its panel as a dashed line, so that every other row
            is read against it (template matching, say).
        page: width of the figure at most, in inches.
    """
    rows = list(dict.fromkeys(frame["row"]))
    dashes: Any = {"linestyle": (0, (4, 2)), "linewidth": 1.2, "color": ORANGE}

    def draw(axes: Axes, number: int) -> None:
        part = frame[frame["column"] == list(columns)[number]]
        if baseline in set(part["row"]):
            axes.axvline(part.loc[part["row"] == baseline, "value"].mean(), **dashes)
        for place, row in enumerate(rows):
            line = part[part["row"] == row]
            for look, each in line.groupby("look", sort=False):
                colour, marker = looks[str(look)]
                places = np.full(len(each), place)
                axes.plot(each["value"], places, marker, color=colour, markersize=5, alpha=0.7)
            if mean and len(line):
                at = line["value"].mean()
                axes.plot(at, place, "|", color=INK, markersize=12, markeredgewidth=1.8)
            printed = paper.get((row, list(columns)[number]), np.nan)
            if np.isfinite(printed):
                axes.plot(printed, place, markersize=6, **RING)

    legend = [mark(look, marker, colour) for look, (colour, marker) in looks.items()]
    if mean:
        legend.append(mark("mean over them", "|", INK, 10, markeredgewidth=1.8))
    legend.append(paper_mark())
    if baseline:
        legend.append(Line2D([], [], label=f"mean of {baseline}", **dashes))
    figure = panels(
        draw, list(columns.values()), width=1.75, rows=rows, xlabel=xlabel, legend=legend,
        page=page, across=4, sharex=True,
    )  # fmt: skip
    figure.axes[0].set_xlim(left=0)
    return figure


# Of those that begin alike the longer one first.
VERDICTS = {
    "reproduced": (GREEN, "o"),
    "opposite": (VERMILION, "s"),
    "higher (one seed)": (SKY, "^"),
    "lower (one seed)": (ORANGE, "v"),
    "higher": (GREEN, "^"),
    "lower": (VERMILION, "v"),
    "no difference of interest": (GREY, "d"),
    "undecided": (GREY, "D"),
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
        limits: ends of the axis; beyond them is an arrow there, the number beside the verdict.
        page: width of the figure in inches.
    """
    narrow, line = page < 5, 0.165  # inches
    place, names, group = 0.0, dict[float, str](), None
    ends = limits or (-np.inf, np.inf)
    with theme():
        figure, axes = plt.subplots(figsize=(page, 1))
        for one in frame.to_dict("records"):
            verdict = "; ".join([one["verdict"], *_beyond(one, ends)])
            if one.get("group") != group:
                group = one["group"]
                _words(axes, place, group, narrow, weight="bold")
                place += 1.6 * line
            told = fill(f"{one['claim']}: {verdict}" if narrow else one["claim"], 42)
            verdict = fill(verdict, 26)
            lines = max(told.count("\n"), 0 if narrow else verdict.count("\n")) + 1
            if narrow:
                _words(axes, place, told, narrow)
                place += (lines + 0.7) * line
            else:
                place += (lines - 1) * line / 2
                names[place] = told
                axes.text(1.04, place, verdict, transform=axes.get_yaxis_transform(), va="center")
            _claim(axes, place, one, ends)
            if narrow:  # no line through the words
                axes.vlines(0, place - line / 2, place + line / 2, color=INK, linewidth=0.9)
            place += 1.7 * line if narrow else (lines + 2.6) * line / 2
        if not narrow:
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
        look: dict[str, Any] = RING if name == "paper" else {"marker": marker, "color": colour}
        if inside != value:
            look = look | {"marker": ">" if value > 0 else "<", "clip_on": False}
        axes.plot(inside, place, markersize=6, **look)


def _beyond(one: dict[str, Any], ends: tuple[float, float]) -> list[str]:
    """The numbers that lie beyond the ends of the axis."""
    outside = {name: one[name] for name in ("paper", "ours") if not ends[0] <= one[name] <= ends[1]}
    told = {name: f"{name} {value:+.0f}".replace("-", "−") for name, value in outside.items()}
    return [
        f"{told[name]} →" if value > 0 else f"← {told[name]}"
        for name, value in outside.items()
        if np.isfinite(value)
    ]

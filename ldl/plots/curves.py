"""Lines over something: steps, shares of labels, shifts, the stages of a method."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ldl.plots.theme import CYCLE, INK, PAGE, colour_of, fitting, marker_of, panels

Curve = tuple[Sequence[float], Sequence[float]]
_DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)))


def smooth(values: Sequence[float], share: float = 0.05) -> np.ndarray:
    """Running mean over ``share`` of the series, shorter at the ends, of the same length."""
    series = pd.Series(np.asarray(values, dtype=float))
    window = max(1, int(len(series) * share))
    return series.rolling(window, center=True, min_periods=1).mean().to_numpy()


@fitting
def step_curves(
    panels_of: Mapping[str, Mapping[str, Curve]],
    *,
    smoothed: bool = False,
    least: float | None = None,
    width: float = 3.2,
    across: int = 2,
    page: float = PAGE,
) -> Figure:
    """One small panel a quantity, one line a run, over the steps; runs of a kind share a colour.

    Args:
        panels_of: title -> run -> (steps, values); a run's kind is its name up to the comma.
        smoothed: every value faint, the running mean over it.
        least: where a line says that outputs count as collapsed.
        width: of a panel in inches.
        across: panels beside each other at most.
        page: width of the figure at most.
    """
    kinds: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for runs in panels_of.values() for name in runs):
        kinds.setdefault(name.split(",")[0], []).append(name)

    def draw(axes: Axes, number: int) -> None:
        for name, (steps, values) in list(panels_of.values())[number].items():
            kind = name.split(",")[0]
            if smoothed:
                axes.plot(steps, values, color=INK, alpha=0.2, linewidth=0.7)
            axes.plot(
                steps, smooth(values) if smoothed else values, label=name, linewidth=1.4,
                color=CYCLE[(1, 3, 0)[list(kinds).index(kind) % 3]],
                linestyle=_DASHES[kinds[kind].index(name) % len(_DASHES)],
            )  # fmt: skip
        if least is not None:
            axes.axhline(least, color=INK, linewidth=0.8, alpha=0.6, linestyle="--")
            axes.set_ylim(0, 1.1)

    return panels(
        draw, list(panels_of), width=width, height=1.7, xlabel="step", page=page, across=across,
        sharex=True, sharey=least is not None,
    )  # fmt: skip


def loss_curves(history: pd.DataFrame) -> Figure:
    """One small panel a loss term; ``history`` has ``step`` and a column a term, nan if absent."""
    parts = {name: history[["step", name]].dropna() for name in history.columns if name != "step"}
    return step_curves(
        {
            name: {"": (part["step"].tolist(), part[name].tolist())}
            for name, part in parts.items()
            if len(part)
        },
        smoothed=True, width=2.2, across=3,
    )  # fmt: skip


@fitting
def interval_lines(
    frame: pd.DataFrame,
    *,
    x: str,
    group: str,
    xlabel: str,
    ylabel: str = "DSC (%)",
    ticks: Sequence[object] = (),
    at_values: bool = False,
    page: float = PAGE,
) -> Figure:
    """Lines over ``x`` with intervals, the paper's own points hollow and dashed.

    Args:
        frame: long: ``panel, <group>, <x>, ours``, and where there are any ``low, high`` and
            ``paper``.
        x: the column along the axis.
        group: the column that tells the lines apart.
        xlabel: under the panels.
        ylabel: beside them.
        ticks: names of the places 0, 1, ... of ``x``.
        at_values: ticks are the values of ``x``, on a scale of ratios where they span ten.
        page: width of the figure at most.
    """
    titles, values = list(dict.fromkeys(frame["panel"])), sorted(frame[x].unique())

    def draw(axes: Axes, number: int) -> None:
        part = frame[frame["panel"] == titles[number]]
        for place, (method, rows) in enumerate(part.groupby(group, sort=False)):
            _line(axes, rows.sort_values(x), x, str(method), place)
        if ticks:
            axes.set_xticks(range(len(ticks)), [str(tick) for tick in ticks])
        if at_values and values[-1] >= 10 * values[0]:
            axes.set_xscale("log")
            axes.xaxis.minorticks_off()
        if at_values:
            axes.set_xticks(values, [f"{value:g}" for value in values])

    return panels(
        draw, titles, width=3.1, height=2.3, xlabel=xlabel, ylabel=ylabel, page=page, across=2,
        sharex=True,
    )  # fmt: skip


def _line(axes: Axes, rows: pd.DataFrame, x: str, method: str, number: int) -> None:
    colour, marker = colour_of(method, number), marker_of(method, number)
    axes.plot(rows[x], rows["ours"], color=colour, marker=marker, markersize=5, label=method)
    if {"low", "high"} <= set(rows.columns):
        axes.fill_between(rows[x], rows["low"], rows["high"], color=colour, alpha=0.18, linewidth=0)
    if "paper" in rows and rows["paper"].notna().any():
        axes.plot(
            rows[x], rows["paper"], color=colour, marker=marker, markersize=5,
            markerfacecolor="none", linestyle="--", linewidth=1, label=f"{method}, the paper",
        )  # fmt: skip

"""Curves with their spread."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ldl.plots.theme import INK, colour_of, marker_of, theme


def smooth(values: Sequence[float], share: float = 0.05) -> np.ndarray:
    """Running mean over ``share`` of the series, shorter at the ends, of the same length."""
    series = pd.Series(np.asarray(values, dtype=float))
    return (
        series.rolling(max(1, int(len(series) * share)), center=True, min_periods=1)
        .mean()
        .to_numpy()
    )


def loss_curves(
    history: pd.DataFrame, *, step: str = "step", terms: Sequence[str] | None = None
) -> Figure:
    """One small panel a loss term: every value faint, the running mean over it.

    ``history`` has a column of steps and one a term; a term that is absent at a step is nan there.
    """
    names = [
        name for name in (terms or history.columns) if name != step and history[name].notna().any()
    ]
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    with theme():
        figure, grid = plt.subplots(
            rows, columns, figsize=(2.4 * columns, 1.75 * rows + 0.3), squeeze=False
        )
        for number, axes in enumerate(grid.flat):
            if number >= len(names):
                axes.set_axis_off()
                continue
            part = history[[step, names[number]]].dropna()
            axes.plot(part[step], part[names[number]], color=INK, alpha=0.2, linewidth=0.7)
            axes.plot(part[step], smooth(part[names[number]].tolist()), color=colour_of("pd+mix"))
            axes.set_title(names[number])
            axes.set_xlabel("step" if number + columns >= len(names) else "")
        return figure


def spread_curves(
    curves: Mapping[str, Sequence[float]], *, steps: int, least: float, across: int = 3
) -> Figure:
    """One small panel a method: the spread of its outputs over the steps.

    ``curves`` are means of equally long bins of the steps; the line at ``least`` is where outputs
    count as collapsed.
    """
    columns = min(len(curves), across)
    rows = -(-len(curves) // columns)
    with theme():
        figure, grid = plt.subplots(
            rows,
            columns,
            figsize=(1.9 * columns, 1.25 * rows + 0.3),
            squeeze=False,
            sharex=True,
            sharey=True,
        )
        for axes in list(grid.flat)[len(curves) :]:
            axes.set_axis_off()
        for number, (name, values) in enumerate(curves.items()):
            axes = grid.flat[number]
            ends = (np.arange(len(values)) + 1) * steps / max(1, len(values))
            axes.plot(ends, values, color=colour_of("pd+mix"))
            axes.axhline(least, color=INK, linewidth=0.8, alpha=0.6, linestyle="--")
            axes.set(title=name, ylim=(0, 1.1))
            if number + columns >= len(curves):
                axes.set_xlabel("step")
                axes.tick_params(labelbottom=True)
        return figure


def interval_lines(
    frame: pd.DataFrame,
    *,
    x: str,
    group: str,
    xlabel: str,
    ylabel: str = "DSC (%)",
    ticks: Sequence[object] = (),
) -> Figure:
    """Lines over ``x`` with intervals; columns ``panel, <group>, <x>, ours, low, high[, paper]``.

    The paper's own points, where they are printed, are hollow and dashed.
    """
    panels = list(dict.fromkeys(frame["panel"]))
    columns = min(len(panels), 2)
    rows = -(-len(panels) // columns)
    with theme():
        figure, grid = plt.subplots(
            rows, columns, figsize=(3.4 * columns, 2.3 * rows + 0.5), squeeze=False, sharex=True
        )
        for axes, name in zip(grid.flat, panels, strict=False):
            part = frame[frame["panel"] == name]
            for number, (method, rows_) in enumerate(part.groupby(group, sort=False)):
                _line(axes, rows_.sort_values(x), x, str(method), number)
            axes.set_title(name)
            axes.set_ylabel(ylabel)
            axes.set_xlabel(xlabel)
            if ticks:
                axes.set_xticks(range(len(ticks)), [str(tick) for tick in ticks])
        for axes in list(grid.flat)[len(panels) :]:
            axes.set_axis_off()
        _legend(figure, list(grid.flat))
        return figure


def _line(axes: Axes, rows: pd.DataFrame, x: str, method: str, number: int) -> None:
    colour, marker = colour_of(method, number), marker_of(method, number)
    axes.plot(rows[x], rows["ours"], color=colour, marker=marker, markersize=4.5, label=method)
    if {"low", "high"} <= set(rows.columns):
        axes.fill_between(rows[x], rows["low"], rows["high"], color=colour, alpha=0.18, linewidth=0)
    if "paper" in rows and rows["paper"].notna().any():
        axes.plot(
            rows[x],
            rows["paper"],
            color=colour,
            marker=marker,
            markersize=5,
            markerfacecolor="none",
            linestyle="--",
            linewidth=1,
            label=f"{method}, the paper",
        )


def _legend(figure: Figure, axes: list[Axes]) -> None:
    found = {
        label: handle
        for one in axes
        for handle, label in zip(*one.get_legend_handles_labels(), strict=True)
    }
    if len(found) > 1:
        figure.legend(
            list(found.values()), list(found), loc="outside upper center", ncols=min(4, len(found))
        )

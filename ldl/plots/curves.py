"""Lines over something: steps, shares of labels, shifts, the stages of a method."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ldl.plots.theme import (
    CYCLE,
    INK,
    PAGE,
    RING,
    SKY,
    colour_of,
    fitting,
    mark,
    marker_of,
    panels,
    paper_mark,
)

Curve = tuple[Sequence[float], Sequence[float]]
_DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)))


def smooth(values: Sequence[float], share: float = 0.05) -> np.ndarray:
    """Running mean over ``share`` of the series, shorter at the ends, of the same length."""
    series = pd.Series(np.asarray(values, dtype=float))
    window = max(1, int(len(series) * share))
    return series.rolling(window, center=True, min_periods=1).mean().to_numpy()


def loss_curves(
    history: pd.DataFrame, *, step: str = "step", terms: Sequence[str] | None = None
) -> Figure:
    """One small panel a loss term: every value faint, the running mean over it.

    ``history`` has a column of steps and one a term; a term that is absent at a step is nan there.
    """
    wanted = terms or history.columns
    names = [name for name in wanted if name != step and history[name].notna().any()]

    def draw(axes: Axes, number: int) -> None:
        part = history[[step, names[number]]].dropna()
        axes.plot(part[step], part[names[number]], color=INK, alpha=0.2, linewidth=0.7)
        axes.plot(part[step], smooth(part[names[number]].tolist()), color=colour_of("pd+mix"))

    return panels(draw, names, width=2.2, height=1.8, xlabel=step, across=3)


def spread_curves(
    curves: Mapping[str, Sequence[float]], *, steps: int, least: float, across: int = 3
) -> Figure:
    """One small panel a method: the spread of its outputs over the steps.

    ``curves`` are means of equally long bins of the steps; the line at ``least`` is where outputs
    count as collapsed.
    """

    def draw(axes: Axes, number: int) -> None:
        values = list(curves.values())[number]
        ends = (np.arange(len(values)) + 1) * steps / max(1, len(values))
        axes.plot(ends, values, color=colour_of("pd+mix"))
        axes.axhline(least, color=INK, linewidth=0.8, alpha=0.6, linestyle="--")
        axes.set_ylim(0, 1.1)

    return panels(
        draw,
        list(curves),
        width=1.9,
        height=1.3,
        xlabel="step",
        across=across,
        sharex=True,
        sharey=True,
    )


@fitting
def watch_curves(panels_of: Mapping[str, Mapping[str, Curve]], *, page: float = PAGE) -> Figure:
    """One small panel a quantity, one line a run; runs of one kind share a colour.

    ``panels_of`` is title -> run -> (steps, values); a run's kind is its name up to the comma.
    """
    names = list(dict.fromkeys(name for runs in panels_of.values() for name in runs))
    kinds: dict[str, list[str]] = {}
    for name in names:
        kinds.setdefault(name.split(",")[0], []).append(name)

    def draw(axes: Axes, number: int) -> None:
        for name, (steps, values) in list(panels_of.values())[number].items():
            kind = name.split(",")[0]
            axes.plot(
                steps, values, label=name, linewidth=1.2,
                color=CYCLE[(1, 3, 0)[list(kinds).index(kind) % 3]],
                linestyle=_DASHES[kinds[kind].index(name) % len(_DASHES)],
            )  # fmt: skip

    return panels(
        draw,
        list(panels_of),
        width=3.2,
        height=1.7,
        xlabel="step",
        page=page,
        across=2,
        sharex=True,
    )


@fitting
def interval_lines(
    frame: pd.DataFrame,
    *,
    x: str,
    group: str,
    xlabel: str,
    ylabel: str = "DSC (%)",
    ticks: Sequence[object] = (),
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
        page: width of the figure at most.
    """
    titles = list(dict.fromkeys(frame["panel"]))

    def draw(axes: Axes, number: int) -> None:
        part = frame[frame["panel"] == titles[number]]
        for place, (method, rows) in enumerate(part.groupby(group, sort=False)):
            _line(axes, rows.sort_values(x), x, str(method), place)
        if ticks:
            axes.set_xticks(range(len(ticks)), [str(tick) for tick in ticks])

    return panels(
        draw, titles, width=3.1, height=2.3, xlabel=xlabel, ylabel=ylabel, page=page, across=2,
        sharex=True,
    )  # fmt: skip


@fitting
def share_lines(frame: pd.DataFrame, *, ylabel: str = "DSC (%)", page: float = PAGE) -> Figure:
    """What a start gives at each share of the labels: `interval_lines` with the shares as ticks.

    Args:
        frame: long: ``panel, start, share`` (percent), ``ours, low, high`` and, where there are
            any, ``paper``. Scratch and scratch at equal updates are two starts: the first is the
            paper's comparison, the second takes the longer training away.
        ylabel: beside the panels.
        page: width of the figure at most.
    """
    shares = sorted(frame["share"].unique())
    figure = interval_lines(
        frame, x="share", group="start", xlabel="share of the labels (%)", ylabel=ylabel, page=page
    )
    for axes in figure.axes:
        if axes.axison:
            if shares[-1] >= 10 * shares[0]:
                axes.set_xscale("log")
                axes.xaxis.minorticks_off()
            axes.set_xticks(shares, [f"{share:g}" for share in shares])
    return figure


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


@fitting
def paired_slopes(
    frame: pd.DataFrame,
    *,
    stages: Sequence[str],
    names: Sequence[str] = (),
    paper: Mapping[tuple[str, str], float] | None = None,
    ylabel: str = "DSC (%)",
    page: float = PAGE,
) -> Figure:
    """From stage to stage, each case a thin line and their mean a thick one.

    For LRC the stages are one branch, a second branch that was not trained, and LRC: what the last
    step adds is the method's, what the first adds is the larger network's.

    Args:
        frame: long: ``panel, case, stage, value``; where there are any also ``low, high``, the
            interval of the stage's mean, on each of its lines. Cases without all stages of their
            panel are left out of lines and mean.
        stages: from left to right, as in the frame.
        names: under them, if others.
        paper: (panel, stage) -> the paper's number.
        ylabel: beside the panels.
        page: width of the figure at most.
    """
    titles = list(dict.fromkeys(frame["panel"]))

    def draw(axes: Axes, number: int) -> None:
        part = frame[frame["panel"] == titles[number]]
        table = part.pivot_table(index="case", columns="stage", values="value")
        table = table[[stage for stage in stages if stage in table]].dropna()
        places = [list(stages).index(stage) for stage in table.columns]
        for values in table.to_numpy():
            axes.plot(places, values, color=INK, linewidth=0.8, alpha=0.35)
        axes.plot(places, table.mean(), color=SKY, marker="o", markersize=6, linewidth=2.4)
        if {"low", "high"} <= set(part.columns):
            ends = part.groupby("stage")[["low", "high"]].first()
            for place, stage in zip(places, table.columns, strict=True):
                axes.plot([place] * 2, ends.loc[stage], color=SKY, linewidth=5, alpha=0.4)
        for place, stage in enumerate(stages):
            value = (paper or {}).get((titles[number], stage), np.nan)
            if np.isfinite(value):
                axes.plot(place, value, markersize=7, **RING)
        axes.set_xlim(-0.3, len(stages) - 0.7)
        axes.set_xticks(range(len(stages)), names or stages)

    legend = [
        mark("mean, with interval", "o", SKY, 6, linestyle="-", linewidth=2.4),
        mark("a case", "", INK, linestyle="-", linewidth=0.8, alpha=0.5),
        *([paper_mark()] if paper else []),
    ]
    return panels(
        draw, titles, width=2.2, height=2.3, ylabel=ylabel, legend=legend, page=page, across=3,
        sharey=True,
    )  # fmt: skip

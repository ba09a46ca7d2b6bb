"""Colours, letters and panels of every figure: for all eyes, light and dark, page and phone."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from textwrap import fill
from typing import Any, TypeVar

import matplotlib as mpl
from cycler import cycler
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

INK = "#123456"
"""Stands for the page's text colour: `ldl.plots.show` replaces it by ``currentColor``, so that
one drawing is readable on a light and on a dark page."""

# Okabe and Ito's colours: told apart with every common colour vision, visible on white and black.
SKY, ORANGE, GREEN, BLUE, VERMILION, PURPLE, GREY = (
    "#56B4E9", "#E69F00", "#009E73", "#0072B2", "#D55E00", "#CC79A7", "#8C8C8C",
)  # fmt: skip
CYCLE = (SKY, ORANGE, GREEN, PURPLE, VERMILION, BLUE, GREY)

# The methods that the papers compare with share a colour and a marker; rows and legends name them.
OTHERS = (
    "supervised", "instdisc", "embinva", "moco", "mocov2", "simclr", "rotori", "densecl",
)  # fmt: skip
METHOD_LOOKS = {
    "scratch": (GREY, "s"),
    "scratch, equal updates": (VERMILION, "D"),
    "pd": (SKY, "v"),
    "pd+mix": (ORANGE, "^"),
    "rd": (GREEN, "o"),
    **dict.fromkeys(OTHERS, (PURPLE, "P")),
}
"""Colour and marker of a method: colour never carries a meaning alone."""

HIT, MISSED, FALSE_ALARM = "#F0E442", SKY, "#E91E9F"
"""Overlays: agreed yellow, in the reference only sky blue, in the prediction only magenta; all
three show on a red fundus and on a grey film, which white does not."""

PAGE, PHONE = 7.2, 3.5
"""Inches that a figure may be wide in the book's column, and in 390 pixels."""
FONT = 10.0  # points; `ldl.plots.show` shrinks a figure to nine tenths, no further
LETTER = 0.078  # inches, the mean width of one


def colour_of(method: str, index: int = 0) -> str:
    """The fixed colour of a method (case and '(ours)' ignored), else one of the cycle."""
    return METHOD_LOOKS.get(_plain(method), (CYCLE[index % len(CYCLE)], ""))[0]


def marker_of(method: str, index: int = 0) -> str:
    """The fixed marker of a method, else one of a cycle."""
    return METHOD_LOOKS.get(_plain(method), ("", "osD^v<>P"[index % 8]))[1]


def _plain(method: str) -> str:
    return method.lower().replace("(ours)", "").strip()


SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ldl",
    **dict.fromkeys(
        ("figure.facecolor", "axes.facecolor", "savefig.facecolor", "legend.facecolor",
         "legend.edgecolor"), "none",
    ),
    "legend.framealpha": 0.0,
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.titlecolor", "axes.edgecolor", "xtick.color",
         "ytick.color", "grid.color"), INK,
    ),
    **dict.fromkeys(
        ("font.size", "axes.titlesize", "axes.labelsize", "xtick.labelsize", "ytick.labelsize",
         "legend.fontsize", "figure.titlesize"), FONT,
    ),
    "grid.alpha": 0.15,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "lines.linewidth": 1.8,
    "axes.prop_cycle": cycler(color=CYCLE),
    "image.composite_image": False,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
}  # fmt: skip


@contextmanager
def theme() -> Iterator[None]:
    """Seaborn's plain axes with the book's settings on top, the reader's own again afterwards."""
    # Here: it costs a third of what a training waits for before its first step.
    import seaborn as sns

    with sns.axes_style("ticks"), mpl.rc_context(SETTINGS):
        yield


Draw = TypeVar("Draw", bound=Callable[..., Figure])


def fitting(draw: Draw) -> Draw:
    """What ``draw`` makes can be drawn again for another ``page``, its width in inches."""

    @wraps(draw)
    def drawn(*given: Any, **named: Any) -> Figure:
        figure = draw(*given, **named)
        vars(figure)["drawn_by"] = partial(draw, *given, **named)
        return figure

    return drawn  # type: ignore[return-value]


def redrawn(figure: Figure, page: float) -> Figure | None:
    """The same figure for a width; None where it cannot be drawn again or is no wider."""
    draw = getattr(figure, "drawn_by", None)
    return draw(page=page) if draw and figure.get_figwidth() > page else None


def panels(
    draw: Callable[[Axes, int], None],
    titles: Sequence[str],
    *,
    width: float,
    height: float = 0.0,
    rows: Sequence[str] = (),
    xlabel: str = "",
    ylabel: str = "",
    legend: Sequence[Line2D] | None = None,
    page: float = PAGE,
    across: int = 4,
    sharex: bool = False,
    sharey: bool = False,
) -> Figure:
    """Small panels in reading order, as many beside each other as fit, one legend above them.

    Args:
        draw: fills the panel of that number.
        width: of one in inches; they shrink by a tenth if one more fits then.
        height: of one in inches; given by ``rows`` where there are any.
        rows: names of the places 0, 1, ... of a common vertical axis (then shared), from the top.
        legend: its handles; those that the panels' artists have as labels if None.
        page: width of the figure at most, in inches.
        across: panels beside each other at most.
    """
    names = [fill(row, 18 if page < 5 else 32) for row in rows]
    left = LETTER * max((len(line) for one in names for line in one.splitlines()), default=6) + 0.15
    if names:
        lines = max(name.count("\n") + 1 for name in names)
        height = max(0.24, 0.06 + 0.15 * lines) * len(names) + 0.6
    across = max(1, min(len(titles), across, int((page - left) / (0.9 * width))))
    down = -(-len(titles) // across)
    size = (min(page, left + across * width), down * height + 0.4)
    with theme():
        figure, grid = plt.subplots(
            down, across, figsize=size, squeeze=False, sharex=sharex, sharey=sharey or bool(rows)
        )
        for number, axes in enumerate(grid.flat):
            if number >= len(titles):
                axes.set_axis_off()
                continue
            draw(axes, number)
            axes.set_title(titles[number])
            axes.set_ylabel(ylabel if number % across == 0 else "")
            if number + across >= len(titles):
                axes.set_xlabel(xlabel)
                axes.tick_params(labelbottom=True)
        if names:
            grid[0][0].set_yticks(range(len(names)), names)
            grid[0][0].set_ylim(len(names) - 0.4, -0.6)
        legend_above(figure, legend)
        return figure


def legend_above(figure: Figure, handles: Sequence[Line2D] | None = None) -> None:
    """What the marks mean, in as many columns as fit; nothing where there is one mark only."""
    if handles is None:
        found = {
            label: handle
            for axes in figure.axes
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
    else:
        found = {str(one.get_label()): one for one in handles}
    if len(found) < 2 and handles is None:
        return
    wide = LETTER * max(map(len, found), default=1) + 0.5
    fit = max(1, min(len(found), int(figure.get_figwidth() / wide)))
    lines = math.ceil(len(found) / fit)
    figure.legend(
        list(found.values()), list(found), loc="outside upper center",
        ncols=math.ceil(len(found) / lines), handlelength=1.6, columnspacing=1.2,
    )  # fmt: skip
    figure.set_figheight(figure.get_figheight() + 0.19 * (lines - 1))


def mark(label: str, marker: str, colour: str, size: float = 5, **more: Any) -> Line2D:
    """An entry of a legend: a marker without a line, unless ``more`` says otherwise."""
    look: Any = {"linestyle": "", "markeredgewidth": 1.2} | more
    return Line2D([], [], marker=marker, color=colour, markersize=size, label=label, **look)


RING: Any = {"marker": "o", "markerfacecolor": "none", "markeredgewidth": 1.2, "color": INK}
"""The paper's own number, in every figure."""


def paper_mark(label: str = "the paper") -> Line2D:
    """The ring's entry in a legend."""
    return Line2D([], [], linestyle="", markersize=6, label=label, **RING)

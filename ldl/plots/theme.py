"""Colours and settings of every figure: colour-blind-safe, with an ink that follows the page."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import seaborn as sns
from cycler import cycler

INK = "#123456"
"""Stands for the page's text colour: `ldl.plots.show` replaces it by ``currentColor``, so that
one drawing is readable on a light and on a dark page."""

# Okabe and Ito's colours: told apart with every common colour vision, visible on white and black.
SKY, ORANGE, GREEN, BLUE, VERMILION, PURPLE, GREY = (
    "#56B4E9",
    "#E69F00",
    "#009E73",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
    "#8C8C8C",
)
CYCLE = (SKY, ORANGE, GREEN, PURPLE, VERMILION, BLUE, GREY)

# The methods that the papers compare with share a colour and a marker; rows and legends name them.
OTHERS = (
    "supervised",
    "instdisc",
    "embinva",
    "moco",
    "mocov2",
    "simclr",
    "rotori",
    "densecl",
)
METHOD_COLOURS = {
    "scratch": GREY,
    "scratch, equal updates": VERMILION,
    "pd": SKY,
    "pd+mix": ORANGE,
    "rd": GREEN,
    **dict.fromkeys(OTHERS, PURPLE),
}
METHOD_MARKERS = {
    "scratch": "s",
    "scratch, equal updates": "D",
    "pd": "v",
    "pd+mix": "^",
    "rd": "o",
    **dict.fromkeys(OTHERS, "P"),
}
"""A marker for each method too: colour never carries a meaning alone."""

HIT, MISSED, FALSE_ALARM = "#F0E442", SKY, "#E91E9F"
"""Overlays: agreed yellow, in the reference only sky blue, in the prediction only magenta; all
three show on a red fundus and on a grey film, which white does not."""


def colour_of(method: str, index: int = 0) -> str:
    """The fixed colour of a method (case and '(ours)' ignored), else one of the cycle."""
    return METHOD_COLOURS.get(_plain(method), CYCLE[index % len(CYCLE)])


def marker_of(method: str, index: int = 0) -> str:
    """The fixed marker of a method, else one of a cycle."""
    return METHOD_MARKERS.get(_plain(method), "osD^v<>P"[index % 8])


def _plain(method: str) -> str:
    return method.lower().replace("(ours)", "").strip()


SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ldl",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.facecolor": "none",
    "legend.edgecolor": "none",
    "legend.framealpha": 0.0,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": INK,
    "grid.alpha": 0.15,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "font.size": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "lines.linewidth": 1.8,
    "axes.prop_cycle": cycler(color=CYCLE),
    "image.composite_image": False,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
}


@contextmanager
def theme() -> Iterator[None]:
    """Seaborn's plain axes with the book's settings on top, the reader's own again afterwards."""
    with sns.axes_style("ticks"), mpl.rc_context(SETTINGS):
        yield

"""Figure 2 of LRC: one slice of each region as several networks segment it."""

from dataclasses import dataclass

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ldl.data.ct import CtBank
from ldl.data.ct_sources import slice_bank
from ldl.engine.profiles import Profile
from ldl.engine.store import RunStore
from ldl.errors import DataError
from ldl.experiments.lrc.configs import cell, labelled_set
from ldl.experiments.lrc.numbers import Scores, measured
from ldl.experiments.lrc.rows import columns, methods, row
from ldl.plots.images import image_grid, to_display
from ldl.plots.theme import INK, theme
from ldl.tables.encoders import Row
from ldl.tasks import FACTS, Region
from ldl.train.organ_picture import unpacked

Array = np.ndarray
STRENGTH = 0.65
# Okabe and Ito's colours and their darker halves: eleven that are told apart by lightness as well.
PALETTE = (
    "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
    "#7A5500", "#B8E0FF", "#004D38", "#FFFFFF",
)  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """One region's row of the figure.

    Attributes:
        titles: of the panels.
        panels: (S, S, 3) uint8.
        notes: under the panels: DSC over all test volumes.
        organs: their names.
        volume, number: which slice it is.
    """

    region: Region
    titles: tuple[str, ...]
    panels: tuple[Array, ...]
    notes: tuple[str, ...]
    organs: tuple[str, ...]
    volume: str
    number: int


def rows(profile: Profile) -> tuple[Row, ...]:
    """The paper's panels (b) to (h), those that the profile can have."""
    wanted = (
        row("random", "alone"),
        row("imagenet", "alone"),
        row("moco", "alone"),
        row("genesis", "alone"),
        row("random", "lrc", whole=False),
        row("imagenet", "lrc"),
        row("moco", "lrc"),
    )
    known = methods(profile)
    return tuple(one for one in wanted if "imagenet" not in one.key or "imagenet" in known)


def painted(image: Array, labels: Array) -> Array:
    """A slice with its organs in colour.

    Args:
        image: (S, S) uint8.
        labels: (S, S) uint8, 0 background.

    Returns:
        (S, S, 3) uint8.
    """
    colours = np.array([to_rgb(one) for one in PALETTE]) * 255
    shown = to_display(image).astype(float)
    inside = labels > 0
    paint = colours[(labels[inside].astype(int) - 1) % len(colours)]
    shown[inside] = (1 - STRENGTH) * shown[inside] + STRENGTH * paint
    return shown.round().astype(np.uint8)


def bank_of(region: Region, profile: Profile) -> CtBank | None:
    """The labelled slices, None where they are not at hand."""
    try:
        return slice_bank(labelled_set(region, profile))
    except DataError:
        return None


def shown(region: Region, profile: Profile, store: RunStore) -> Shown | None:
    """One region's panels, from the records; None where none is there.

    Without the images at hand the labels are drawn on black, and the reference is left out.
    """
    column = next(one for one in columns(profile) if one.region == region)
    found: dict[str, Scores] = {}
    for one in rows(profile):
        scores = measured(cell(one, column, profile), store)
        if scores:
            found[one.label] = scores
    if not found:
        return None
    first = next(iter(found.values())).records[0]
    kept, bank = first["picture"], bank_of(region, profile)
    size = kept["size"]
    image = (
        np.zeros((size, size), np.uint8)
        if bank is None
        else np.asarray(bank.images[kept["row"], 0])
    )
    panels, titles, notes = [], [], []
    if bank is not None and bank.labels is not None:
        panels.append(painted(image, np.asarray(bank.labels[kept["row"]])))
        titles.append("Reference")
        notes.append("")
    for label, scores in found.items():
        one = scores.records[0]["picture"]
        panels.append(painted(image, unpacked(one["labels"], one["size"])))
        titles.append(label.replace(" + ", " +\n"))
        notes.append(f"{scores.mean:.1f} %")
    return Shown(
        region, tuple(titles), tuple(panels), tuple(notes), tuple(first["organs"]),
        kept["volume"], kept["slice"],
    )  # fmt: skip


def drawn(part: Shown) -> Figure:
    """A region's row as a figure with the organs' colours."""
    half = -(-len(part.panels) // 2)
    pieces = [slice(0, half), slice(half, None)]
    figure = image_grid(
        [part.panels[piece] for piece in pieces],
        captions=[
            [_under(t, n) for t, n in zip(part.titles[p], part.notes[p], strict=True)]
            for p in pieces
        ],
        width=1.7,
    )
    with theme():
        figure.legend(
            handles=[
                Patch(facecolor=colour, edgecolor=INK, label=organ)
                for organ, colour in zip(part.organs, PALETTE, strict=False)
            ],
            loc="outside lower center",
            ncols=4,
            fontsize=7,
        )
    return figure


def _under(title: str, note: str) -> str:
    return f"{title.replace(chr(10), ' ')}\n{note}".strip()


def title_of(region: Region) -> str:
    """The paper's name of the region's set."""
    return FACTS[region].column

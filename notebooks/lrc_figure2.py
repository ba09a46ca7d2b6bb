# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # LRC Figure 2: segmentations side by side
#
# ```{admonition} The paper says
# :class: note paper
# One slice of each data set as networks with and without LRC segment it, fine-tuned on 10 volumes: the improvement is largest on head and neck (section 3.5, Figure 2).
# ```
#
# Our slice is not chosen by eye: of the test part it is the one with most organs, among equals the one with most labelled pixels. One slice proves nothing, so under each panel stands the mean DSC over *all*
# test volumes, and {doc}`lrc_table1` says what may be concluded.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"

# %% tags=["remove-input"]
import numpy as np
from IPython.display import Markdown, display
from matplotlib.patches import Patch

from ldl import plots, report
from ldl.book.parameters import check
from ldl.data.ct_sources import slice_bank
from ldl.data.manifest import manifest_named
from ldl.engine.store import RunStore
from ldl.errors import DataError
from ldl.plots.images import painted
from ldl.report.lrc import organs_line
from ldl.tables.lrc_runs import labelled_set
from ldl.tables.measure import show
from ldl.train.organ_picture import unpacked
from ldl.widgets.slices import PALETTE

check("lrc_figure2", globals())
store = RunStore()
report.complete("lrc_table1", profile, store)
here = show("lrc_table1", profile, store)
real = show("lrc_table1", "open", store)
best = real if real.measured else here
# The paper's panels, and the control that it leaves out.
PANELS = (
    "random",
    "imagenet",
    "moco",
    "genesis",
    "lrc-only",
    "random+unet",
    "random+lrc",
    "imagenet+lrc",
    "moco+lrc",
)


# %% tags=["remove-input"]
def slices_of(shown, region):
    """The labelled slices, None where they are not at hand or may not be passed on."""
    data = labelled_set(region, shown.profile)
    if not shown.phantom and not manifest_named(data.set_name()).licence.redistribution:
        return None
    try:
        return slice_bank(data)
    except DataError:
        return None


def coloured(image, labels):
    """(S, S) uint8 slice and labels -> (S, S, 3) uint8 with each organ in its colour."""
    drawn = plots.to_display(image)
    for place, colour in enumerate(PALETTE, start=1):
        drawn = painted(drawn, labels == place, colour, 0.65)
    return drawn


def figure(shown, column):
    """One region: the slice, its reference, and what each network makes of it."""
    cells = {
        key: shown.cells[key, column.key] for key in PANELS if (key, column.key) in shown.cells
    }
    if not cells:
        display(Markdown(f"{column.group}: not yet run."))
        return
    first = next(iter(cells.values())).records[0]
    kept, bank = first["picture"], slices_of(shown, column.of.region)
    image = (
        np.zeros((kept["size"],) * 2, np.uint8)
        if bank is None
        else np.asarray(bank.images[kept["row"], 0])
    )
    panels, names = [], []
    if bank is not None:
        panels = [plots.to_display(image), coloured(image, np.asarray(bank.labels[kept["row"]]))]
        names = ["slice", "reference"]
    labels, lost = (
        {row.key: row.label for row in shown.table.rows(shown.profile)},
        organs_line(shown),
    )
    for key, cell in cells.items():
        one = cell.records[0]["picture"]
        panels.append(coloured(image, unpacked(one["labels"], one["size"])))
        names.append(
            f"{labels[key]}\n{cell.value:.1f} %"
            + (f", {lost(key, column.key).split(',')[0]}" if lost(key, column.key) else "")
        )
    width = 4
    rows = [slice(start, start + width) for start in range(0, len(panels), width)]
    drawn = plots.image_grid(
        [panels[part] for part in rows], captions=[names[part] for part in rows], width=1.7
    )
    with plots.theme():
        drawn.legend(
            handles=[
                Patch(facecolor=colour, edgecolor=plots.INK, label=name)
                for name, colour in zip(first["organs"], PALETTE, strict=False)
            ],
            loc="outside lower center",
            ncols=4,
            fontsize=7,
        )
    without = (
        ""
        if bank is not None
        else " The labels alone: the images are not at hand, or may not be passed on."
    )
    plots.show(
        drawn,
        caption=f"<b>{column.group}, {shown.kind}, {column.label}.</b> Slice {kept['slice']} of volume {kept['volume']}; mean DSC over all test volumes below.{without}",
        alt=f"One axial slice with organs in colour: {', '.join(name.replace(chr(10), ' ') for name in names)}.",
    )


for column in best.table.columns(best.profile):
    if column.of.asked == 10:
        figure(best, column)

# %% tags=["remove-input"]
Markdown(
    "There is no record on real CT yet; these are phantoms. `ldl run lrc_table1 --profile open` makes them."
    if best.phantom
    else ""
)

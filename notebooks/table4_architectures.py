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
# # Table 4: size of the network
#
# ```{admonition} The paper says
# :class: note paper
# From scratch, a larger network does not help and even hurts; pretrained by Pd+mix it does help (section 6.1.4, Table 4). Tiny, small and full VGG16
# {cite}`simonyan2015vgg` have a quarter, a half and all of its channels.
# ```

# %% tags=["parameters"]
profile: str = "demo"

# %% tags=["hide-input"]
from IPython.display import Markdown, display

from ldl import plots
from ldl.book.parameters import check
from ldl.engine.profiles import WIDTHS
from ldl.engine.store import RunStore
from ldl.experiments import encoder_tables, pages, report
from ldl.experiments.rows import ARCHITECTURES
from ldl.models import Encoder, SegmentationNet
from ldl.tables.published import NOTES
from ldl.tasks import CHANNELS

check("table4_architectures", globals())
store = RunStore()
report.complete("table4", profile, store)
here = pages.gather("table4", profile, store)
words = "phantoms" if here.phantom else "real images"
pages.budget(here)

# %% [markdown]
# ## Three widths of one class
#
# All networks of this book are the same class with another number of channels in the first stage.

# %%
plots.source(Encoder)


# %% tags=["hide-input"]
def millions(base):
    """Parameters of the segmentation network for fundus, in millions."""
    return sum(p.numel() for p in SegmentationNet(base, CHANNELS["fundus"]).parameters()) / 1e6


plots.small_table(
    [
        {
            "network": title,
            "first stage, the paper": 16 * WIDTHS[name],
            "parameters, the paper (millions)": millions(16 * WIDTHS[name]),
            "first stage, here": here.profile.base * WIDTHS[name],
            "parameters, here (millions)": millions(here.profile.base * WIDTHS[name]),
        }
        for name, title in ARCHITECTURES
    ],
    caption=f"Channels of the first stage and parameters of the segmentation network, as published and under profile {here.profile.name}.",
)

# %% [markdown]
# ## The table

# %% tags=["hide-input"]
pages.show_halves(here)

# %% tags=["hide-input"]
Markdown(f"A slip in the paper's own table: {NOTES['ldl_table4']}")

# %% [markdown]
# ## Does width help?


# %% tags=["hide-input"]
def widths(shown):
    """Change of the means from the tiny to the full network, ours and the paper's."""
    lookup = shown.frame.set_index(["row", "column"])
    rows = []
    for method, label in (("scratch", "Scratch"), ("pd+mix", "Pd+mix")):
        cells = {"start": label}
        for column, title in (("fundus_mean", "fundus"), ("xray_mean", "X-ray")):
            full, tiny = (
                lookup.loc[(f"{method}/full", column)],
                lookup.loc[(f"{method}/tiny", column)],
            )
            cells[f"{title}, ours"] = full["ours"] - tiny["ours"]
            cells[f"{title}, the paper"] = full["paper"] - tiny["paper"]
        rows.append(cells)
    return rows


plots.small_table(
    widths(here),
    caption=f"Full minus tiny network, points of mean DSC. Ours on {words}, profile {here.profile.name}.",
)

# %% [markdown]
# ## The encoders behind the rows

# %% tags=["hide-input"]
encoder_tables.of_patches(here)

# %% [markdown]
# ## On real images
#
# Read from records that are kept with the project.

# %% tags=["hide-input"]
real = here if not here.phantom else pages.gather("table4", "open", store)
if real.measured:
    display(pages.budget(real))
    pages.show_halves(real)
    display(
        plots.small_table(
            widths(real), caption="Full minus tiny network on real images, points of mean DSC."
        )
    )
    display(encoder_tables.of_patches(real))
    display(pages.order_words(real))
else:
    display(
        Markdown(
            "There is no record of this table on real images yet. Get the data, then `ldl run table4 --profile open` makes them."
        )
    )

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
# One slice of each data set as networks with and without LRC segment it, fine-tuned on 10 volumes: the improvement is largest on head and neck (section 3.5,
# Figure 2).
# ```
#
# ```{admonition} We do
# :class: note ours
# The slice is not chosen by eye: of the test part it is the one with most organs, and among equals the one with most labelled pixels. Under each panel
# stands the mean DSC over *all* test volumes, since one slice proves nothing.
# ```

# %% tags=["parameters"]
profile: str = "demo"

# %% tags=["hide-input"]
from IPython.display import Markdown, display

from ldl import plots
from ldl.book.parameters import check
from ldl.engine.store import RunStore
from ldl.experiments import report
from ldl.experiments.lrc import figure2, page
from ldl.tasks import REGIONS

check("lrc_figure2", globals())
store = RunStore()
report.complete("lrc_table1", profile, store)
here = page.gather("lrc_table1", profile, store)
page.budget_words(here)


# %% [markdown]
# ## One slice of each region


# %% tags=["hide-input"]
def show(gathered):
    """A figure for each region that has records."""
    for region in REGIONS:
        part = figure2.shown(region, gathered.profile, gathered.store)
        if part is None:
            display(Markdown(f"{figure2.title_of(region)}: not yet run."))
            continue
        reference = (
            ""
            if part.titles[0] == "Reference"
            else " The images are not at hand: labels alone, without the reference."
        )
        plots.show(
            figure2.drawn(part),
            caption=f"<b>{figure2.title_of(region)}, {gathered.kind}.</b> Slice {part.number} of volume {part.volume}; mean DSC over all test volumes below.{reference}",
            alt=f"One axial slice with organs in colour: {', '.join(title.replace(chr(10), ' ') for title in part.titles)}.",
        )


show(here)

# %% [markdown]
# ## On real CT

# %% tags=["hide-input"]
real = page.gather("lrc_table1", "open", store) if here.phantom else here
if real is here:
    display(Markdown("The figures above are of real CT."))
elif real.records:
    display(page.budget_words(real))
    show(real)
else:
    display(
        Markdown(
            "There is no record on real CT yet. `ldl run lrc_table1 --profile open` makes them."
        )
    )

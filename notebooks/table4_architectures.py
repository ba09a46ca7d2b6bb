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

# %% tags=["parameters", "remove-input"]
profile: str = "demo"

# %% tags=["remove-input"]
from IPython.display import Markdown, display

from ldl import plots, report
from ldl.book.parameters import check
from ldl.engine.profiles import WIDTHS
from ldl.engine.store import RunStore
from ldl.models import SegmentationNet
from ldl.tables.measure import show
from ldl.tables.published import NOTES
from ldl.tables.transfer import WIDTH_TITLES
from ldl.tasks import CHANNELS

check("table4_architectures", globals())
store = RunStore()
report.complete("table4", profile, store)
here = show("table4", profile, store)
real = show("table4", "open", store)
best = real if real.measured else here

# %% tags=["remove-input"]
findings = report.judged(best)
if best.phantom:
    text = "There is no record on real images yet; what follows is on phantoms and no evidence. Get the data, then `ldl run table4 --profile open` makes them."
else:
    text = f"Does width hurt from scratch, and help when pretrained? Over the three means: {report.count_words(findings)}."
Markdown(text)

# %% [markdown]
# ## The table

# %% tags=["remove-input"]
for part in report.whole_table(best):
    display(part)
report.budget(best.profile)

# %% tags=["remove-input"]
if not best.phantom and any(each.found for each in findings):
    display(report.claims_table([each for each in findings if each.found], best))

# %% tags=["remove-input"]
Markdown(f"A slip in the paper's own table: {NOTES['ldl_table4']}")

# %% [markdown]
# ## Three widths of one class


# %% tags=["remove-input"]
def millions(base):
    """Parameters of the segmentation network for fundus, in millions."""
    return sum(p.numel() for p in SegmentationNet(base, CHANNELS["fundus"]).parameters()) / 1e6


plots.small_table(
    [
        {
            "network": title,
            "first stage, the paper": 16 * WIDTHS[name],
            "parameters, the paper (millions)": millions(16 * WIDTHS[name]),
            "first stage, here": best.profile.base * WIDTHS[name],
            "parameters, here (millions)": millions(best.profile.base * WIDTHS[name]),
        }
        for name, title in WIDTH_TITLES.items()
    ],
    caption=f"Channels of the first stage and parameters of the segmentation network, as published and under profile {best.profile.name}.",
)

# %% tags=["remove-input"]
display(report.encoders_table(best))
if here.phantom and best is not here:
    display(report.machinery(here))

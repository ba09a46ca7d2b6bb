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
# # LRC Table 2: LRC, or just more parameters?
#
# ```{admonition} The paper says
# :class: note paper
# In LRC's place a second network of the same size is pretrained by MoCo. LRC "outperforms MoCo under every setting" (section 3.7, Table 2; ABD-110, 60 volumes). In its own table SimSiam is the same with
# either.
# ```
#
# {doc}`lrc_table1` holds LRC's branch against the same network untrained, and against a second MoCo beside a random encoder.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"

# %% tags=["remove-input"]
import numpy as np
from IPython.display import Markdown, display

from ldl import plots, report
from ldl.book.parameters import check
from ldl.engine.store import RunStore
from ldl.report.lrc import claim_line, lrc_budget, organs_line, volumes_table
from ldl.stats import seeds_by_images
from ldl.tables.measure import show

check("lrc_table2", globals())
store = RunStore()
report.complete("lrc_table2", profile, store)
here = show("lrc_table2", profile, store)
real = show("lrc_table2", "open", store)
# With LRC the runs are those of Table 1: there is no table before one of its own rows is there.
best = real if any(row.endswith("+moco2") for row, _ in real.cells) else here
findings = [each for each in report.judged(best) if each.found]

# %% tags=["remove-input"]
if best.phantom or not findings:
    text = "**No answer yet.** On real CT LRC and a second MoCo were not both run beside one pretraining. `ldl run lrc_table2 --profile open` makes the runs."
    if best.phantom:
        text += " The numbers below are of phantoms and no evidence."
else:
    apart = np.stack([each.found.gaps[0][0] for each in findings])
    low, high = seeds_by_images([apart])
    above = sum(each.found.value > 0 for each in findings)
    text = (
        f"**LRC is above a second MoCo in {above} of {len(findings)} settings, where the paper has it in all;** over them together by {report.signed(apart.mean())} points ({report.signed(low)} to {report.signed(high)}, other pretrainings and volumes). "
        f"Setting by setting: {report.count_words(findings)}."
    )
Markdown(text)

# %% [markdown]
# ## The table

# %% tags=["remove-input"]
for part in report.whole_table(best, organs_line(best)):
    display(part)
if best.fair:
    display(report.claims_table(findings, best, claim_line(best)))
if not best.phantom:
    display(volumes_table(best))
lrc_budget(best)

# %% [markdown]
# ## Equal in size
#
# The second network is the local branch's own U-Net, its encoder $E_l$ pretrained by MoCo, its decoder as it starts: MoCo compares whole images and has no use for a decoder. So the two are equal in size, not
# in what was pretrained. The paper does not say how its own control was made.


# %% tags=["remove-input"]
PARTS = ("E_g", "D_g", "E_l", "D_l", "head")


def sizes(shown):
    """Parameters of every part, by what stands beside E_g, as the records count them."""
    rows = {}
    for record in shown.records:
        beside = "LRC" if record["config"]["local"] else "a second MoCo"
        backbone, parts = record["config"]["backbone"], record["parameters"]
        rows[backbone, beside] = {
            "network": f"{backbone} + {beside}",
            **{part: f"{parts[part] / 1000:,.1f}" for part in PARTS},
            "all": f"{sum(parts.values()):,}",
        }
    return [rows[key] for key in sorted(rows)]


counted = sizes(best)
for backbone in {one["network"].partition(" + ")[0] for one in counted}:
    assert len({one["all"] for one in counted if one["network"].startswith(f"{backbone} + ")}) == 1
plots.small_table(
    counted, caption="Trainable parameters: parts in thousands, all of them equal to the last one."
)

# %% tags=["remove-input"]
display(report.encoders_table(best))
if here.phantom and here is not best and here.measured:
    display(report.machinery(here))

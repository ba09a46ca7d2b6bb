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
# In LRC's place a second network of the same size is pretrained by MoCo. LRC "outperforms MoCo under every setting" (section 3.7, Table 2; ABD-110, 60
# volumes).
# ```

# %% tags=["parameters"]
profile: str = "demo"

# %% tags=["hide-input"]
from IPython.display import Markdown, display

from ldl import plots
from ldl.book.parameters import check
from ldl.engine.store import RunStore
from ldl.experiments import report
from ldl.experiments.cells import signed
from ldl.experiments.lrc import html, page, pairs

check("lrc_table2", globals())
store = RunStore()
report.complete("lrc_table2", profile, store)
here = page.gather("lrc_table2", profile, store)
page.budget_words(here)

# %% [markdown]
# ## Equal in size
#
# The second network is the local branch's own U-Net: its encoder $E_l$ pretrained by MoCo, its decoder as it starts. So both columns have the same network
# to the last parameter, as counted in the records:


# %% tags=["hide-input"]
def show_sizes(gathered):
    """Parameters of every part, by what stands beside E_g."""
    rows = {}
    for record in gathered.records:
        beside = "LRC" if record["config"]["local"] else "second MoCo"
        backbone = record["config"]["backbone"]
        parts = record["parameters"]
        rows[(backbone, beside)] = {
            "network": f"{backbone} + {beside}",
            **{name: f"{number:,}" for name, number in parts.items()},
            "all": sum(parts.values()),
        }
    table = [dict(row) for _, row in sorted(rows.items())]
    totals = {key: row["all"] for key, row in rows.items()}
    worst = max(
        (abs(totals[k] / totals[(k[0], "LRC")] - 1) for k in totals if (k[0], "LRC") in totals),
        default=float("nan"),
    )
    for row in table:
        row["all"] = f"{row['all']:,}"
    display(
        plots.small_table(
            table,
            caption=f"Trainable parameters. Largest difference between the columns: {100 * worst:.2f} % (asked: within 2 %).",
        )
    )


show_sizes(here)

# %% [markdown]
# ## The table


# %% tags=["hide-input"]
def show_table(gathered):
    """A second MoCo → LRC, and what the paper's sentence comes to."""
    frame = pairs.table2_frame(gathered.profile, gathered.store)
    labelled = gathered.cells[0].runs[0].budget
    heads = {frame["column"].iloc[0]: f"a second MoCo → LRC<br>|X<sub>T</sub>| = {labelled}"}
    caption = (
        f"<b>{gathered.kind}, abdomen.</b> Mean DSC in per cent with a second MoCo network → with LRC (difference; bold where its interval leaves 0 out); 95 % t "
        f"interval over the {int(frame['volumes'].max())} test volumes, d<sub>z</sub> and p of a paired sign-flip test; <i>the paper's</i>. {page.provenance(gathered.records)}"
    )
    display(html.wide_table(frame, heads, html.pair_cell, caption))
    there = frame[frame["measured"]]
    if not len(there):
        return
    printed = (frame["paper_with"] > frame["paper_without"]).sum()
    count = there["verdict"].value_counts()
    display(
        plots.small_table(
            [
                {
                    "the paper's claim": "LRC outperforms a second MoCo under every setting",
                    "the paper": f"{printed} of {len(frame)} higher",
                    "here": f"{(there['difference'] > 0).sum()} of {len(there)} higher ({count.get('higher', 0)} clearly, {count.get('lower', 0)} clearly lower), "
                    f"mean {signed(there['difference'].mean())} points",
                }
            ],
            caption="In the paper's own table SimSiam is the same with either, so its sentence holds for all but that one.",
        )
    )


show_table(here)

# %% [markdown]
# ## On real CT

# %% tags=["hide-input"]
real = page.gather("lrc_table2", "open", store) if here.phantom else here
if real is here:
    display(Markdown("The table above is on real CT."))
elif any(record["config"]["second"] for record in real.records):
    display(page.budget_words(real))
    show_table(real)
else:
    display(
        Markdown(
            "There is no record of this table on real CT yet. `ldl run lrc_table2 --profile open` makes them."
        )
    )

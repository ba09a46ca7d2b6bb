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
# # LRC Table 3: how many samples of a region?
#
# ```{admonition} The paper says
# :class: note paper
# A region's vector is the mean of $N$ features drawn with replacement. $N = 50$ is best: few samples say little of the region, many exceed its pixels
# (section 3.7, Table 3; LRC + MoCo on ABD-110, 10 volumes).
# ```
#
# ```{admonition} We do
# :class: note ours
# The paper's three numbers, and our own: one sample, 200, and the mean over *all* pixels of the region, which has no sampling error at all. If sampling
# were only a cost saver, more would never be worse.
# ```

# %% tags=["parameters"]
profile: str = "demo"

# %% tags=["hide-input"]
from IPython.display import Markdown, display

from ldl import plots
from ldl.book.parameters import check
from ldl.engine.store import RunStore
from ldl.experiments import report
from ldl.experiments.cells import NOT_YET, signed
from ldl.experiments.lrc import page, pairs
from ldl.tables.published import value

check("lrc_table3", globals())
store = RunStore()
report.complete("lrc_table3", profile, store)
here = page.gather("lrc_table3", profile, store)
page.budget_words(here)

# %% [markdown]
# ## The table


# %% tags=["hide-input"]
def show_table(gathered):
    """DSC for each N, the paper's, and against N = 50."""
    frame = pairs.table3_frame(gathered.profile, gathered.store)
    rows = [
        {
            "N": line["label"],
            "DSC (%)": f"{line['dsc']:.1f}" if line["measured"] else NOT_YET,
            "95 % interval": f"{line['dsc_low']:.1f}–{line['dsc_high']:.1f}"
            if line["measured"]
            else "",
            "HD95 (mm)": line["hd95"],
            "the paper": line["paper"],
            "minus N = 50": ""
            if line["samples"] == 50 or not line["measured"]
            else f"{signed(line['difference'])} ({signed(line['low'])} to {signed(line['high'])}, p {line['p']:.2f})",
        }
        for _, line in frame.iterrows()
    ]
    caption = (
        f"<b>{gathered.kind}, abdomen, |X_T| = {gathered.cells[0].runs[0].budget}.</b> MoCo + LRC. Bootstrap interval over the {int(frame['volumes'].max())} test "
        f"volumes; the last column pairs the volumes (t interval, sign-flip test, not adjusted). {page.provenance(gathered.records)}"
    )
    display(plots.small_table(rows, caption=caption, decimals=1))
    there = frame[frame["measured"]]
    if len(there) < len(frame):
        return
    best = there.loc[there["dsc"].idxmax()]
    clear = there[(there["low"] > 0) | (there["high"] < 0)]
    display(
        Markdown(
            f"Best here: N = {best['label']} ({best['dsc']:.1f} %); the paper's best is 50. The span over all N is {there['dsc'].max() - there['dsc'].min():.1f} points; "
            f"{len(clear)} of {len(there) - 1} differences to N = 50 have an interval that leaves 0 out."
        )
    )


show_table(here)

# %% tags=["hide-input"]
Markdown(
    f"A slip in the paper's own tables: N = 50 is {100 * value('lrc_table3', 'DSC', samples_per_region=50):.1f} in Table 3, where the same setting in Table 1 is "
    f"{value('lrc_table1', 'ABD-110_10_with_lrc', global_pretraining='MoCo v1'):.1f} (MoCo v1) or "
    f"{value('lrc_table1', 'ABD-110_10_with_lrc', global_pretraining='MoCo v2'):.1f} (MoCo v2)."
)

# %% [markdown]
# ## The pretrainings behind the rows
#
# Retrieval: how often a region's vector, of all pixels, finds its own region of the bent slice first among the regions of validation slices.


# %% tags=["hide-input"]
def show_pretrainings(gathered):
    """Loss and retrieval for each N."""
    locals_ = {
        run.local.run_id(): run.local for cell in gathered.cells for run in cell.runs if run.local
    }
    rows = []
    for config in locals_.values():
        record = gathered.store.record(config)
        if record:
            losses = record["losses"]["local"]
            rows.append(
                {
                    "N": str(config.samples or "all pixels"),
                    "loss, first": losses[0],
                    "loss, last": losses[-1],
                    "retrieval before": record["retrieval_before"],
                    "retrieval after": record["retrieval"],
                    "among": f"{record['retrieval_among']:,}",
                    "minutes": record["wall_seconds"] / 60,
                }
            )
    if rows:
        display(
            plots.small_table(
                rows,
                caption=f"Local pretraining, {gathered.kind}, profile {gathered.profile.name}.",
            )
        )


show_pretrainings(here)

# %% [markdown]
# ## On real CT

# %% tags=["hide-input"]
real = page.gather("lrc_table3", "open", store) if here.phantom else here
if real is here:
    display(Markdown("The table above is on real CT."))
elif len(real.records) > 1:
    display(page.budget_words(real))
    show_table(real)
    show_pretrainings(real)
else:
    display(
        Markdown(
            "Only N = 50 has been run on real CT (in Table 1). `ldl run lrc_table3 --profile open` makes the rest."
        )
    )

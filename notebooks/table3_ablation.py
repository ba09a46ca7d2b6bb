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
# # Table 3: patch size, mixup, number of clusters
#
# ```{admonition} The paper says
# :class: note paper
# Finer patches make better encoders up to about 8 × 8; mixup helps "in most situations (9 out of 10)"; regions help on top of it, with 16 clusters for fundus and 4 for
# chest X-ray (section 6.1.4, Table 3, Figure 6).
# ```

# %% tags=["parameters"]
profile: str = "demo"

# %% tags=["hide-input"]
import pandas as pd
from IPython.display import Markdown, display

from ldl import plots
from ldl.book.parameters import check
from ldl.engine.store import RunStore
from ldl.experiments import encoder_tables, labels, pages, report
from ldl.experiments.rows import CLUSTERS, GRIDS
from ldl.tables.published import published

check("table3_ablation", globals())
store = RunStore()
report.complete("table3", profile, store)
here = pages.gather("table3", profile, store)
pages.budget(here)

# %% [markdown]
# ## The table
#
# Three sections: Pd+mix over the patch grid, Pd over the patch grid (the paper prints only the difference of the two), and Rd over the number of clusters, where none is Pd+mix.

# %% tags=["hide-input"]
pages.show_halves(here)

# %% [markdown]
# ## Figure 6: patch size
#
# The mean DSC over a modality's tasks against the patch grid.


# %% tags=["hide-input"]
def means_over_grid(shown):
    """Long frame for the two means of both methods over the grid."""
    lines = []
    for column, title in (("fundus_mean", "Colour fundus"), ("xray_mean", "Chest X-ray")):
        for method in ("pd+mix", "pd"):
            for place, grid in enumerate(GRIDS):
                line = shown.frame[
                    (shown.frame["row"] == f"{method}/g{grid}") & (shown.frame["column"] == column)
                ].iloc[0]
                lines.append(
                    {
                        "panel": title,
                        "method": method,
                        "place": place,
                        **line[["ours", "low", "high", "paper"]],
                    }
                )
    return pd.DataFrame(lines)


def figure6(shown):
    """Draw Figure 6 for a profile."""
    frame = means_over_grid(shown)
    kind = "Phantoms" if shown.phantom else "Real images"
    found = frame.dropna(subset=["ours"])
    tops = found.loc[found.groupby(["panel", "method"])["ours"].idxmax()]
    plots.show(
        plots.interval_lines(
            frame,
            x="place",
            group="method",
            xlabel="patches",
            ylabel="mean DSC (%)",
            ticks=[f"{g}×{g}" for g in GRIDS],
        ),
        caption=f"Figure 6. {kind}, profile {shown.profile.name}; bands are 95 % bootstrap intervals over test images, dashed lines with hollow marks the paper's numbers.",
        alt="Mean DSC over the patch grid. Highest: "
        + "; ".join(
            f"{t.panel} {t.method} at {GRIDS[t.place]}×{GRIDS[t.place]} with {t.ours:.1f}"
            for t in tops.itertuples()
        )
        + ".",
    )


if here.measured:
    figure6(here)

# %% [markdown]
# ## What mixup adds
#
# Pd+mix minus Pd at each grid, beside the difference the paper prints.


# %% tags=["hide-input"]
def mixup_gain(shown):
    """Rows of the second section: ours and the paper's difference for the two means."""
    printed = published("table3")
    printed = printed[printed["section"] == "mixup_gain_over_pd"].set_index("setting")
    lookup = shown.frame.set_index(["row", "column"])["ours"]
    rows = []
    for grid in GRIDS:
        cells = {"patches": f"{grid}×{grid}"}
        for column, title in (("fundus_mean", "fundus"), ("xray_mean", "X-ray")):
            cells[f"{title}, ours"] = (
                lookup[f"pd+mix/g{grid}", column] - lookup[f"pd/g{grid}", column]
            )
            cells[f"{title}, the paper"] = float(printed.loc[f"{grid}x{grid}", column])
        rows.append(cells)
    return rows


gain = mixup_gain(here)
words = "phantoms" if here.phantom else "real images"
display(
    plots.small_table(
        gain,
        caption=f"Gain of mixup in mean DSC, points. Ours on {words}, profile {here.profile.name}.",
    )
)
positive = sum(row[f"{name}, ours"] > 0 for row in gain for name in ("fundus", "X-ray"))
stated = sum(row[f"{name}, the paper"] > 0 for row in gain for name in ("fundus", "X-ray"))
Markdown(
    f"Positive in {positive} of {2 * len(gain)} means here ({words}); in {stated} of {2 * len(gain)} as printed in the paper."
)

# %% [markdown]
# ## How many clusters


# %% tags=["hide-input"]
def clusters_frame(shown):
    """Long frame for the two means of Rd over the number of clusters."""
    lines = []
    for column, title in (("fundus_mean", "Colour fundus"), ("xray_mean", "Chest X-ray")):
        for place, count in enumerate(CLUSTERS):
            line = shown.frame[
                (shown.frame["row"] == f"rd/c{count}") & (shown.frame["column"] == column)
            ].iloc[0]
            lines.append(
                {
                    "panel": title,
                    "method": "rd",
                    "place": place,
                    **line[["ours", "low", "high", "paper"]],
                }
            )
    return pd.DataFrame(lines)


if here.measured:
    frame = clusters_frame(here)
    found = frame.dropna(subset=["ours"])
    plots.show(
        plots.interval_lines(
            frame,
            x="place",
            group="method",
            xlabel="clusters (0: Pd+mix)",
            ylabel="mean DSC (%)",
            ticks=CLUSTERS,
        ),
        caption=f"Third section of Table 3. {words.capitalize()}, profile {here.profile.name}; bands are 95 % bootstrap intervals, dashed the paper's numbers.",
        alt="Mean DSC over the number of clusters. "
        + "; ".join(
            f"{p.panel}: {CLUSTERS[p.place]} clusters {p.ours:.1f}" for p in found.itertuples()
        )
        + ".",
    )

# %% [markdown]
# ## The encoders behind the rows

# %% tags=["hide-input"]
encoder_tables.of_patches(here)

# %% [markdown]
# ## Figure 7: how many labels
#
# ```{admonition} The paper says
# :class: note paper
# On the chest tasks, with 20, 40, 60, 80 and 100 % of the labelled training images, pretrained encoders are always better than scratch; with 20 % the gain is largest, and
# 40 to 60 % are enough to exceed scratch with all labels. The chest columns of Table 2 are means over these five shares (section 6.1.4, Figure 7).
# ```
#
# The figure's points are not printed as numbers; what the text says about them is. The runs are the chest runs of {doc}`table2_comparison`, taken apart by the
# share of labels; a profile may have fewer shares than the paper's five.

# %% tags=["hide-input"]
report.complete("table2", profile, store)
shares = labels.label_frame(here.profile, store)
if shares.empty:
    display(Markdown("No run of Figure 7 under this profile yet."))
else:
    ends = shares[shares["share"] == shares["share"].min()]
    plots.show(
        plots.interval_lines(shares, x="share", group="start", xlabel="share of the labels (%)"),
        caption=f"Figure 7. {words.capitalize()}, profile {here.profile.name}; bands are 95 % bootstrap intervals over test images. "
        + report.provenance_words(record for found in shares["records"] for record in found),
        alt=f"DSC over the share of the labels, one panel a chest task. At {ends['share'].iloc[0]:.0f} %: "
        + "; ".join(f"{e.panel} {e.start} {e.ours:.1f}" for e in ends.itertuples())
        + ".",
    )


# %% tags=["hide-input"]
def statement(line):
    """What the text says about one task, and what was measured here."""
    part = shares[shares["panel"] == line.column]
    least = part[part["share"] == part["share"].min()].set_index("start")["ours"]
    best = least.reindex(["Pd+mix", "Rd"]).max() - least.get("Scratch", float("nan"))
    needed = [labels.share_that_beats(shares, line.column, start) for start in ("Pd+mix", "Rd")]
    needed = [share for share in needed if share is not None]
    return {
        "task": line.column,
        "gain at the least share, ours": best,
        "the paper (20 %)": line.gain_at_20_percent,
        "share that beats scratch with all labels, ours (%)": f"{min(needed):.0f}"
        if needed
        else "none",
        "the paper (%)": f"{line.share_that_beats_scratch_percent}",
    }


if not shares.empty:
    rows = [
        statement(line)
        for line in published("figure7").itertuples()
        if line.column in set(shares["panel"])
    ]
    display(
        plots.small_table(
            rows,
            caption=f"The better of Pd+mix and Rd against scratch at the released budget. Ours on {words}; the paper's statements in section 6.1.4.",
        )
    )

# %% [markdown]
# ## On real images
#
# Read from records that are kept with the project.

# %% tags=["hide-input"]
real = here if not here.phantom else pages.gather("table3", "open", store)
if real.measured:
    display(pages.budget(real))
    pages.show_halves(real)
    figure6(real)
    display(encoder_tables.of_patches(real))
    display(pages.order_words(real))
else:
    display(
        Markdown(
            "There is no record of this table on real images yet. Get the data, then `ldl run table3 --profile open` makes them."
        )
    )

# %% tags=["hide-input"]
real_shares = labels.label_frame(real.profile, store) if here.phantom else pd.DataFrame()
if not real_shares.empty and real_shares["share"].nunique() > 1:
    plots.show(
        plots.interval_lines(
            real_shares, x="share", group="start", xlabel="share of the labels (%)"
        ),
        caption="Figure 7 on real images. "
        + report.provenance_words(record for found in real_shares["records"] for record in found),
        alt="DSC over the share of the labels on real images, one panel a chest task.",
    )

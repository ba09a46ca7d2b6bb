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

# %% tags=["parameters", "remove-input"]
profile: str = "demo"

# %% tags=["remove-input"]
import pandas as pd
from IPython.display import Markdown, display

from ldl import plots, report
from ldl.book.parameters import check
from ldl.engine.store import RunStore
from ldl.tables.measure import show
from ldl.tables.published import published
from ldl.tables.transfer import CLUSTERS, GRIDS

check("table3_ablation", globals())
store = RunStore()
report.complete("table3", profile, store)
here = show("table3", profile, store)
real = show("table3", "open", store)
best = real if real.measured else here
MEANS = {
    "fundus_mean": "Colour fundus",
    "xray_mean": "Chest X-ray, all labels",
    "xray_mean@20": "Chest X-ray, 20 % of the labels",
}

# %% tags=["remove-input"]
findings = report.judged(best)
if best.phantom:
    text = "There is no record on real images yet; what follows is on phantoms and no evidence. Get the data, then `ldl run table3 --profile open` makes them."
else:
    parts = {"patch size": "cells", "mixup": "mixup", "clusters": "clusters"}
    counts = [
        f"{name}: {report.count_words([each for each in findings if each.claim.text.startswith(word)])}"
        for name, word in parts.items()
    ]
    text = f"Comparisons that the paper draws, counted over the three means: {'; '.join(counts)}."
Markdown(text)

# %% [markdown]
# ## The table
#
# Three sections: Pd+mix over the patch grid, Pd over the patch grid (the paper prints only the difference of the two), and Rd over the number of clusters, where none is Pd+mix.

# %% tags=["remove-input"]
for part in report.whole_table(best):
    display(part)
report.budget(best.profile)

# %% [markdown]
# ## Figure 6: patch size, mixup, clusters


# %% tags=["remove-input"]
def over(shown, methods, places):
    """Long frame of the means over the places of one axis, a line a method."""
    lines = []
    for column, title in MEANS.items():
        for method, keys in methods.items():
            for place, key in enumerate(keys):
                cell = shown.cells.get((key, column))
                if cell:
                    low, high = cell.interval
                    printed = shown.frame.set_index(["row", "column"]).loc[(key, column), "paper"]
                    lines.append(
                        {
                            "panel": title,
                            "method": method,
                            "place": place,
                            "ours": cell.value,
                            "low": low,
                            "high": high,
                            "paper": float("nan") if shown.phantom else printed,
                        }
                    )
    return pd.DataFrame(lines)


def lines_figure(frame, ticks, xlabel, caption):
    """One figure of lines over an axis, its best places in words."""
    if frame.empty:
        display(Markdown("Not yet run."))
        return
    tops = frame.loc[frame.groupby(["panel", "method"])["ours"].idxmax()]
    plots.show(
        plots.interval_lines(
            frame, x="place", group="method", xlabel=xlabel, ylabel="mean DSC (%)", ticks=ticks
        ),
        caption=caption,
        alt="Highest: "
        + "; ".join(
            f"{t.panel} {t.method} at {ticks[t.place]} with {t.ours:.1f}" for t in tops.itertuples()
        )
        + ".",
    )


grids = {method: [f"{method}/g{g}" for g in GRIDS] for method in ("pd+mix", "pd")}
lines_figure(
    over(best, grids, GRIDS),
    [f"{g}×{g}" for g in GRIDS],
    "patches",
    f"Figure 6 on {best.kind}, profile {best.profile.name}; bands are 95 % intervals, dashed lines with hollow marks the paper's numbers.",
)

# %% tags=["remove-input"]
lines_figure(
    over(best, {"rd": [f"rd/c{c}" for c in CLUSTERS]}, CLUSTERS),
    [str(c) for c in CLUSTERS],
    "clusters (0: Pd+mix)",
    f"Third section of Table 3 on {best.kind}, profile {best.profile.name}; bands are 95 % intervals, dashed the paper's numbers.",
)

# %% [markdown]
# ## What follows

# %% tags=["remove-input"]
made = [each for each in findings if each.found]
if best.phantom or not made:
    display(
        Markdown("Nothing yet: these numbers are of phantoms." if best.phantom else "Nothing yet.")
    )
else:
    plots.show(
        report.forest(made, best, xlabel="difference in points of mean DSC"),
        caption="The paper's difference as a ring, ours with its 95 % interval.",
        alt=report.forest_words(made),
    )
    display(report.folded("The same as a table", report.claims_table(made, best)))
    if left := len(findings) - len(made):
        display(Markdown(f"{left} of {len(findings)} comparisons have no runs yet."))

# %% tags=["remove-input"]
gains = published("table3")
gains = gains[gains["section"] == "mixup_gain_over_pd"].set_index("setting")
plots.small_table(
    [
        {
            "patches": f"{g}×{g}",
            "fundus": gains.loc[f"{g}x{g}", "fundus_mean"],
            "chest X-ray": gains.loc[f"{g}x{g}", "xray_mean"],
        }
        for g in GRIDS
    ],
    caption="The gain of mixup as the paper prints it, points of mean DSC.",
)

# %% tags=["remove-input"]
display(report.encoders_table(best))
if here.phantom and best is not here:
    display(report.machinery(here))

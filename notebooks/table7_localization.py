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
# # Table 7: one-shot localization
#
# ```{admonition} The paper says
# :class: note paper
# One image with one labelled point is enough to find the optic disc and the heart in all others, by the cosine similarity of embeddings; hypersphere mixup, windows of random size and
# centre-sensitive weights each bring an improvement (section 6.3, Table 7).
# ```
#
# {doc}`method_localization` goes from the equations to the functions; {doc}`figure9_similarity` shows similarity maps, {doc}`demo_localization` is there to be touched.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"

# %% tags=["remove-input"]
from dataclasses import replace

import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from ldl import plots, report
from ldl.book.parameters import check
from ldl.engine.store import RunStore
from ldl.localize import frame_of
from ldl.localize.frame import CentredMatcher
from ldl.runs.localize import FACTORS
from ldl.tables.compare import judged
from ldl.tables.localization import ROWS, STATED, by_support, paper
from ldl.tables.measure import show
from ldl.tables.published import published

check("table7_localization", globals())
store = RunStore()
report.complete("table7", profile, store)
here = show("table7", profile, store)
real = show("table7", "open", store)
best = real if real.measured else here
BEST, LABELS = "pd+mix+ms+cs", {row.key: row.label for row in ROWS}
columns = [
    c for c in best.table.columns(best.profile) if any(c.key == key for _, key in best.cells)
]

# %% tags=["remove-input"]
findings = report.judged(best)
if best.phantom:
    text = "There is no record on real images yet; what follows is on phantoms and no evidence. Get the data, then `ldl run table7 --profile open` makes them."
else:
    told = report.count_words([each for each in findings if each.found and not each.claim.ours])
    against = ", ".join(
        f"{c.label} {best.number(BEST, c.key):.1f} against {best.number('ncc', c.key):.1f}"
        for c in columns
    )
    text = f"The paper's claims: {told}. Its best row against template matching, which is not trained: {against} (mean accuracy, %)."
Markdown(text)

# %% [markdown]
# ```{admonition} We do
# :class: tip ours
# The paper has one support image. We draw ten from the seed, ask each for all other images, and show the mean with its interval over supports and queries. We add what a reader would want to know first:
# template matching by normalised cross-correlation, the encoder's raw features, the network before its first step, and *the support's own place*, which answers with the coordinates
# of the support's point and looks at no image. IDRiD, DRISHTI-GS1 and the fovea are our own columns.
# ```
#
# ## The table


# %% tags=["remove-input"]
def at_thresholds(shown):
    """The line of a cell that holds the five accuracies, and the paper's."""
    rows = {row.key: row for row in ROWS}
    known = {column.key: column for column in shown.table.columns(shown.profile)}

    def line(row, column):
        cell = shown.cells.get((row, column))
        if cell is None:
            return ""
        ours = [
            np.nanmean([by_support(one, f"accuracy@{factor}") for one in cell.records])
            for factor in FACTORS
        ]
        printed = [
            paper(rows[row], known[column], shown.profile, f"acc@{factor:.2f}")
            for factor in FACTORS
        ]
        text = " ".join(f"{one:.0f}" for one in ours)
        return (
            text
            if np.isnan(printed[0])
            else f"{text}<br><i>{' '.join(f'{one:.0f}' for one in printed)}</i>"
        )

    return line


note = "Below, the accuracies at 0.05, 0.10, 0.15, 0.20 and 0.25 of the window. The paper's disc is HRF's."
for part in report.whole_table(best, at_thresholds(best), note):
    display(part)

# %% [markdown]
# ## What one support image decides
#
# Each dot is what the whole row would have been, had that support image been the only one, as in the paper.

# %% tags=["remove-input"]
LOOKS = {True: "a support, the paper's row", False: "a support, ours"}
frame = pd.DataFrame(
    {"row": row.label, "column": column.key, "value": value, "look": LOOKS[bool(row.published)]}
    for row in ROWS
    for column in columns
    if (row.key, column.key) in best.cells
    for value in best.cells[row.key, column.key].draws
)
printed = {
    (row.label, column.key): best.table.paper(row, column, best.profile)
    for row in ROWS
    for column in columns
}
if len(frame):
    heads = {column.key: column.label for column in columns}
    ends = frame[frame["look"] == LOOKS[True]].groupby(["row", "column"], sort=False)["value"]
    plots.show(
        plots.dots(
            frame,
            printed,
            columns=heads,
            looks={LOOKS[True]: (plots.SKY, "o"), LOOKS[False]: (plots.ORANGE, "s")},
            xlabel="mean accuracy (%)",
            mean=True,
            baseline=LABELS["ncc"],
        ),
        caption=f"Mean accuracy over the five thresholds with each support image; {best.kind}, profile {best.profile.name}. Round: the paper's rows; square: ours; the dashed line: template matching.",
        alt="; ".join(
            f"{row} {heads[column]}: {each.min():.0f} to {each.max():.0f}"
            for (row, column), each in ends
        )
        + ".",
    )

# %% tags=["remove-input"]
lines = []
for column in columns:
    there = [row for row in ROWS if row.published and (row.key, column.key) in best.cells]
    if len(there) > 1:
        draws = np.stack([best.cells[row.key, column.key].draws for row in there])
        tops = [there[k].label for k in draws.argmax(axis=0)]
        lines.append(
            {
                "landmark": column.label,
                "supports with the paper's order": f"{int((np.diff(draws, axis=0) > 0).all(axis=0).sum())} of {draws.shape[1]}",
                "best row, by support": plots.prose(
                    ", ".join(f"{name} {tops.count(name)}" for name in dict.fromkeys(tops))
                ),
                "widest range": f"{np.ptp(draws, axis=1).max():.1f} points",
            }
        )
if lines:
    display(
        plots.small_table(
            lines,
            caption="What the paper's table would have been with each of our support images alone, by mean accuracy.",
        )
    )

# %% [markdown]
# ## What follows


# %% tags=["remove-input"]
def at_015(finding):
    """The paper's difference at that threshold in place of that of its mean."""
    column = next(one for one in columns if one.key == finding.claim.column)
    rows = {row.key: row for row in ROWS}
    ours, theirs = (
        paper(rows[key], column, best.profile, "acc@0.15")
        for key in (finding.claim.better, finding.claim.worse)
    )
    return replace(finding, paper=ours - theirs)


if best.phantom:
    display(Markdown("Nothing: these numbers are of phantoms."))
else:
    display(report.claims_table([each for each in findings if each.found], best))
    display(Markdown("Stated before the runs were two of these on another score, as follows."))
    within = show("table7", best.profile, store, "within")
    table = replace(within.table, unit="the share found within 0.15 windows, %")
    within = replace(within, table=table)
    display(
        report.claims_table([at_015(each) for each in judged(within, STATED) if each.found], within)
    )

# %% [markdown]
# ## Do the encoders know what, or where?
#
# Retinas and chests are photographed in one pose and cropped alike. A network that is to tell the patches of such images apart can learn to say *where* a patch lies instead of what it shows. Whether it does can be
# measured. Take the unit window vectors $\dot v_n(h, w)$ of $N$ images and divide their squared length into three parts that sum to 1:
#
# $$
# \underbrace{\bigl\lVert \bar v \bigr\rVert^2}_{\text{common}} +
# \underbrace{\tfrac{1}{HW}\textstyle\sum_{h,w} \bigl\lVert \bar v(h, w) - \bar v \bigr\rVert^2}_{\text{place}} +
# \underbrace{\tfrac{1}{NHW}\textstyle\sum_{n,h,w} \bigl\lVert \dot v_n(h, w) - \bar v(h, w) \bigr\rVert^2}_{\text{content}} = 1
# $$
#
# with $\bar v(h, w) = \tfrac1N \sum_n \dot v_n(h, w)$, the mean of a place, and $\bar v$, that of all places.

# %%
plots.source(frame_of)

# %% [markdown]
# If the place is most of a vector, the most similar pixel of a query is the one at the support's place, whatever lies there. The cheapest remedy is to take the mean map away in the test, from support and query alike, and to
# normalise again: rows *centred*. It needs unlabelled images only.

# %%
plots.source(CentredMatcher.vectors)

# %% tags=["remove-input"]
shares = []
for row in ROWS:
    cells = {column: best.cells.get((row.key, column.key)) for column in columns}
    frames = {
        c: [one["frame"] for one in cell.records if "frame" in one]
        for c, cell in cells.items()
        if cell
    }
    if any(frames.values()) and "centred" not in row.key:
        shares.append(
            {"row": row.label}
            | {
                column.label: " / ".join(
                    f"{100 * np.mean([one[part] for one in found]):.0f}"
                    for part in ("common", "place", "content")
                )
                for column, found in frames.items()
                if found
            }
        )
if shares:
    display(
        plots.small_table(
            shares,
            caption=f"The mean squared length of the window vectors, in per cent: common to all windows / decided by the place / left to the image; {best.kind}.",
        )
    )

# %% [markdown]
# ## What the printed numbers say

# %% tags=["remove-input"]
QUERIES = {"od_hrf": ("Disc (HRF)", 44), "heart_scr": ("Heart (SCR)", 246)}
STEPS = (("pd+mix", "pd", "+mix"), ("pd+mix+ms", "pd+mix", "+ms"), (BEST, "pd+mix+ms", "+cs"))
table = published("table7")
lines = []
for task, (name, count) in QUERIES.items():
    rows = table[table["task"] == task].set_index("method").drop(columns="task")
    for better, worse, step in STEPS:
        gain = rows.loc[better] - rows.loc[worse]
        won = (gain.drop("mean") * count / 100).round().astype(int)
        lines.append(
            {
                "step": f"{name}, {step}",
                "mean accuracy": report.signed(gain["mean"]),
                "queries won at the five thresholds": ", ".join(
                    report.signed(one, 0) for one in won
                ),
            }
        )
plots.small_table(
    lines,
    caption="Differences between neighbouring rows of the printed table, in points and as numbers of queries (of 44 and of 246). The table rests on one support image a landmark.",
)

# %% [markdown]
# ## The machinery on phantoms

# %% tags=["remove-input"]
if best is here:
    display(Markdown("It stands above."))
else:
    display(report.folded("Table 7 on phantoms", *report.whole_table(here, at_thresholds(here))))

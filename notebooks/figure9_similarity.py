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
# # Figure 9: similarity maps
#
# ```{admonition} The paper says
# :class: note paper
# Figure 9 shows results of Pd+mix+ms+cs with their similarity maps: "the design of centre-sensitive averaging can focus more on patch's central region, and thus, the matched point has a
# peak value in the heat-map" (section 6.3.2).
# ```
#
# ```{admonition} We do
# :class: tip ours
# The paper does not say how its examples were chosen. Here a rule chooses: the support image is the one of median accuracy among the ten of {doc}`table7_localization`, and the four queries lie at the
# 10th, 40th, 70th and 95th percentile of its distances, so that a good, two middling and a bad answer are shown. The row that decides is the last of the paper's that was run. Every variant is shown on the same images.
# ```

# %% tags=["parameters"]
profile: str = "demo"

# %% tags=["remove-input"]
from IPython.display import Markdown, display

from ldl import plots, report
from ldl.book.parameters import check
from ldl.engine.profiles import profile_named
from ldl.engine.store import RunStore
from ldl.report import figure9
from ldl.tables.compare import difference
from ldl.tables.measure import show

check("figure9_similarity", globals())
store = RunStore()
rows = ",".join(f"{row.key}/" for row in figure9.SHOWN)
report.complete("table7", profile, store, rows)
shown, reasons = figure9.scenes(profile_named(profile), store)

# %% [markdown]
# A map's colours run from its own lowest value (dark blue) to its highest (yellow). Under each stands the distance of the answer to the truth in fractions of the window, and how the map was read: a place that stands out is
# *found*; *ambiguous* means that a second place is nearly as similar, *flat* that none stands out. The paper's protocol answers in all cases; what it would have answered is the magenta cross.


# %% tags=["remove-input"]
def draw(one):
    """The figure of one landmark."""
    plots.show(
        figure9.figure(one),
        caption=f"<b>{one.column.label}.</b> {one.words} Support and queries chosen by {one.chosen.row.label}; the frame about the support's point is the window.",
        alt=f"{one.column.label}: a support image with its point and four queries, and below them a row of similarity maps for each way to search. Distances to the truth in windows: {figure9.told(one)}.",
    )


for one in shown:
    draw(one)
if reasons:
    display(Markdown("Not shown: " + "; ".join(reasons) + "."))

# %% tags=["remove-input"]
if shown:
    display(
        Markdown(
            f"In the support image itself, the largest errors of these figures: {figure9.own_places(shown)}. The peak is where the template was taken, up to the interpolation between pixels; "
            "the paper's answer is the centroid of the region of 95 %, and moves away from it where the hill is broad or lopsided."
        )
    )

# %% [markdown]
# ## Does the kernel sharpen the peak?
#
# Four pictures are no measurement. *Sharpness* is: how far the maximum stands above the next best place more than half a window away, as a share of how far it stands above the map's median.

# %% tags=["remove-input"]
best = show("table7", "open", store, "sharpness")
best = best if best.measured else show("table7", profile, store, "sharpness")
lines = []
for column in best.table.columns(best.profile):
    pair = [best.cells.get((row, column.key)) for row in ("pd+mix+ms+cs", "pd+mix+ms")]
    if all(pair):
        found = difference(*pair)
        lines.append(
            {
                "landmark": column.label,
                "with cs": f"{pair[0].value:.2f}",
                "without": f"{pair[1].value:.2f}",
                "difference": f"{report.signed(found.value, 2)} <small>({report.signed(found.low, 2)} to {report.signed(found.high, 2)})</small>",
                "queries": found.cases,
            }
        )
if lines:
    display(
        plots.small_table(
            lines,
            caption=f"Sharpness (0 to 1) of Pd+mix+ms+cs and of Pd+mix+ms, {best.kind}, profile {best.profile.name}; 95 % intervals over supports and queries.",
        )
    )
else:
    display(Markdown("Not yet run."))

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
# {doc}`method_localization` goes from the equations to the functions; {doc}`figure9_similarity` shows similarity maps.

# %% tags=["parameters"]
profile: str = "demo"

# %% tags=["hide-input"]
from IPython.display import Markdown, display

from ldl import plots
from ldl.book.parameters import check
from ldl.engine.profiles import profile_named
from ldl.engine.store import RunStore
from ldl.experiments import (
    localization_cells,
    localization_claims,
    localization_frame,
    localization_luck,
    localization_page,
    localization_printed,
    localization_statements,
    report,
)
from ldl.experiments.plan import plan
from ldl.localize import frame_of
from ldl.localize.frame import CentredMatcher

check("table7_localization", globals())
store = RunStore()

# %% [markdown]
# ## What the paper's numbers say
#
# Before anything is measured, the printed table can be counted.

# %% tags=["hide-input"]
localization_printed.steps_table()

# %% tags=["hide-input"]
Markdown(localization_printed.words())

# %% [markdown]
# ## A row is a list of runs
#
# Here of each row the one on the first landmark. The paper's four rows average in the test as they did in the training; *cs in the test only* takes the network trained without `cs`, and Eq. 24 in the test.

# %%
first = plan("table7", profile_named(profile))[0].task
for cell in plan("table7", profile_named(profile), f"/{first}"):
    print(f"{cell.row.label:34s} {cell.runs[0].run_id()}")

# %% tags=["hide-input"]
missing = report.complete("table7", profile, store)
here = localization_page.gather(profile, store)
Markdown(
    f"Runs that are missing under this profile: {len(missing)}."
    if missing
    else "All runs of this profile are there."
)

# %% [markdown]
# ```{admonition} We do
# :class: tip ours
# The paper has one support image. We draw ten from the seed, ask each for all other images, and show the mean with its spread. We add what a reader would want to know first: template
# matching by normalised cross-correlation, the encoder's raw features, the network before its first step, and *the support's own place*, which answers with the coordinates
# of the support's point and looks at no image. The fovea is our own column.
# ```
#
# ## This profile

# %% tags=["hide-input"]
display(localization_page.budget_words(here))
localization_page.show_columns(here)


# %% [markdown]
# ### How far off, and how sure


# %% tags=["hide-input"]
def show_errors(shown):
    """Errors of all rows, or that there are none."""
    if shown.measured:
        words = report.provenance_words(shown.everything, "search")
        display(localization_cells.error_table(shown.frame, words))


show_errors(here)

# %% [markdown]
# ### What one support image decides
#
# Each dot is what the whole row would have been, had that support image been the only one.


# %% tags=["hide-input"]
def show_supports(shown):
    """The distribution over the support images, and what it does to the order of the rows."""
    if not shown.measured:
        return
    kind = f"{shown.kind}, profile {shown.profile.name}"
    plots.show(
        localization_luck.support_figure(shown),
        caption=f"Mean accuracy over the five thresholds with each support image. {kind}. Round and blue: the paper's rows; square and orange: our comparisons; "
        "rings: the paper's numbers.",
        alt="Small multiples of dot plots, a panel for each landmark and a line for each row; every line is as wide as the choice of the support image makes it.",
    )
    table = localization_luck.luck_table(shown)
    if table:
        display(table)


show_supports(here)

# %% [markdown]
# ### The paper's claims, and our questions


# %% tags=["hide-input"]
def show_claims(shown):
    """Claims and questions with their intervals, counted where they may be judged."""
    if not shown.measured:
        display(Markdown("There is nothing to compare yet."))
        return
    told = (shown.profile, shown.accuracy, shown.sharpness)
    claims = localization_claims.findings(*told, localization_claims.CLAIMS)
    questions = localization_claims.findings(*told, localization_claims.QUESTIONS)
    if not shown.phantom:
        counts = localization_claims.counted(claims)
        text = ", ".join(f"{number} {word}" for word, number in counts.items())
        display(Markdown(f"The paper's claims, over all landmarks: {text}."))
    display(localization_statements.claim_table(shown, claims))
    display(localization_statements.claim_table(shown, questions, own=True))


show_claims(here)

# %% [markdown]
# ## Do the encoders know what, or where?
#
# Retinas and chests are photographed in one pose and cropped alike. A network that is to tell the patches of such images apart can learn to say *where* a patch lies instead of what it shows: the second view of a patch lies at the same
# place as the first, once its turn is undone. Whether it does can be measured. Take the unit window vectors $\dot v_n(h, w)$ of $N$ images and divide their squared length into three parts that sum to 1:
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
# normalise again: rows *centred*. It needs unlabelled images only, the queries themselves. Where it does not help, either what is left says too little about the landmark, or the place was what had found it:
# hearts lie where hearts lie, as the row *the support's own place* shows.

# %%
plots.source(CentredMatcher.vectors)


# %% tags=["hide-input"]
def show_frame(shown):
    """Shares of every network, and the search without the place."""
    table = localization_frame.frame_table(shown)
    if table:
        display(table)
    display(Markdown(localization_frame.verdict(shown)))


show_frame(here)

# %% [markdown]
# ## On real images

# %% tags=["hide-input"]
if here.phantom:
    real = localization_page.gather("open", store)
    display(
        Markdown(
            "What follows is not computed by this page. It is read from records that were made on real images and are kept with the project."
        )
    )
    display(localization_page.budget_words(real))
    localization_page.show_columns(real)
    show_errors(real)
else:
    display(Markdown("The profile of this page is on real images: all of it stands above."))

# %% tags=["hide-input"]
if here.phantom:
    show_supports(real)

# %% [markdown]
# ### The paper's claims, and our questions, on real images

# %% tags=["hide-input"]
if here.phantom:
    show_claims(real)

# %% [markdown]
# ### What, or where, on real images

# %% tags=["hide-input"]
if here.phantom:
    show_frame(real)

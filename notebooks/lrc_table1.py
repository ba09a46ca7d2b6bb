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
# # LRC Table 1: does localized region contrast help?
#
# ```{admonition} The paper says
# :class: note paper
# Ten kinds of pretraining and none, each fine-tuned for multi-organ segmentation with and without LRC beside it: LRC enhances them "in a consistent way"
# (section 3.4, Table 1), most where few volumes are labelled.
# ```
#
# ```{admonition} We do
# :class: note ours
# Every cell is a pair of networks that start from the same global encoder, see the same volumes and are scored on the same test volumes. The difference is
# tested volume by volume. No public code of LRC is known; what the paper leaves open is stated in [the method chapter](method_lrc).
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
from ldl.experiments.lrc import claims, encoders, html, own, page, pairs
from ldl.tasks import FACTS, REGIONS

check("lrc_table1", globals())
store = RunStore()
report.complete("lrc_table1", profile, store)
here = page.gather("lrc_table1", profile, store)
frame = pairs.table1_frame(here.profile, store)
page.budget_words(here)


# %% [markdown]
# ## The table
#
# Without → with LRC, three regions, two numbers of labelled volumes.


# %% tags=["hide-input"]
def show_regions(gathered, table):
    """One table a region, so that a phone shows it whole."""
    heads = html.table1_heads(table)
    for region in REGIONS:
        part = table[table["region"] == region]
        columns = {key: heads[key] for key in dict.fromkeys(part["column"])}
        records = [r for r in gathered.records if r["config"]["data"]["region"] == region]
        caption = f"<b>{FACTS[region].column}, {gathered.kind}.</b> {html.LEGEND} {page.provenance(records)}"
        display(html.wide_table(part, columns, html.pair_cell, caption))


show_regions(here, frame)

# %% tags=["hide-input"]
ABSENT = (
    "The row *ImageNet* is left out here: torchvision's weights fit ResNet-50 at its published width only. Profile `paper` takes them from torch's own cache; "
    "`ldl run lrc_table1 --profile paper --only imagenet` names the address and the place of the file if it is not there."
)
STAND_IN = (
    "The row *ImageNet* is a **stand-in**: a ResNet-50 of this width trained to grade fundus phantoms, colour images of another kind with labels. "
    "torchvision's ImageNet weights fit the published width only; profile `paper` takes them."
)


def imagenet_words(gathered):
    """What stands in the row ImageNet."""
    words = {"stand-in": STAND_IN, "absent": ABSENT}.get(gathered.profile.lrc.imagenet)
    if words:
        display(Markdown(f"**We deviate.** {words}"))


imagenet_words(here)

# %% [markdown]
# ## Where LRC helped
#
# The dot is the mean difference over the test volumes, the bar its 95 % t interval, the ring the paper's difference.


# %% tags=["hide-input"]
def show_differences(gathered, table):
    """Differences with their intervals, one panel a column."""
    names = {
        key: f"{FACTS[lines['region'].iloc[0]].column}, {lines['labelled'].iloc[0]}"
        for key, lines in table[~table["repeated"]].groupby("column", sort=False)
    }
    part = table[table["column"].isin(names) & ~table["repeated"]].assign(
        column=lambda t: t["column"].map(names),
        row=lambda t: t["label"],
        ours=lambda t: t["difference"],
        paper=lambda t: t["paper_with"] - t["paper_without"],
    )
    figure = plots.column_dots(
        part,
        columns=list(names.values()),
        rows=list(dict.fromkeys(table.loc[table["planned"], "label"])),
        xlabel="with − without LRC (points DSC)",
        zero=True,
        width=2.1,
    )
    plots.show(
        figure,
        caption=f"Difference that LRC makes, {gathered.kind}, profile {gathered.profile.name}; |X_T| after the name. {claims.summary(table)}",
        alt="Small panels, one a column of Table 1, with a dot and an interval for each kind of pretraining around a line at zero; the sentence below counts them.",
    )


show_differences(here, frame)

# %% [markdown]
# ## Cell by cell
#
# The same as a list, with the 95 % Hausdorff distance (HD95, a fall is better) and p before and after Holm's adjustment.


# %% tags=["hide-input"]
def show_cells(gathered, table):
    """One line for each measured cell."""
    measured = table[table["measured"] & ~table["repeated"]]
    if not len(measured):
        display(Markdown("No cell is measured yet."))
        return
    rows = [
        {
            "cell": f"{line['label']}, {FACTS[line['region']].column}, {line['labelled']}",
            "did LRC help?": html.WORDS[line["verdict"]],
            "points DSC": signed(line["difference"]),
            "d<sub>z</sub>": line["effect"],
            "p": html.p_words(line["p"]),
            "p, Holm": html.p_words(line["p_holm"]),
            "organs not found": f"{line['lost_without']} → {line['lost_with']} of {line['organs']}",
            "HD95 without (mm)": line["hd_without"],
            "HD95 with (mm)": line["hd_with"],
            "n": int(line["volumes"]),
        }
        for _, line in measured.iterrows()
    ]
    caption = (
        f"{gathered.kind}, profile {gathered.profile.name}. *Helped* and *hurt*: the 95 % t interval of the difference leaves 0 out; with so few volumes that "
        "is a rough rule, and the interval knows nothing of other training seeds. An organ that is not found at all counts with the volume's diagonal in HD95."
    )
    display(
        plots.small_table(
            rows,
            caption=caption.replace("*Helped*", "<i>Helped</i>").replace("*hurt*", "<i>hurt</i>"),
            decimals=1,
        )
    )


show_cells(here, frame)
Markdown(claims.lost_words(frame))

# %% [markdown]
# ## Is it the pretraining, or the second branch?
#
# LRC comes with a second network. Two rows of our own tell them apart: the same U-Net *untrained* beside a random encoder, and LRC's branch *alone* (the
# paper shows it in its Figure 2 without numbers). Each cell compares the row with Random init + LRC.


# %% tags=["hide-input"]
def show_own(gathered):
    """Random + LRC over our own rows."""
    rest = own.own_frame(gathered.profile, gathered.store)
    heads = {
        key: FACTS[part["region"].iloc[0]].column
        for key, part in rest.groupby("column", sort=False)
    }
    caption = f"Own row → Random init + LRC, mean DSC in per cent, |X_T| = {rest['labelled'].iloc[0]}; {gathered.kind}. Interval, d<sub>z</sub> and p as above."
    display(html.wide_table(rest, heads, html.pair_cell, caption))
    return own.against_untrained(rest)


control = show_own(here)

# %% [markdown]
# ## What the paper claims

# %% tags=["hide-input"]
display(
    plots.small_table(
        claims.column_counts(frame),
        caption="In how many kinds of pretraining DSC is higher with LRC. “Clearly”: the interval leaves 0 out.",
    )
)
display(
    plots.small_table(
        claims.statements(frame, control),
        caption=f"The paper's sentences, counted in its own Table 1 and here ({here.kind}).",
    )
)
page.short_words(here)

# %% [markdown]
# ## The pretrainings behind the rows


# %% tags=["hide-input"]
def show_encoders(gathered):
    """What every pretraining came to."""
    rows = encoders.encoder_rows(gathered)
    if rows:
        display(plots.small_table(rows, caption=f"{gathered.kind}. {encoders.words(gathered)}"))


show_encoders(here)

# %% [markdown]
# ## On real CT
#
# Read from records that are kept with the project.

# %% tags=["hide-input"]
real = here if not here.phantom else page.gather("lrc_table1", "open", store)
if real is here:
    display(Markdown("The tables above are on real CT."))
elif real.records:
    shown = pairs.table1_frame(real.profile, store)
    display(page.budget_words(real))
    show_regions(real, shown)
    imagenet_words(real)
    show_differences(real, shown)
    show_cells(real, shown)
    display(Markdown(claims.lost_words(shown)))
    real_control = show_own(real)
    display(
        plots.small_table(
            claims.column_counts(shown),
            caption="In how many kinds of pretraining DSC is higher with LRC, on real CT.",
        )
    )
    display(
        plots.small_table(
            claims.statements(shown, real_control),
            caption="The paper's sentences, counted in its own Table 1 and on real CT.",
        )
    )
    show_encoders(real)
    display(page.short_words(real))
else:
    display(
        Markdown(
            "There is no record of this table on real CT yet. Get the data, then `ldl run lrc_table1 --profile open` makes them."
        )
    )

# %% [markdown]
# ## How to read it
#
# - One training seed a cell: the interval is over volumes only. Where two runs differ by a few points, another seed may turn them around.
# - The same network initialisation, slices and schedule stand behind both members of a pair; only the second branch differs.
# - The fine-tuning keeps the step that scored best on the validation volumes; test volumes are seen once.

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
# # Table 2: comparison of encoders
#
# ```{admonition} The paper says
# :class: note paper
# An encoder pretrained by patch or region discrimination is a better start for segmentation than a random one, than a supervised one, and than those of seven
# other self-supervised methods, on 11 of 12 tasks (section 6.1.3, Table 2).
# ```
#
# This page repeats all twelve rows. A method is one file, linked from its section [below](#the-methods-one-by-one); {doc}`method_family` shows them side by side.

# %% tags=["parameters"]
profile: str = "demo"

# %% tags=["hide-input"]
from IPython.display import Markdown, display

from ldl import plots
from ldl.book.parameters import check
from ldl.engine.profiles import profile_named
from ldl.engine.store import RunStore
from ldl.experiments import encoder_tables, gains, pages, report, rivals, sections, statements
from ldl.experiments.budget_table import budget_table
from ldl.experiments.plan import plan
from ldl.experiments.rows import table_named
from ldl.tables.published import published
from ldl.tasks import TASKS

check("table2_comparison", globals())
store = RunStore()

# %% [markdown]
# ## What the paper's numbers say
#
# Before anything is measured, the printed table can be counted.

# %% tags=["hide-input"]
printed = published("table2").set_index("encoder")
columns = [task.column for task in TASKS.values()]
ours = ["Pd", "Pd+mix", "Rd"]
winners = printed[columns].idxmax()
family = int(winners.isin(ours).sum())
alone = int((winners == "Rd").sum())
others = ", ".join(f"{column}: {name}" for column, name in winners.items() if name != "Rd")
lead = printed[columns].loc[ours].max() - printed[columns].drop(index=ours).max()
Markdown(
    f"The best of Pd, Pd+mix and Rd is the best of all rows in {family} of {len(columns)} columns; Rd alone is in {alone} (the exceptions: {others}). "
    f"The lead of the best of the three over the best other method is {lead.median():.2f} points in the median column, {lead.min():+.2f} in the worst and "
    f"{lead.max():.2f} in the best ({lead.idxmax()}). The paper gives no spread: it is one training a cell."
)

# %% [markdown]
# ## A row is a list of runs
#
# Here of each row the one on STARE; it names the encoder that it starts from.

# %%
for cell in plan("table2", profile_named(profile), "/stare"):
    print(f"{cell.row.label:23s} {cell.runs[0].run_id()}")

# %% tags=["hide-input"]
missing = report.complete("table2", profile, store)
here = pages.gather("table2", profile, store)
Markdown(
    f"Runs that are missing under this profile: {len(missing)}."
    if missing
    else "All runs of this profile are there."
)

# %% [markdown]
# ## This profile

# %% tags=["hide-input"]
display(pages.budget(here))
pages.show_halves(here)

# %% [markdown]
# ```{admonition} We do
# :class: tip ours
# Scratch is shown twice. The release trains it for the epochs of the second phase only, which is half of what a transferred encoder gets; the row *equal updates* has as many
# updates as a transferred encoder in both phases. A gain over the first alone may be a gain of training time.
#
# Every other method sees as many images as Rd, the longest of ours, its first step included; Pd and Pd+mix see fewer. All share one encoder, one optimiser (Adam, its rate halved half-way)
# and one transfer. Supervised has no chest columns, in the paper as here: chest X-rays have no such grade.
# ```


# %% tags=["hide-input"]
def figure_per_column(shown):
    """One panel a column: ours with its interval, the paper's as a ring."""
    frame = shown.frame.assign(row=shown.frame["label"])
    rows = list(dict.fromkeys(frame.loc[frame["measured"] | frame["paper"].notna(), "row"]))
    columns = [
        column
        for half, _ in pages.HALVES.values()
        for column in half
        if (frame.loc[frame["column"] == column, "measured"]).any()
    ]
    if not columns:
        return
    figure = plots.column_dots(frame, columns=columns, rows=rows)
    kind = "Phantoms" if shown.phantom else "Real images"
    best = {
        c: frame.loc[frame.loc[(frame["column"] == c) & frame["measured"], "ours"].idxmax(), "row"]
        for c in columns
    }
    plots.show(
        figure,
        caption=f"Table 2, column by column. {kind}, profile {shown.profile.name}: ours with the 95 % bootstrap interval over test images; rings are the paper's numbers.",
        alt="Small multiples of dot plots. Highest of our rows: "
        + ", ".join(f"{c} {name}" for c, name in best.items())
        + ".",
    )


figure_per_column(here)

# %% [markdown]
# ### Gain over scratch, image by image
#
# The intervals above are wide because some images are hard for every row. The difference of two rows on the *same* images is what tells them apart.


# %% tags=["hide-input"]
def show_gains(shown):
    """Paired gain over scratch at equal updates, one row a method."""
    frame = gains.gains("table2", shown.profile, store, "scratch-equal")
    if frame.empty:
        display(Markdown("Nothing to compare yet."))
        return
    labels = {row.key: row.label for row in table_named("table2").rows}
    rows = []
    for key, part in frame.groupby("row", sort=False):
        cells = {"row": labels[key]}
        for line in part.itertuples():
            text = f"{line.ours:+.1f}".replace("-", "−")
            clear = line.low > 0 or line.high < 0
            cells[line.column] = (
                f"{f'<b>{text}</b>' if clear else text}<br><small>{line.low:+.1f} to {line.high:+.1f}</small>".replace(
                    "-", "−"
                )
            )
        rows.append(cells)
    display(
        plots.small_table(
            rows,
            caption="Difference of the mean DSC to scratch at equal updates, in points, paired over the test images, with its 95 % bootstrap interval; "
            f"bold where the interval leaves out 0. {'Phantoms' if shown.phantom else 'Real images'}, profile {shown.profile.name}.",
        )
    )
    mine = frame[frame["row"].isin(["pd", "pd+mix", "rd"])]
    up, down = int((mine["low"] > 0).sum()), int((mine["high"] < 0).sum())
    display(
        Markdown(
            f"Of {len(mine)} cells of Pd, Pd+mix and Rd, {int((mine['ours'] > 0).sum())} are above scratch at equal updates, {up} with an interval above 0; "
            f"{down} are below it with an interval below 0."
        )
    )


show_gains(here)

# %% [markdown]
# ### What each row costs

# %% tags=["hide-input"]
budget_table(here, store)

# %% [markdown]
# ### The encoders behind the rows
#
# LDL's encoders are asked for patches, the others for images: the two tables measure different things, and only within one of them are numbers to be compared.

# %% tags=["hide-input"]
display(encoder_tables.of_patches(here))
display(encoder_tables.of_images(here))

# %% [markdown]
# ## On real images
#
# What follows is not computed by this page. It is read from records that were made on real images and are kept with the project.

# %% tags=["hide-input"]
real = here if not here.phantom else pages.gather("table2", "open", store)
if real.measured:
    display(pages.budget(real))
    pages.show_halves(real)
else:
    display(
        Markdown(
            "There is no record on real images yet. Get the data, then `ldl run table2 --profile open` makes them."
        )
    )

# %% tags=["hide-input"]
if real.measured:
    figure_per_column(real)
    show_gains(real)

# %% [markdown]
# ### What each row cost, and its encoder

# %% tags=["hide-input"]
if real.measured:
    display(budget_table(real, store))
    display(encoder_tables.of_patches(real))
    display(encoder_tables.of_images(real))

# %% [markdown]
# ### Ours against the other methods
#
# ```{admonition} The paper says
# :class: note paper
# The representation "is well generalized by winning 11 tasks out of all 12"; it "outperforms a series of instance discrimination methods (InstDisc, EmbInva, MoCo, MoCoV2, SimCLR, RotOri) and
# finer dense contrastive method (DenseCL)", and the supervised one (section 6.1.3).
# ```

# %% tags=["hide-input"]
if real.measured:
    known = rivals.gather(real.profile.name, store)
    display(statements.statements(known))
    display(rivals.column_table(known))
    display(rivals.pair_table(known))
else:
    display(Markdown("There is nothing to compare yet."))

# %% [markdown]
# ### Is the order of the rows the paper's?
#
# Computed from the numbers above, for the rows that were run and that the paper prints.

# %% tags=["hide-input"]
pages.order_words(real)

# %% [markdown]
# ## The methods, one by one
#
# Ours have chapters of their own: {doc}`method_patch_discrimination`, {doc}`method_mixup`, {doc}`method_region_discrimination`. What follows is read from the other methods' classes and records: what
# they compare, what was changed for small images and batches and why, and how their training ended. Knobs that are not named have the original's value.

# %% tags=["hide-input"]
shown_profiles = tuple(dict.fromkeys((profile, real.profile.name)))

# %% [markdown]
# ### Supervised
#
# Supervised, by the grade of diabetic retinopathy {cite}`eyepacs2015`, as LDL compares it {cite}`chen2021ldl`. The file: {download}`ldl/methods/supervised.py <../../ldl/methods/supervised.py>`.

# %% tags=["hide-input"]
sections.section("supervised", shown_profiles, store)

# %% [markdown]
# ### InstDisc
#
# {cite:t}`wu2018instdisc`. The file: {download}`ldl/methods/instdisc.py <../../ldl/methods/instdisc.py>`.

# %% tags=["hide-input"]
sections.section("instdisc", shown_profiles, store)

# %% [markdown]
# ### EmbInva
#
# {cite:t}`ye2019embinva`. The file: {download}`ldl/methods/embinva.py <../../ldl/methods/embinva.py>`.

# %% tags=["hide-input"]
sections.section("embinva", shown_profiles, store)

# %% [markdown]
# ### MoCo
#
# {cite:t}`he2020moco`. The file: {download}`ldl/methods/moco.py <../../ldl/methods/moco.py>`.

# %% tags=["hide-input"]
sections.section("moco", shown_profiles, store)

# %% [markdown]
# ### MoCoV2
#
# {cite:t}`chen2020mocov2`. The file: {download}`ldl/methods/mocov2.py <../../ldl/methods/mocov2.py>`.

# %% tags=["hide-input"]
sections.section("mocov2", shown_profiles, store)

# %% [markdown]
# ### SimCLR
#
# {cite:t}`chen2020simclr`. The file: {download}`ldl/methods/simclr.py <../../ldl/methods/simclr.py>`.

# %% tags=["hide-input"]
sections.section("simclr", shown_profiles, store)

# %% [markdown]
# ### RotOri
#
# {cite:t}`li2021rotori`. The file: {download}`ldl/methods/rotori.py <../../ldl/methods/rotori.py>`.

# %% tags=["hide-input"]
sections.section("rotori", shown_profiles, store)

# %% [markdown]
# ### DenseCL
#
# {cite:t}`wang2021densecl`. The file: {download}`ldl/methods/densecl.py <../../ldl/methods/densecl.py>`.

# %% tags=["hide-input"]
sections.section("densecl", shown_profiles, store)

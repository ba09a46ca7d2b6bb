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
# # Local discrimination, reproduced
#
# Medical images are plenty, their annotations are not. *Unsupervised Local Discrimination for Medical Images* {cite}`chen2021ldl` proposes to pretrain
# a segmentation network without labels, by telling patches and regions of images apart, and reports that the network then segments vessels, optic discs, lesions, hearts and lungs
# better than one that starts from nothing, and better than other ways to pretrain it.
#
# This book goes from the paper's equations to its tables, with the code that computes them, and says what comes out. This page is made from the records of all runs.

# %% tags=["parameters", "hide-input"]
profile: str = "demo"

# %% tags=["hide-input"]
import pandas as pd
from IPython.display import Markdown, display

from ldl import plots
from ldl.book import toc
from ldl.book.parameters import check
from ldl.engine.profiles import profile_named
from ldl.engine.store import RunStore
from ldl.experiments import (
    cells,
    claims,
    localization_claims,
    localization_page,
    localization_statements,
    pages,
    report,
    rivals,
    statements,
)
from ldl.experiments.cells import MARK, NOT_YET
from ldl.experiments.lrc import claims as lrc_claims
from ldl.experiments.lrc import own
from ldl.experiments.lrc import page as lrc_page
from ldl.experiments.lrc import pairs as pairs_of_lrc
from ldl.experiments.plan import plan
from ldl.experiments.rows import TABLES, table_named
from ldl.tasks import TASKS

check("summary", globals())
store = RunStore()
report.complete("table2", profile, store)
real_profile = profile if profile_named(profile).tasks.source == "open" else "open"
real = {name: pages.gather(name, real_profile, store) for name in TABLES}
here = {name: pages.gather(name, profile, store) for name in TABLES}

# %% [markdown]
# ## In short

# %% tags=["hide-input"]
judged = claims.findings(profile_named(real_profile), store)
found = [finding for _, finding in judged if finding]
words = claims.counted(judged)
known = rivals.gather(real_profile, store)
pairs = claims.counted(known.pairs)
if found:
    text = (
        f"On **real images** (profile `{real_profile}`) {len(found)} of {len(judged)} comparisons could be made: {words['reproduces']} reproduce, {words['undecided']} undecided, "
        f"{words['opposite']} come out the opposite way; {words['not yet']} have no runs yet. Of {len(known.pairs)} pairs of one of ours and one of the methods that the paper compares with, "
        f"{pairs['reproduces']} reproduce, {pairs['undecided']} undecided, {pairs['opposite']} come out the opposite way; {pairs['not yet']} have no runs yet."
    )
else:
    text = f"There are **no records on real images** yet: none of the {len(judged)} comparisons can be judged."
count = len({record["run_id"] for one in here.values() for record in one.records})
kind = "phantoms" if here["table2"].phantom else "real images"
Markdown(f"{text} Under profile `{profile}` ({kind}) the tables rest on {count} runs of transfer.")

# %% [markdown]
# ## What reproduces, and what does not
#
# Each line is a comparison the paper draws a conclusion from, in the mean over a modality's tasks. A comparison *reproduces* if its 95 % interval lies above zero, is *opposite* if it lies below, and *undecided* otherwise. Only runs on real images are judged; they are
# smaller and shorter than the paper's, so that a failure to reproduce may be one of budget.

# %% tags=["hide-input"]
MODALITY = {"fundus": "fundus", "xray": "X-ray"}


def rests_on_short(claim):
    """Whether one of the two rows rests on an encoder that was pretrained too short."""
    frame = real[claim.table].frame
    tasks = [key for key, task in TASKS.items() if task.modality == claim.modality]
    mine = frame["row"].isin([claim.better, claim.worse]) & frame["task"].isin(tasks)
    return any(trained is False for trained in frame.loc[mine, "trained"])


def line(claim, finding):
    """One row of the table of findings."""
    place = f"{claim.table[:5].capitalize()} {claim.table[5:]}"
    cells = {"the paper's comparison": claim.text, "on": MODALITY[claim.modality]}
    if finding is None:
        rest = {"finding": NOT_YET, "ours (points)": "", "the paper": "", "tasks": ""}
        return cells | rest | {"where": place}
    low, high = f"{finding.low:+.1f}", f"{finding.high:+.1f}"
    text = {
        "finding": finding.verdict + (f" {MARK}" if rests_on_short(claim) else ""),
        "ours (points)": f"{finding.gain:+.1f} <small>({low} to {high})</small>",
        "the paper": "" if pd.isna(finding.paper) else f"{finding.paper:+.2f}",
        "tasks": str(finding.tasks),
        "where": place,
    }
    return cells | {key: value.replace("-", "−") for key, value in text.items()}


def forest():
    """Every finding as a dot with its interval, beside the paper's difference."""
    lines = [
        {
            "row": finding.claim.text,
            "column": MODALITY[finding.claim.modality],
            "ours": finding.gain,
            "low": finding.low,
            "high": finding.high,
            "paper": finding.paper,
        }
        for finding in found
    ]
    names = list(dict.fromkeys(line["row"] for line in lines))
    sides = list(dict.fromkeys(line["column"] for line in lines))
    figure = plots.column_dots(
        pd.DataFrame(lines),
        columns=sides,
        rows=names,
        xlabel="points of DSC",
        zero=True,
        width=2.3,
    )
    plots.show(
        figure,
        caption=f"What the paper compares, measured on real images (profile {real_profile}) with 95 % intervals; rings are the paper's differences over the same tasks. "
        "Right of zero: as the paper has it.",
        alt="; ".join(
            f"{f.claim.text} ({MODALITY[f.claim.modality]}): {f.gain:+.1f}, {f.verdict}"
            for f in found
        )
        + ".",
    )


if found:
    forest()

# %% tags=["hide-input"]
records = {record["run_id"]: record for one in real.values() for record in one.records}
plots.small_table(
    [line(claim, finding) for claim, finding in judged],
    caption="Differences of mean DSC in points, paired over test images; the paper's over the same tasks, without spread, because it gives none. "
    f"{MARK} one of the rows rests on an encoder that was pretrained too short. "
    + report.provenance_words(records.values()),
)

# %% [markdown]
# ### Against the other methods
#
# What the paper says of all rows of its Table 2 together; every pair and every column stand in {doc}`table2_comparison`.

# %% tags=["hide-input"]
if real["table2"].measured:
    display(statements.statements(known))
    display(pages.order_words(real["table2"], means_only=True))

# %% [markdown]
# ### One-shot localization
#
# What the paper says of its Table 7, one labelled point found in all other images. The table, what one support image decides, and what the encoders know of the place stand in {doc}`table7_localization`.

# %% tags=["hide-input"]
located = localization_page.gather(real_profile, store)
if located.measured:
    told = (located.profile, located.accuracy, located.sharpness)
    found_there = localization_claims.findings(*told, localization_claims.CLAIMS)
    display(localization_statements.claim_table(located, found_there))
else:
    display(Markdown("There is no record on real images yet."))

# %% [markdown]
# ### Localized Region Contrast
#
# The other paper: a second network, pretrained by contrast between superpixels of one slice, beside ten kinds of pretraining. Every cell stands in {doc}`lrc_table1`.

# %% tags=["hide-input"]
organs = lrc_page.gather("lrc_table1", real_profile, store)
if organs.records:
    table = pairs_of_lrc.table1_frame(organs.profile, store)
    control = own.against_untrained(own.own_frame(organs.profile, store))
    display(Markdown(f"On **real CT**: {lrc_claims.summary(table)} {lrc_claims.lost_words(table)}"))
    display(
        plots.small_table(
            lrc_claims.statements(table, control),
            caption="The paper's sentences about its Table 1, and what comes out on real CT.",
        )
    )
else:
    display(Markdown("There is no record on real CT yet."))

# %% [markdown]
# ## Table 2 at a glance

# %% tags=["hide-input"]
glance = real["table2"] if real["table2"].measured else here["table2"]
rows = []
for row in table_named("table2").rows:
    part = glance.frame[glance.frame["row"] == row.key].set_index("column")
    entry = {"encoder": row.label + (f" {MARK}" if (part["trained"] == False).any() else "")}  # noqa: E712
    for column, title in (("fundus_mean", "fundus"), ("xray_mean", "X-ray")):
        one = part.loc[column]
        entry[f"{title}, ours"] = (
            f"{one['ours']:.1f} <small>({one['low']:.1f}–{one['high']:.1f})</small>"
            if one["measured"]
            else f"<small>{NOT_YET if one['planned'] else cells.EMPTY}</small>"
        )
        entry[f"{title}, the paper"] = one["paper"]
    rows.append(entry)
glance_kind = "phantoms, no evidence about the paper" if glance.phantom else "real images"
plots.small_table(
    rows,
    caption=f"Mean DSC (%) over a modality's tasks, ours with its 95 % bootstrap interval on {glance_kind}, profile {glance.profile.name}; {MARK} pretraining fell short. The full table: <a href='table2_comparison.html'>Table 2</a>.",
)

# %% [markdown]
# ## What was run on what


# %% tags=["hide-input"]
def coverage(shown):
    """How many of a table's numbers are there under a profile."""
    numbers = shown.frame[shown.frame["task"].notna()]
    planned = len(plan(shown.table, shown.profile))
    trained = sum(bool(record["trained"]) for record in shown.encoders)
    return {
        "table": table_named(shown.table).title,
        "profile": shown.profile.name,
        "data": "phantoms" if shown.phantom else "real images",
        "numbers": f"{int(numbers['measured'].sum())} of {planned}",
        "of which stale": int(numbers["stale"].sum()),
        "encoders pretrained far enough": f"{trained} of {len(shown.encoders)}",
        "hours of training": sum(r["wall_seconds"] for r in (*shown.records, *shown.encoders))
        / 3600,
    }


both = [*here.values()] if profile == real_profile else [*here.values(), *real.values()]
plots.small_table(
    [coverage(shown) for shown in both],
    caption="Numbers that are there, of those planned. An encoder is pretrained far enough if it finds its patches again (of the methods that compare images: if its outputs have not collapsed) and its loss has "
    "flattened.",
)

# %% [markdown]
# ## What is missing

# %% tags=["hide-input"]
numbers = real["table2"].frame
numbers = numbers[numbers["task"].notna() & numbers["planned"]]
gaps = [
    f"{part['label'].iloc[0]} ({int(part['measured'].sum())} of {len(part)} tasks)"
    for _, part in numbers.groupby("row", sort=False)
    if not part["measured"].all()
]
tasks_missing = [TASKS[key].column for key in profile_named(real_profile).without]
lacking = [table_named(name).title for name, one in real.items() if not one.measured]
points = []
if gaps:
    points.append(f"Rows of Table 2 that are not whole on real images: {', '.join(gaps)}.")
if tasks_missing:
    points.append(f"Not at hand for the real runs: {', '.join(tasks_missing)}.")
if lacking:
    points.append(f"No number on real images yet: {'; '.join(lacking)}.")
short = {r["run_id"] for one in real.values() for r in one.encoders if not r["trained"]}
if short:
    points.append(
        f"{len(short)} encoders on real images were pretrained too short and are marked in their tables."
    )
names = toc.notebooks()
unwritten = [
    str(n) for n in range(1, 8) if not any(name.startswith(f"table{n}_") for name in names)
]
if unwritten:
    points.append(f"Tables of the LDL paper without a page yet: {', '.join(unwritten)}.")
Markdown(
    "\n".join(f"- {point}" for point in points) or "Nothing that this book sets out to repeat."
)

# %% [markdown]
# ## Read on
#
# - {doc}`../how_to_read`: who speaks where, and what stands in a table cell.
# - From the equation to the function: {doc}`method_patch_discrimination`, {doc}`method_mixup`, {doc}`method_region_discrimination`, {doc}`method_localization`, and {doc}`paper_vs_release`.
# - The methods they are compared with: {doc}`method_family`.
# - From the function to the number: {doc}`pretrain_encoder`, {doc}`transfer_task`.
# - The tables: {doc}`table1_datasets`, {doc}`table2_comparison`, {doc}`table3_ablation`, {doc}`table4_architectures`, {doc}`table7_localization`, {doc}`figure9_similarity`.
# - The other paper: {doc}`method_lrc`, {doc}`lrc_table1`, {doc}`lrc_table2`, {doc}`lrc_table3`, {doc}`lrc_figure2`, {doc}`lrc_figure3`.
# - {doc}`data_phantoms`, {doc}`../data`, {doc}`status`.

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
# Ten kinds of pretraining and none, each fine-tuned for multi-organ segmentation with and without LRC beside it: LRC enhances them "in a consistent way" (section 3.4, Table 1), most where few volumes are
# labelled.
# ```
#
# LRC brings a second network, and a second network helps by itself. So the first question here is one that the paper leaves open: is LRC better than the same second network *untrained*?

# %% tags=["parameters", "hide-input"]
profile: str = "demo"

# %% tags=["hide-input"]
import pandas as pd
from IPython.display import Markdown, display

from ldl import plots, report
from ldl.book.parameters import check
from ldl.engine.store import RunStore
from ldl.report.claims import count_words
from ldl.report.lrc import (
    earlier,
    lrc_budget,
    organs_line,
    over_kept,
    volumes_table,
)
from ldl.tables.compare import difference
from ldl.tables.measure import show

check("lrc_table1", globals())
store = RunStore()
report.complete("lrc_table1", profile, store)
here = show("lrc_table1", profile, store)
real = show("lrc_table1", "open", store)
best = real if real.measured else here
findings = [each for each in report.judged(best) if each.found]
STAGES = {
    "random": "one branch",
    "random+unet": "and a second, untrained",
    "random+lrc": "and a second, by LRC",
    "lrc-only": "LRC's alone",
}
few = [column for column in best.table.columns(best.profile) if column.of.asked == 10]

# %% tags=["hide-input"]
if best.phantom:
    text = "**No answer yet.** There is no record on real CT here; the numbers below are of phantoms and no evidence. Get the data, then `ldl run lrc_table1 --profile open` makes them."
else:
    ours = count_words(
        [
            each
            for each in findings
            if each.claim.better == "random+lrc" and each.claim.worse == "random+unet"
        ]
    )
    theirs = count_words([each for each in findings if not each.claim.ours])
    text = f"**LRC over the same network untrained:** {ours or 'not yet run'}. **LRC beside a pretraining over the pretraining alone,** cell by cell: {theirs or 'not yet run'}."
display(Markdown(text))
earlier(store)

# %% [markdown]
# ## The pretraining, or the second branch?


# %% tags=["hide-input"]
def points(found):
    """A difference with its interval."""
    if found is None or pd.isna(found.value):
        return "–"
    return f"{report.signed(found.value)}<br><small>{report.signed(found.low)} to {report.signed(found.high)}</small>"


def control(shown):
    """One branch, a second untrained, a second by LRC; what the last step adds."""
    extra, rows = organs_line(shown), []
    for column in few:
        cells = {key: shown.cells.get((key, column.key)) for key in STAGES}
        line = {"": f"{column.group.split(',')[0]}, {column.of.labelled} volumes"}
        for key, name in STAGES.items():
            lost = extra(key, column.key)
            number = f"{cells[key].value:.1f}" if cells[key] else report.NOT_YET
            line[name] = number + (f"<br><small>{lost}</small>" if lost else "")
        lrc, untrained = cells["random+lrc"], cells["random+unet"]
        both = lrc and untrained
        line["LRC − untrained"] = (
            points(difference(lrc, untrained, shown.table.gaps)) if both else "–"
        )
        line["over kept organs"] = points(over_kept(lrc, untrained)) if both else "–"
        rows.append(line)
    seeds = sorted({cell.seeds for cell in shown.cells.values()})
    return plots.small_table(
        rows,
        caption=f"Global branch from random weights, {shown.kind}: DSC in per cent, and what LRC's pretraining adds to the same network (95 % interval over test volumes{' and seeds' if max(seeds, default=1) > 1 else ', one seed'}). "
        "<i>Lost</i>: DSC below 1 %; <i>kept</i>: over the organs that neither lost.",
    )


display(control(best))

# %% tags=["hide-input"]
stages = list(STAGES)[:3]
lines = [
    {"panel": column.group.split(",")[0], "case": number, "stage": STAGES[key], "value": value}
    for column in few
    for key in stages
    if all((one, column.key) in best.cells for one in stages)
    for number, value in enumerate(best.cells[key, column.key].parts[0].mean(axis=0))
]
if lines:
    plots.show(
        plots.paired_slopes(
            pd.DataFrame(lines),
            stages=[STAGES[key] for key in stages],
            names=["one", "untrained", "LRC"],
            ylabel="DSC (%)",
        ),
        caption=f"The same, a thin line for each test volume, {best.kind}: one branch, with an untrained second, with LRC's.",
        alt="A panel for each region with a line for each volume. Means: "
        + "; ".join(
            f"{column.group.split(',')[0]} {', '.join(f'{best.number(key, column.key):.1f}' for key in stages)}"
            for column in few
        )
        + ".",
    )

# %% [markdown]
# ## The volumes

# %% tags=["hide-input"]
display(volumes_table(best))
lrc_budget(best)

# %% [markdown]
# None of the paper's labelled sets is public; {doc}`lrc_datasets` describes what stands in. One abdominal pretraining serves all regions, as in the paper.
#
# ## The table

# %% tags=["hide-input"]
for part in report.whole_table(best, organs_line(best)):
    display(part)
IMAGENET = {
    "stand-in": "*ImageNet* is a **stand-in**: a network of this width trained to grade fundus phantoms; torchvision's weights fit the published width only.",
    "absent": "*ImageNet* is left out: torchvision's weights fit the published width only; profile `paper` takes them.",
}
Markdown(IMAGENET.get(best.profile.lrc.imagenet, ""))

# %% [markdown]
# ## What follows

# %% tags=["hide-input"]
if best.phantom:
    display(Markdown("Nothing: these numbers are of phantoms."))
else:
    plots.show(
        report.forest(findings, best),
        caption="The paper's difference as a ring, ours with its 95 % interval; matched cells only.",
        alt=f"A list of comparisons with intervals around zero: {count_words(findings)}.",
    )
    display(report.folded("The same as a table", report.claims_table(findings, best)))

# %% [markdown]
# Both members of a pair start from the same global encoder, see the same volumes in the same order and are scored on the same test volumes, once, at the step that scored best on the validation volumes. An
# organ that a volume lacks counts in neither.

# %% tags=["hide-input"]
hidden = report.encoders_table(best)
if hidden:
    display(report.folded("The pretrainings behind the rows", *hidden))
if here is not best and here.measured:
    display(
        report.folded(
            f"The machinery on {here.kind}, profile {here.profile.name}: no evidence",
            *report.whole_table(here),
        )
    )

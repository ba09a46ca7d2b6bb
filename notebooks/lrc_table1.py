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

# %% tags=["parameters", "remove-input"]
profile: str = "demo"

# %% tags=["remove-input"]
import pandas as pd
from IPython.display import Markdown, display

from ldl import plots, report
from ldl.book.parameters import check
from ldl.engine.store import RunStore
from ldl.report.lrc import (
    earlier,
    lost_organs,
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
    "random+unet": "+ untrained",
    "random+moco2": "+ by MoCo",
    "random+lrc": "+ by LRC",
}
few = [column for column in best.table.columns(best.profile) if column.of.asked == 10]

# %% tags=["remove-input"]
if best.phantom:
    text = "**No answer yet.** No record on real CT was made with a loss that keeps all organs; the numbers below are of phantoms and no evidence, earlier ones stand at the end as history. Get the data, then `ldl run lrc_table1 --profile open` makes them."
else:
    ours = report.count_words(
        [
            each
            for each in findings
            if each.claim.better == "random+lrc" and each.claim.worse == "random+unet"
        ]
    )
    theirs = report.count_words([each for each in findings if not each.claim.ours])
    text = f"**LRC over the same network untrained:** {ours or 'not yet run'}. **LRC beside a pretraining over the pretraining alone,** cell by cell: {theirs or 'not yet run'}."
Markdown(text)

# %% [markdown]
# ## The pretraining, or the second branch?


# %% tags=["remove-input"]
def points(found):
    """A difference with its interval."""
    if found is None or pd.isna(found.value):
        return "–"
    return f"{report.signed(found.value)}<br><small>{report.signed(found.low)} to {report.signed(found.high)}</small>"


def gap(shown, column, worse):
    """LRC minus another second network, and over the organs that both kept where one was lost."""
    cells = [shown.cells.get((key, column.key)) for key in ("random+lrc", worse)]
    if not all(cells):
        return "–"
    lost = any(map(lost_organs, cells))
    kept = (
        f"<br><small>kept by both {report.signed(over_kept(*cells).value)}</small>" if lost else ""
    )
    return points(difference(*cells, shown.table.gaps)) + kept


def control(shown):
    """One branch, and with a second: untrained, by MoCo, by LRC; what LRC adds."""
    extra, rows = organs_line(shown), []
    for column in few:
        cells = {key: shown.cells.get((key, column.key)) for key in STAGES}
        there = [cell for cell in cells.values() if cell]
        made = (
            f", n = {there[0].cases}, seeds: {min(cell.seeds for cell in there)}" if there else ""
        )
        line = {
            "": f"{column.group.split(',')[0]}<br><small>{column.of.labelled} volumes{made}</small>"
        }
        for key, name in STAGES.items():
            lost = extra(key, column.key)
            number = f"{cells[key].value:.1f}" if cells[key] else report.NOT_YET
            line[name] = number + (f"<br><small>{lost}</small>" if lost else "")
        if shown.fair:
            line["LRC − untrained"] = gap(shown, column, "random+unet")
            line["LRC − MoCo"] = gap(shown, column, "random+moco2")
        rows.append(line)
    return plots.small_table(
        rows,
        caption=f"A global branch from random weights, alone and with a second network, {shown.kind}: DSC in per cent, and what LRC's pretraining adds to the same network (95 % interval over test volumes, and "
        "over seeds where there are several). <i>Lost</i>: organs with a DSC below 1 %; <i>kept by both</i>: the difference over the other organs."
        if shown.fair
        else f"A global branch from random weights, alone and with a second network, {shown.kind}: DSC in per cent, no evidence. <i>Lost</i>: organs with a DSC below 1 %.",
    )


display(control(best))

# %% tags=["remove-input"]
stages = ("random", "random+unet", "random+lrc")
lines = []
for column in few if best.fair else ():
    cells = [best.cells.get((key, column.key)) for key in stages]
    for key, cell in zip(stages, cells, strict=True) if all(cells) else ():
        low, high = cell.interval
        lines += [
            {
                "panel": column.group.split(",")[0],
                "case": place,
                "stage": STAGES[key],
                "value": value,
                "low": low,
                "high": high,
            }
            for place, value in enumerate(cell.parts[0].mean(axis=0))
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

# %% tags=["remove-input"]
display(volumes_table(best))
lrc_budget(best)

# %% [markdown]
# None of the paper's labelled sets is public; {doc}`table1_datasets` describes what stands in. One abdominal pretraining serves all regions, as in the paper.
#
# ## The table

# %% tags=["remove-input"]
display(report.group_table(best, None, organs_line(best)))
IMAGENET = {
    "stand-in": "*ImageNet* is a **stand-in**: a network of this width trained to grade fundus phantoms; torchvision's weights fit the published width only.",
    "absent": "*ImageNet* is left out: torchvision's weights fit the published width only; profile `paper` takes them.",
}
if best.profile.lrc.imagenet in IMAGENET:
    display(Markdown(IMAGENET[best.profile.lrc.imagenet]))

# %% [markdown]
# ## What follows

# %% tags=["remove-input"]
if best.phantom:
    display(Markdown("Nothing: these numbers are of phantoms."))
else:
    plots.show(
        report.forest(findings, best),
        caption="The paper's difference as a ring, ours with its 95 % interval; matched cells only.",
        alt=f"A list of comparisons with intervals around zero: {report.count_words(findings)}.",
    )
    display(report.claims_csv(findings, best))

# %% [markdown]
# Both members of a pair start from the same global encoder, see the same volumes in the same order and are scored on the same test volumes, once, at the step that scored best on the validation volumes. An
# organ that a volume lacks counts in neither.

# %% tags=["remove-input"]
if best.fair:
    over_rest = report.group_table(show("lrc_table1", best.profile, store, "kept"), None)
    display(report.folded("The same over the organs that each row kept", over_rest))
display(earlier(store))
display(report.encoders_table(best))
if here.phantom and here is not best and here.measured:
    display(report.machinery(here))

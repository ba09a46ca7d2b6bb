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
import math

import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from ldl import plots, report
from ldl.book.parameters import check
from ldl.engine.store import RunStore
from ldl.plots.theme import fitting, mark, panels
from ldl.report.lrc import (
    answer,
    earlier,
    lost_organs,
    lrc_budget,
    organs_line,
    volumes_table,
)
from ldl.stats import crossed, seeds_by_images
from ldl.tables.lrc import GLOBAL, by_organ, gaps
from ldl.tables.measure import pretraining_record, show

check("lrc_table1", globals())


@fitting
def paired_slopes(frame, stages, names, page=plots.PAGE):
    """From stage to stage, each case a thin line and their mean a thick one, a panel each."""
    titles = list(dict.fromkeys(frame["panel"]))

    def draw(axes, number):
        part = frame[frame["panel"] == titles[number]]
        table = part.pivot_table(index="case", columns="stage", values="value")
        table = table[[stage for stage in stages if stage in table]].dropna()
        places = [stages.index(stage) for stage in table.columns]
        for values in table.to_numpy():
            axes.plot(places, values, color=plots.INK, linewidth=0.8, alpha=0.35)
        axes.plot(places, table.mean(), color=plots.SKY, marker="o", markersize=6, linewidth=2.4)
        if {"low", "high"} <= set(part.columns):
            ends = part.groupby("stage")[["low", "high"]].first()
            for place, stage in zip(places, table.columns, strict=True):
                axes.plot([place] * 2, ends.loc[stage], color=plots.SKY, linewidth=5, alpha=0.4)
        axes.set_xlim(-0.3, len(stages) - 0.7)
        axes.set_xticks(range(len(stages)), names)

    legend = [
        mark("mean, with interval", "o", plots.SKY, 6, linestyle="-", linewidth=2.4),
        mark("a case", "", plots.INK, linestyle="-", linewidth=0.8, alpha=0.5),
    ]
    return panels(
        draw,
        titles,
        width=2.2,
        height=2.3,
        ylabel="DSC (%)",
        legend=legend,
        page=page,
        across=3,
        sharey=True,
    )


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
SAYS = {
    "LRC over an untrained second branch": "LRC helps by what it learned, not by its size (3.7)",
    "an untrained second branch over none": "more parameters help (3.7)",
    "LRC beside Random init": "LRC improves random weights (Table 1)",
    "LRC over a second MoCo": "LRC beats a second MoCo (3.7; here beside random weights)",
    "both branches over LRC's alone": "both branches beat LRC's alone (Figure 2)",
}
told = {
    text: {each.claim.column: each for each in findings if each.claim.text == text} for text in SAYS
}

learned, size, *_ = SAYS


def mean(text):
    """Mean over the regions of a difference, signed."""
    there = [told[text][one.key].found.value for one in few if one.key in told[text]]
    return report.signed(float(np.mean(there)))


if best.phantom:
    text = "**No answer yet.** No record on real CT was made with a loss that keeps all organs; the numbers below are of phantoms and no evidence, earlier ones stand at the end as history. Get the data, then `ldl run lrc_table1 --profile open` makes them."
else:
    theirs = [each for each in findings if each.claim.family == "lrc"]
    above = sum(each.found.value > 0 for each in theirs)
    clear = sum(told[learned][one.key].found.low > 0 for one in few if one.key in told[learned])
    text = (
        f"**With LRC's branch the score is higher in {above} of {len(theirs)} cells. Most of that a second network gives untrained:** {mean(size)} points beside random weights, mean of {len(few)} regions with ten volumes. "
        f"LRC's pretraining adds {mean(learned)}, with an interval above zero in {clear or 'none'} of them."
    )
Markdown(text)


# %% tags=["remove-input"]
def around(apart):
    """Mean of (S, V) differences with its interval, for a cell."""
    low, high = seeds_by_images([apart])
    return f"{report.signed(np.nanmean(apart))}<br><small>{report.signed(low)} to {report.signed(high)}</small>"


def fewer(region="head_neck"):
    """LRC's gain with the smaller budget minus that with the larger: (pretrainings, volumes)."""
    columns = [one for one in best.table.columns(best.profile) if one.of.region == region]
    apart = []
    for method in GLOBAL:
        cells = [
            best.cells.get((key, column.key))
            for column in columns
            for key in (f"{method}+lrc", method)
        ]
        if len(cells) == 4 and all(cells):
            more, less, more_of_many, less_of_many = (cell.only((0,)).records for cell in cells)
            apart.append(gaps(more, less)[0] - gaps(more_of_many, less_of_many)[0])
    return np.stack(apart) if apart else None


def verdict(number, words):
    """A difference and what follows, for a cell."""
    return f"{number}<br><small style='white-space:normal'>{words}</small>"


if best.fair:
    places = {column.key: column.group.split(",")[0] for column in few}
    lines = [
        {"the paper": says}
        | {
            place: verdict(report.interval(told[text][key]), answer(told[text][key]))
            if key in told[text]
            else report.NOT_YET
            for key, place in places.items()
        }
        for text, says in SAYS.items()
    ]
    apart, few_labels = fewer(), dict.fromkeys(places.values(), "<small>no larger set</small>")
    if apart is not None:
        low, high = seeds_by_images([apart])
        follows = "holds" if low > 0 else "the opposite" if high < 0 else "cannot be told"
        enough = crossed(apart).cases_to_tell(1)
        told_by = f": {enough} volumes would tell 1 point" if low <= 0 <= high and enough else ""
        few_labels[places[few[-1].key]] = verdict(
            around(apart), f"{follows}, {len(apart)} pretrainings{told_by}"
        )
        lines.append(
            {
                "the paper": "LRC helps most with few labels (3.4): its gain with 10 volumes minus that with 60"
            }
            | few_labels
        )
    display(
        plots.small_table(
            lines,
            caption="Differences in points of DSC with ten labelled volumes, 95 % interval over test volumes and, where there are several, seeds (last line: pretrainings). <i>Holds</i>: the interval lies above zero. <i>Would tell</i>: enough to tell one point from none four times in five. † A pretraining behind it was still learning.",
            wraps=True,
        )
    )

# %% [markdown]
# ## The pretraining, or the second branch?


# %% tags=["remove-input"]
def control(shown):
    """One branch, and with a second: untrained, by MoCo, by LRC."""
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
        rows.append(line)
    return plots.small_table(
        rows,
        wraps=True,
        caption=f"A global branch from random weights, alone and with a second network, {shown.kind}: DSC in per cent{'' if shown.fair else ', no evidence'}."
        + (
            " <i>Lost</i>: organs with a DSC below 1 %."
            if any("lost" in str(one) for one in rows)
            else ""
        ),
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
        paired_slopes(
            pd.DataFrame(lines),
            [STAGES[key] for key in stages],
            ["one", "untrained", "LRC"],
        ),
        caption=f"The same, a thin line for each test volume, {best.kind}: one branch, with an untrained second, with LRC's.",
        alt="A panel for each region with a line for each volume. Means: "
        + "; ".join(
            f"{column.group.split(',')[0]} {', '.join(f'{best.number(key, column.key):.1f}' for key in stages)}"
            for column in few
        )
        + ".",
    )

# %% tags=["remove-input"]
sides = show("lrc_resolution", "open", store)
checked = {
    (each.claim.text, each.claim.column): each for each in report.judged(sides) if each.found
}


def resolved():
    """One line for each resolution: the three networks, and what each adds."""
    for column in sides.table.columns(sides.profile):
        line = {"slices": f"{column.label.split()[0]}²<br><small>pixels</small>"}
        for row in sides.table.rows(sides.profile):
            cell = sides.cells[row.key, column.key]
            line[STAGES[row.key]] = f"{cell.value:.1f}<br><small>seeds: {cell.seeds}</small>"
        for text, head in ((size, "untrained − one"), (learned, "LRC − untrained")):
            each = checked[text, column.key]
            line[head] = verdict(report.interval(each), answer(each))
        yield line


if len(checked) == len(sides.table.claims):
    gains = {
        column.label: report.signed(checked[learned, column.key].found.value)
        for column in sides.table.columns(sides.profile)
    }
    text = ", ".join(f"{one} points with {side}" for side, one in gains.items())
    display(
        Markdown(
            f"Is it the coarse slices? Over the untrained branch LRC's pretraining gives {text} a side, equally short trainings."
        )
    )
    display(
        plots.small_table(
            list(resolved()),
            caption=f"Do pixels of 6 mm hide what LRC learned? The same at two resolutions: real images, BTCV, ten volumes, {sides.profile.lrc.side_steps} steps of local pretraining and of fine-tuning, DSC in per cent, 95 % interval over six test volumes and, where there are several, seeds.",
            wraps=True,
        )
    )


# %% tags=["remove-input"]
def by_each_organ():
    """DSC of every organ, then HD95 over all of them, by what stands beside random weights."""
    for column in few:
        cells = [best.cells[key, column.key] for key in STAGES if (key, column.key) in best.cells]
        for score, unit in (("dsc", 100), ("hd95", 1)) if len(cells) == len(STAGES) else ():
            found = np.array([[by_organ(one, score) for one in cell.records] for cell in cells])
            # Of each volume the organs that every network was scored on.
            found[:, :, ~np.isfinite(found).all(axis=(0, 1))] = np.nan
            names = cells[0].records[0]["organs"] if score == "dsc" else ["<b>HD95, mm</b>"]
            parts = np.moveaxis(found, 3, 0) if score == "dsc" else [np.nanmean(found, axis=3)]
            for name, values in zip(names, parts, strict=True):
                means = [f"{unit * np.nanmean(one):.1f}" for one in values]
                yield (
                    {"DSC, %": f"{column.group.split(',')[0]}, {name}"}
                    | dict(zip(STAGES.values(), means, strict=True))
                    | {"LRC − untrained": around(unit * (values[3] - values[1]))}
                )


if organs := list(by_each_organ()) if best.fair else []:
    display(
        report.folded(
            "Organ by organ, and the 95 % Hausdorff distance",
            plots.small_table(
                organs,
                caption="Beside random weights, ten volumes, three seeds; last column with its 95 % interval over seeds and volumes. HD95: mean over organs, an organ that was missed counts as the volume's diagonal; less is better.",
            ),
        )
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
    lost = sum(bool(lost_organs(cell)) for cell in best.cells.values())
    if lost:
        over_rest = report.group_table(show("lrc_table1", best.profile, store, "kept"), None)
        display(report.folded("The same over the organs that each row kept", over_rest))
    else:
        display(
            Markdown(
                f"None of the {len(best.cells)} cells lost an organ under any seed, so that no mean hides one."
            )
        )
display(earlier(store))

# %% [markdown]
# ## Did the pretrainings learn?
#
# † marks rows whose pretraining is not far enough, by one rule for all: on held-out slices its own question is answered better than by the random start, and its loss has flattened. Crops and flips, by which the rest of the book asks, make
# one CT slice look like its neighbours.


# %% tags=["remove-input"]
def over_steps(record):
    """Steps and the whole loss at each."""
    terms = {name: one for name, one in record["losses"].items() if name != "step"}
    return record["losses"]["step"], np.sum(list(terms.values()), axis=0)


curves = {}
for record in best.encoders:
    config = record["config"]
    if record["losses"] and config["seed"] == 0:
        title = record.get("title", "LRC") + (", U-Net" if config.get("backbone") == "unet" else "")
        curves[title] = {"": over_steps(record)}
queues = [
    math.log(1 + record["config"]["knobs"]["queue"])
    for record in best.encoders
    if "queue" in record["config"].get("knobs", {})
]
if curves:
    plots.show(
        plots.step_curves(curves, width=1.8, across=4),
        caption=f"The loss of each pretraining over its steps, {best.kind}, seed 0."
        + (f" By chance MoCo and DenseCL have {queues[0]:.2f}." if queues else ""),
        alt="A falling curve a method. "
        + "; ".join(
            f"{name} from {line[''][1][0]:.2f} to {line[''][1][-1]:.2f}"
            for name, line in curves.items()
        )
        + ".",
    )

# %% tags=["remove-input"]
probe, gain = (show("lrc_probe", "open", store, name) for name in ("score", "gain"))
MOCO = {
    "moco": "MoCo",
    "moco/short": "MoCo, shorter",
    "moco/random": "shorter, from a random queue",
}
moco = {
    name: (pretraining_record(run.encoder, store), gain.cells[key, column])
    for (key, column), (run, *_) in probe.runs.items()
    if (name := MOCO.get(key)) and (key, column) in gain.cells
}
if len(moco) == len(MOCO):
    lines = {name: over_steps(record) for name, (record, _) in moco.items()}
    steps, losses = lines[MOCO["moco/random"]]
    top = int(np.argmax(losses))
    last = max(record["config"]["steps"] for record, _ in moco.values())
    plots.show(
        plots.step_curves({"MoCo v1": lines | {"by chance": ([1, last], queues[:1] * 2)}}, width=6),
        caption=f"Is it a healthy MoCo? From a queue of random vectors its loss rises from {losses[0]:.2f} to {losses[top]:.2f} by step {steps[top]} as keys fill the queue, and ends at {losses[-1]:.2f}, where chance is {queues[0]:.2f}. The tables' begins with keys in its queue. Real CT, seed 0.",
        alt="; ".join(
            f"{name}: from {losses[0]:.2f} over at most {max(losses):.2f} to {losses[-1]:.2f}"
            for name, (_, losses) in lines.items()
        )
        + ".",
    )
    display(
        plots.small_table(
            [
                {
                    "": f"{name}<br><small>{record['config']['steps']:,} steps</small>",
                    "own loss": f"{record['own'][0]:.2f} → {record['own'][1]:.2f}",
                    "late fall (%)": f"{100 * record['late_gain']:.1f}",
                    "far enough": "yes" if record["trained"] else "no †",
                    "organs named": f"{report.signed(cell.value)}<br><small>{' to '.join(map(report.signed, cell.interval))}</small>",
                }
                for name, (record, cell) in moco.items()
            ],
            caption="What longer training gives MoCo v1, on held-out slices. Own loss: the frozen network at random → trained, each with its head trained anew. Organs named: points that a linear read-out gains over the random start, 95 % interval over 8 volumes.",
        )
    )
display(report.encoders_table(best))
if here.phantom and here is not best and here.measured:
    display(report.machinery(here))

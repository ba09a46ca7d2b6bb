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
# # Reproduce it
#
# This book is a program: its numbers were computed by the code of its pages, or are copied from a paper and say so.
#
# ```sh
# # everything on phantoms, without a download: about half an hour
# make book
# # one page, with other parameters
# ldl book run pretrain_encoder -p seed 1
# # the trainings behind a table, on real images; then: make book PROFILE=open
# ldl run table2 --profile open
# # jobs, updates, hours and memory at the published size
# ldl run all --profile paper --dry-run
# ```
#
# ## How to read it
#
# Who speaks is marked:
#
# ```{admonition} The paper says
# :class: note paper
# What is printed, with its equation, table or section.
# ```
#
# ```{admonition} We do
# :class: tip ours
# A choice that the paper leaves open.
# ```
#
# ```{admonition} We deviate
# :class: warning deviation
# Where this project departs from what is printed, and why; {doc}`paper_vs_release` has all such places.
# ```
#
# Code on a page is the package's own, read from its files without docstrings and checks of arguments.
#
# In a cell stand our number (**bold**: our best in that column), its 95 % interval, and in italics the paper's number; *n* is the number of test images, volumes or queries. Scores are
# Dice coefficients {cite}`dice1945measures` in per cent, image by image, then averaged. Intervals draw seeds *and* test cases anew, crossed {cite}`efron1993bootstrap`; with one seed they tell of other
# images alone. A dagger † marks an encoder that was not trained far enough here: it finds less than ten points more of held-out patches or images than its random start, or its loss was still
# falling. A double dagger ‡ marks a record of an older version.
#
# A comparison is judged by a rule stated before the runs (`results/STATEMENT.md`). *Reproduced* or *opposite* need more than one seed, an interval clear of zero and a difference of interest, and, of Rd over the other methods, one family, a p below 0.05 after Holm's correction; our own questions
# are *higher* or *lower*. Otherwise it is of *no difference of interest* or *undecided*; *(one seed)* means clear of zero for other images, but of one training. A row that was *not trained here* or
# *collapsed* decides nothing.
#
# **Phantoms are not evidence.** The default profile trains and tests on images drawn by code ({doc}`data_phantoms`). Such numbers show that every step runs; they stand folded at the end of a page where there are real ones.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"

# %% tags=["remove-input"]
import json
import platform
from collections import Counter
from importlib.metadata import version

import pandas as pd
import torch
from IPython.display import HTML, display
from matplotlib import pyplot as plt

from ldl import paths, plots, report
from ldl.book.build import Ledger
from ldl.book.parameters import check
from ldl.engine.execute import commit
from ldl.engine.profiles import PROFILES, profile_named
from ldl.engine.runner import expected_seconds
from ldl.engine.store import RunStore
from ldl.report import PAGES
from ldl.tables import TABLES, runs_of

check("reproduce", globals())
store = RunStore()

# %% [markdown]
# ## Profiles
#
# A profile is a budget, not another code path.

# %% tags=["remove-input"]
plots.small_table(
    [
        {
            "profile": f"{one.name}<br><small>{'phantoms' if one.tasks.source == 'phantom' else 'real images'}</small>",
            "pretraining": f"{one.steps1:,} + {one.steps2:,} steps of {2 * one.groups} images, {one.crop} of {one.pretraining.size} px",
            "epochs frozen + all": f"fundus {one.fundus.frozen_epochs} + {one.fundus.full_epochs}, chest {one.xray.frozen_epochs} + {one.xray.full_epochs}; {one.tasks.size} px",
            "channels": one.base,
            "seeds": ", ".join(map(str, one.own_seeds or one.seeds)),
        }
        for one in PROFILES.values()
    ],
    wraps=True,
    caption="Budgets of LDL's pretrainings and transfers; channels of the network's first stage.",
)

# %% [markdown]
# ## Runs
#
# A run is one frozen configuration with an id. Its record holds a score for every test case, losses, time, device, versions, commit, a hash of the data and the seed; tables are computed from records alone.


# %% tags=["remove-input"]
def row(run):
    """One run as a row; None where it has no record."""
    record = store.record(run)
    if record is None:
        return None
    made, scores = record["provenance"], record.get("dsc")
    return {
        "run": record["run_id"],
        "state": store.status(run),
        "seconds": record["wall_seconds"],
        "updates": record.get("updates") or record["config"].get("steps"),
        "mean_dsc": round(sum(scores) / len(scores), 4) if scores else None,
        "retrieval": record.get("retrieval"),
        "data": record["data"].get("name"),
        "seed": record["config"].get("seed"),
        "device": made["device"],
        "commit": made["commit"] + ("+" if made["modified"] else ""),
        "made": made["date"],
    }


def states(name, budget):
    """How many runs of a table are fresh, stale and missing, and the time those would take."""
    if not TABLES[name].cells(profile_named(budget)):
        return "–"
    planned = runs_of(name, profile_named(budget))
    found = {id: store.status(run) for id, run in planned.items()}
    counts = Counter(found.values())
    told = " / ".join(str(counts[one]) for one in ("fresh", "stale", "missing"))
    there = [run for id, run in planned.items() if found[id] != "missing"]
    took = sum(store.record(run)["wall_seconds"] for run in there)
    missing = sum(expected_seconds(run) for id, run in planned.items() if found[id] == "missing")
    if not (took and missing):
        return told
    hours = missing * took / sum(map(expected_seconds, there)) / 3600
    return f"{told}, {hours:.1f} h" if hours > 1 else f"{told}, {60 * hours:.0f} min"


shown = tuple(dict.fromkeys((profile, "open")))
plots.small_table(
    [
        {"table": f"<a href='{PAGES[name][1]}.html'>{PAGES[name][0]}</a>"}
        | {one: states(name, one) for one in shown}
        for name in TABLES
    ],
    caption="Runs made by this version / by an older one / not made, with the time that those would take at the rate of the others; a dash where a profile has no such table. Runs that tables share are counted in each.",
)

# %% tags=["remove-input"]
for name in shown:
    planned = runs_of("all", profile_named(name))
    there = pd.DataFrame(filter(None, map(row, planned.values())))
    if len(there):
        display(
            plots.download(
                there,
                f"runs-{name}",
                f"{len(there)} of {len(planned)} runs of profile {name}, {there['seconds'].sum() / 3600:.1f} hours of training; a plus sign: the package differed from that commit.",
            )
        )

# %% [markdown]
# ## On many devices
#
# One run takes one device; of those whose needed runs have ended, a free device takes the run that most others wait for.

# %% tags=["remove-input"]
plan = json.loads((paths.results_dir() / "many_devices.json").read_text())
devices = sorted(map(int, plan["hours"]))
hours = [plan["hours"][str(n)] for n in devices]
faster = [hours[0] / each for each in hours]
with plots.theme():
    figure, axes = plt.subplots(figsize=(plots.PHONE, 2.8))
    axes.plot(devices, devices, "--", color="0.6", label="an even share")
    axes.plot(devices, faster, "o-", label="planned")
    axes.set(xscale="log", yscale="log", xlabel="devices", ylabel="times faster than one")
    axes.set_xticks(devices, [str(n) for n in devices])
    axes.set_yticks(devices, [str(n) for n in devices])
    axes.minorticks_off()
    axes.legend()
plots.show(
    figure,
    caption=f"All {plan['runs']:,} runs of profile paper on many devices. In all they are {plan['flop'] / 1e18:,.0f} EFLOP, {hours[0] / 8766:,.1f} years of one device at the {plan['rate'] / 1e12:.3f} TFLOP/s measured on it ({plan['provenance']['device']}, of processor time, {plan['provenance']['date'][:10]}); a faster device divides the years and leaves the curve. The longest chain of runs that wait for each other takes {plan['chain'] / hours[0]:.1%} of them. Reading data, validation and tests are left out.",
    alt=f"A curve below the diagonal: {devices[-1]} devices are {faster[-1]:.0f} times faster than one.",
)

# %% [markdown]
# ## This build

# %% tags=["remove-input"]
NAMES = (
    "ldl",
    "torch",
    "numpy",
    "kornia",
    "lightly",
    "timm",
    "lightning-fabric",
    "scikit-image",
    "papermill",
    "jupyter-book",
)
device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
entries = Ledger(paths.executed_dir()).entries
pages = plots.small_table(
    [
        {"page": name, "seconds": f"{entry.seconds:.0f}", "executed": entry.finished[:19]}
        for name, entry in sorted(entries.items())
    ]
    or [{"page": "none yet", "seconds": "", "executed": ""}],
    caption="Time to execute each page, with the runs it had to make.",
)
display(
    HTML(
        f"<p>Commit {commit()}, Python {platform.python_version()}, {', '.join(f'{name} {version(name)}' for name in NAMES)}; {device}. Each record names its own.</p>"
    )
)
report.folded("Time of each page", pages)

# %% [markdown]
# ## How fast
#
# Lines of one machine compare; `benchmarks/README.md` has more of them.
#
# ```{include} ../../benchmarks/README.md
# :start-after: "## Measured"
# :end-before: "## The demo"
# ```
#
# ````{admonition} The demo and the suite: what they take and what made them shorter
# :class: dropdown
# ```{include} ../../benchmarks/README.md
# :start-after: "## The demo"
# :end-before: "## Against the bound"
# ```
# ````
#
# The book rests on {cite:t}`paszke2019pytorch`, {cite:t}`falcon2019lightning`, {cite:t}`harris2020numpy`, {cite:t}`virtanen2020scipy`, {cite:t}`vanderwalt2014skimage`,
# {cite:t}`mckinney2010pandas`, {cite:t}`hunter2007matplotlib`, {cite:t}`molder2021snakemake`, {cite:t}`papermill` and {cite:t}`jupyterbook`; its manner is that of
# {cite:t}`rush2018annotated`. Colours are those of {cite:t}`okabe2008cud`.

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
# # Status
#
# What has been run, with what, and how long it took. Made from the records when the book was built.

# %% tags=["parameters"]
profile: str = "demo"

# %% tags=["hide-input"]
import platform
from collections import Counter
from importlib.metadata import version

import torch
from IPython.display import HTML, display

from ldl import paths, plots
from ldl.book.ledger import Ledger
from ldl.book.parameters import check
from ldl.engine import provenance
from ldl.engine.jobs import ordered
from ldl.engine.profiles import PROFILES, profile_named
from ldl.engine.store import RunStore
from ldl.experiments import run_words
from ldl.experiments.plan import plan, table_names

check("status", globals())
store = RunStore()

# %% [markdown]
# ## Profiles

# %% tags=["hide-input"]
plots.small_table(
    [
        {
            "profile": one.name,
            "data": "phantoms" if one.tasks.source == "phantom" else "real images",
            "pretraining": f"{one.steps1:,} + {one.steps2:,} steps of {2 * one.groups} images, {one.crop} of {one.pretraining.size} px",
            "other methods": f"{max(1, one.images_seen // one.batch):,} steps of {one.batch} images",
            "transfer, fundus": f"{one.fundus.frozen_epochs} + {one.fundus.full_epochs} epochs, {one.tasks.size} px",
            "transfer, X-ray": f"{one.xray.frozen_epochs} + {one.xray.full_epochs} epochs",
            "labels, X-ray (%)": ", ".join(
                f"{100 * share:g}" for share in one.xray.label_fractions
            ),
            "first stage": f"{one.base} channels",
            "seeds": ", ".join(map(str, one.seeds)),
            "left out": ", ".join(one.without),
        }
        for one in PROFILES.values()
    ],
    caption="Budgets of the profiles: steps without and with regions, and of the methods that are compared with; epochs with a frozen encoder and of everything.",
)

# %% [markdown]
# ## Runs of every table

# %% tags=["hide-input"]
counts = []
for name in table_names():
    for budget in PROFILES.values():
        runs = ordered(plan(name, budget))
        states = Counter(store.status(run) for run in runs.values())
        counts.append(
            {
                "table": run_words.title_of(name),
                "profile": budget.name,
                **{state: states[state] for state in ("fresh", "stale", "missing")},
            }
        )
plots.small_table(
    counts,
    caption="Runs by state: made by the present code, by older code, not made. Runs that tables share are counted in each.",
)

# %% [markdown]
# ## Every run of this profile


# %% tags=["hide-input"]
def row(run):
    """One run as a row; empty cells where it has no record."""
    record, state = store.record(run), store.status(run)
    if record is None:
        return {
            "run": run.run_id(),
            "state": state,
            "seconds": "",
            "updates": "",
            "result": "",
            "device": "",
            "commit": "",
            "made": "",
        }
    made = record["provenance"]
    return {
        "run": record["run_id"],
        "state": state,
        "seconds": f"{record['wall_seconds']:.1f}",
        "updates": run_words.updates_of(record),
        "result": run_words.result_of(record),
        "device": made["device"],
        "commit": made["commit"] + ("+" if made["modified"] else ""),
        "made": made["date"][:16].replace("T", " "),
    }


def listing(name, title):
    """All runs of a profile, folded."""
    runs = {
        id: run
        for table in table_names()
        for id, run in ordered(plan(table, profile_named(name))).items()
    }
    there = [run for run in runs.values() if store.record(run)]
    if not there:
        return
    table = plots.small_table(
        [row(run) for run in there],
        caption="Wall time without waiting for data; result: mean DSC (%), or share of held-out patches, images or landmarks found (%); updates: empty where nothing is trained. A plus sign: the package differed from that commit.",
    )
    total = sum(store.record(run)["wall_seconds"] for run in there)
    display(
        HTML(
            f"<details><summary>{title}: {len(there)} of {len(runs)} runs, {total / 60:.1f} minutes of training</summary>{table.data}</details>"
        )
    )


listing(profile, f"Profile {profile}")
if profile_named(profile).tasks.source == "phantom":
    listing("open", "Profile open, real images")

# %% [markdown]
# ## Pages

# %% tags=["hide-input"]
entries = Ledger(paths.executed_dir()).entries
pages = [
    {"page": name, "seconds": f"{entry.seconds:.1f}", "executed": entry.finished}
    for name, entry in sorted(entries.items())
]
plots.small_table(
    pages or [{"page": "none yet", "seconds": "", "executed": ""}],
    caption="Time to execute each page, with the runs it had to make. The front page and this one are executed last.",
)

# %% [markdown]
# ## Software

# %% tags=["hide-input"]
NAMES = (
    "ldl",
    "torch",
    "numpy",
    "kornia",
    "lightly",
    "timm",
    "lightning-fabric",
    "scikit-image",
    "pandas",
    "matplotlib",
    "papermill",
    "jupyter-book",
)
device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
rows = [
    {"what": "Python", "version": platform.python_version()},
    *[{"what": name, "version": version(name)} for name in NAMES],
]
rows += [
    {"what": "device of this build", "version": device},
    {"what": "commit", "version": provenance.commit()},
]
plots.small_table(
    rows,
    caption="What this book was built with. Each record names the versions it was made with itself.",
)

# %% [markdown]
# The book rests on {cite:t}`paszke2019pytorch`, {cite:t}`falcon2019lightning`, {cite:t}`harris2020numpy`, {cite:t}`virtanen2020scipy`, {cite:t}`vanderwalt2014skimage`,
# {cite:t}`mckinney2010pandas`, {cite:t}`hunter2007matplotlib`, {cite:t}`uieda2020pooch`, {cite:t}`molder2021snakemake`, {cite:t}`papermill` and {cite:t}`jupyterbook`; its manner is that of
# {cite:t}`rush2018annotated`. Colours are those of {cite:t}`okabe2008cud`.

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

# %% tags=["remove-input"]
import base64
import platform
from collections import Counter
from importlib.metadata import version

import pandas as pd
import torch
from IPython.display import HTML, display

from ldl import paths, plots
from ldl.book.ledger import Ledger
from ldl.book.parameters import check
from ldl.engine import provenance
from ldl.engine.profiles import PROFILES, profile_named
from ldl.engine.store import RunStore
from ldl.tables import TABLES
from ldl.tables.plan import runs_of

check("status", globals())
store = RunStore()

# %% [markdown]
# ## Profiles

# %% tags=["remove-input"]
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

# %% tags=["remove-input"]
counts = []
for name, table in TABLES.items():
    for budget in PROFILES.values():
        states = Counter(store.status(run) for run in runs_of(name, budget).values())
        counts.append(
            {
                "table": f"{name}: {table.title}",
                "profile": budget.name,
                **{state: states[state] for state in ("fresh", "stale", "missing")},
            }
        )
plots.small_table(
    counts,
    caption="Runs by state: made by this version, by an older one, not made. Runs that tables share are counted in each.",
)

# %% [markdown]
# ## Every run, as a file


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


for name in dict.fromkeys((profile, "open")):
    planned = runs_of("all", profile_named(name))
    there = pd.DataFrame(filter(None, map(row, planned.values())))
    if len(there):
        data = base64.b64encode(there.to_csv(index=False).encode()).decode()
        display(
            HTML(
                f'<p><a download="runs-{name}.csv" href="data:text/csv;base64,{data}">runs-{name}.csv</a>: {len(there)} of {len(planned)} runs of profile '
                f"{name}, {there['seconds'].sum() / 3600:.1f} hours of training; a plus sign: the package differed from that commit.</p>"
            )
        )

# %% [markdown]
# ## Pages

# %% tags=["remove-input"]
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

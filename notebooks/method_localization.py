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
# # One-shot localization
#
# If similar patches have similar embeddings, one labelled point is enough to find its like in every other image: embed the window about the point, embed all windows of the query, take the most similar. LDL {cite}`chen2021ldl` adds two
# ideas to Pd+mix so that a window's vector says something about its *centre*: windows of random size (`ms`) and centre-sensitive weights (`cs`). The numbers are on {doc}`table7_localization`; {doc}`demo_localization` is there to be touched.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"
seed: int = 0

# %% tags=["remove-input"]
import math

import torch
import torch.nn.functional as F

from ldl import plots
from ldl.book.parameters import check
from ldl.localize import accuracy, filtered, localize, read_map
from ldl.losses.vectors import centre_kernel, symmetric_kernel, window_vectors
from ldl.rng import generator, seed_everything
from ldl.runs.localize import SIGMA
from ldl.sphere import unit

check("method_localization", globals())
seed_everything(seed)


def toy_embedder(images):
    """Waves over a pixel's colour and its neighbours' mean: it shifts exactly with its image."""
    layers = torch.cat([images, F.avg_pool2d(images, 5, 1, 2), F.avg_pool2d(images, 9, 1, 4)], 1)
    turns = 60 * torch.randn(16, layers.shape[1], generator=generator(0, "toy"))
    phase = torch.einsum("fc,bchw->bfhw", turns, layers)
    return unit(torch.cat([phase.cos(), phase.sin()], dim=1), dim=1)


def draw_scene(seed, side=96):
    """A smooth random scene (3, side, side) in 0..1."""
    noise = torch.randn(1, 3, side, side, generator=generator(seed, "scene"))
    values = F.avg_pool2d(noise, 5, 1, 2) + F.avg_pool2d(noise.flip(1), 11, 1, 5)
    return ((values - values.amin()) / (values.amax() - values.amin()))[0]


# %% [markdown]
# ## Windows of random size, weighed to the centre: Eq. 24 and 25
#
# ```{admonition} The paper says
# :class: note paper
# In place of fixed cells, "average pooling … with a random pooling size ranging from 28 to 112" of 448 pixels (section 6.3.1), and a Gaussian-like kernel with $\sigma = 0.5$:
# $W_c(h, w) = e^{-(\mathrm{dis}_h^2 + \mathrm{dis}_w^2)/2\sigma^2}$, $\mathrm{dis}_h = h/h_{cen} - 1$, $h_{cen} = H/2H_p$. The vector $\dot s_n(i)$ of a window is its pixels' sum under these weights, back on the sphere.
# ```
#
# The range scales with the crop here, and at most `patch_grid` squared windows an image are compared, drawn anew in each step: the similarity matrix grows with the square of their number.

# %% tags=["remove-input"]
plots.source(centre_kernel, window_vectors)

# %% [markdown]
# ```{admonition} By hand
# :class: hint by-hand
# A window of 4 pixels: $h_{cen} = 2$, so $\mathrm{dis}_h = -1, -\tfrac12, 0, \tfrac12$ and the weights are $e^{-2}, e^{-1/2}, 1, e^{-1/2}$. The largest stands at $h = 2$, half a pixel off the middle.
# ```

# %%
by_hand = torch.tensor([math.exp(-2), math.exp(-0.5), 1.0, math.exp(-0.5)], dtype=torch.float64)
assert torch.allclose(centre_kernel(4), by_hand)
maps = torch.tensor([[[[0.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [1.0, 0.0]]]])  # one window, 2 × 2
total = torch.tensor([1.0, 2 * math.exp(-2) + math.exp(-4)])
assert torch.allclose(window_vectors(maps, 2, sigma=SIGMA)[0, 0], total / total.norm(), atol=1e-6)

# %% [markdown]
# ```{admonition} We deviate
# :class: warning deviation
# In the test every pixel is the centre of a window, and a lopsided kernel would move the whole map. There we take the mean of the kernel and its mirror image; for the training Eq. 24 stays as printed.
# ```
#
# ## The test: Eq. 26, 35 and 36
#
# Every pixel gets the vector of the window about it, $\dot v_n = \mathrm{conv}(v_n, W_c)$. The kernel is a product of rows and columns: two passes of $n$ taps in place of one of $n^2$, and at the border its weights are divided by their sum.

# %% tags=["remove-input"]
plots.source(symmetric_kernel, filtered)

# %% [markdown]
# The most similar pixel is $\arg\max_{h, w} \dot s_t^{\top} \dot v_n(h, w)$ (Eq. 35); the answer is the centroid $(h_d, w_d)$ of the region about it in which the similarity is at least 95 % of the maximum. It is right if its distance to the truth (Eq. 36) is below
# a share of the window.

# %% tags=["remove-input"]
plots.source(read_map)

# %% [markdown]
# ```{admonition} By hand
# :class: hint by-hand
# A map that is 0 but for 0.96, 1.00, 0.96 in a row: all three are above 0.95, and the centroid is the middle. With 0.94 at the right, the centroid moves half a pixel to the left, though the peak stays.
# ```

# %%
hill = torch.zeros(9, 9).numpy()
hill[4, 3:6] = 0.96, 1.0, 0.96
assert read_map(hill, (4, 4)).point == (4.0, 4.0)
hill[4, 5] = 0.94
assert (read_map(hill, (4, 4)).peak, read_map(hill, (4, 4)).point) == ((4, 4), (4.0, 3.5))
assert accuracy([1.0, 4.0, 9.0, 20.0], 64) == (
    0.25,
    0.5,
    0.75,
    0.75,
    0.75,
)  # below 3.2, 6.4, 9.6, 12.8, 16

# %% [markdown]
# ```{admonition} We do
# :class: tip ours
# The paper answers whatever the map looks like, and so does Table 7. To a user the answer is a point only where a place stands out: it is *ambiguous* where a second place is nearly as similar, *flat* where none stands out, with the numbers in the reason.
# ```
#
# ## All together
#
# With a toy embedder that shifts exactly with its image the answer is known: a point is found where the image was moved to, a blank query is called flat.

# %% tags=["remove-input"]
plots.source(localize)

# %%
scene = draw_scene(seed, side=96)
moved = scene.roll((7, -12), dims=(1, 2))
found = localize(toy_embedder, scene, (40.0, 50.0), moved, window=12)
assert found.peak == (47, 38)
blank = localize(toy_embedder, scene, (40.0, 50.0), torch.full_like(scene, 0.4), window=12)
assert blank.point is None
found.status, blank.status

# %% [markdown]
# A trained network gives no such promise: its deepest features have a stride of 16 pixels, its borders are padded, and it may have learnt the *place* itself. How much of its vectors that is, {doc}`table7_localization` measures. On the command line the same is
# `ldl localize --encoder encoder.safetensors --support A.png --point X,Y B.png C.png`.

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
# If similar patches have similar embeddings, one labelled point is enough to find its like in every other image: embed the window about the point, embed all windows of the query, take the most similar. LDL
# {cite}`chen2021ldl` adds two ideas to patch discrimination and hypersphere mixup, so that the embedding of a window says something about its *centre*: windows of random size (`ms`) and
# centre-sensitive weights (`cs`).
#
# This chapter goes from Eq. 24 to Eq. 26 and from Eq. 35 to Eq. 36. Table 7 follows in {doc}`table7_localization`, Figure 9 in {doc}`figure9_similarity`.

# %% tags=["parameters"]
profile: str = "demo"
seed: int = 0

# %% tags=["remove-input"]
import math
import time

import torch
from IPython.display import Markdown, display

from ldl import plots
from ldl.book.parameters import check
from ldl.engine.profiles import profile_named
from ldl.localize import (
    EmbeddingMatcher,
    TemplateMatcher,
    accuracy,
    filtered,
    localize,
    network_embedder,
    read_map,
)
from ldl.localize.toy import draw_scene, toy_embedder
from ldl.losses.window import centre_kernel, draw_window, symmetric_kernel, window_vectors
from ldl.methods.windows import drawn_windows
from ldl.report import asked_oddly, moved
from ldl.report import networks as encoders
from ldl.report.examples import phantom_images
from ldl.rng import generator, seed_everything
from ldl.runs.localize import SIGMA, window_at
from ldl.tables.localization import TABLE7

check("method_localization", globals())
seed_everything(seed)

# %% [markdown]
# ## Windows of random size
#
# A disc is smaller than a heart. In place of a fixed grid of cells, each step of the training draws one side for its windows:

# %%
plots.source(draw_window, drawn_windows)

# %% [markdown]
# ```{admonition} The paper says
# :class: note paper
# "We use the average pooling layer with a random pooling size ranging from 28 to 112" (section 6.3.1), of crops of 448 pixels.
# ```
#
# ```{admonition} We do
# :class: tip ours
# The range scales with the crop. The similarity matrix grows with the square of the number of windows, 256 an image at the smallest size; the paper names no limit. Ours is `patch_grid` squared windows an image, drawn
# anew in each step and the same in both views; the profile `paper` keeps them all.
# ```
#
# ## Weights for the centre: Eq. 24
#
# $$
# W_c(h, w) = e^{-\frac{\mathrm{dis}_h^2 + \mathrm{dis}_w^2}{2 \sigma^2}}, \qquad
# \mathrm{dis}_h = \frac{h}{h_{cen}} - 1, \quad \mathrm{dis}_w = \frac{w}{w_{cen}} - 1, \qquad h_{cen} = \frac{H}{2 H_p},\ \sigma = \tfrac12
# \tag{LDL 24}
# $$
#
# The exponent is a sum, so the kernel is a product of a factor of rows and one of columns, and it is enough to write one of them:

# %%
plots.source(centre_kernel)

# %% [markdown]
# ```{admonition} By hand
# :class: hint by-hand
# A window of 4 pixels: $h_{cen} = 2$, so $\mathrm{dis}_h = -1, -\tfrac12, 0, \tfrac12$, and with $\sigma = \tfrac12$ the weights are $e^{-2}, e^{-1/2}, 1, e^{-1/2}$. The printed kernel is lopsided by half a pixel: its largest
# weight is at $h = 2$, while the middle of the window lies between 1 and 2.
# ```

# %%
kernel = centre_kernel(4)
by_hand = [math.exp(-2), math.exp(-0.5), 1.0, math.exp(-0.5)]
assert torch.allclose(kernel, torch.tensor(by_hand, dtype=torch.float64))
kernel

# %% [markdown]
# ```{admonition} We deviate
# :class: warning deviation
# In the test every pixel is the centre of a window. A lopsided kernel would move the whole map by half a pixel and would not turn with the image. There we take the mean of the kernel and its mirror image; for the training Eq. 24 stays as printed.
# ```

# %%
plots.source(symmetric_kernel)

# %%
even = symmetric_kernel(4)
assert torch.equal(even, even.flip(0))
assert math.isclose(even.sum().item(), 1.0)
even

# %% [markdown]
# ## The training: Eq. 25
#
# $$
# \dot s_n(i) = \frac{\sum_{h, w} v_n(h, w)\, W_c(h - h_b,\, w - w_b)}{\left\lVert \sum_{h, w} v_n(h, w)\, W_c(h - h_b,\, w - w_b) \right\rVert_2}
# \tag{LDL 25}
# $$

# %%
plots.source(window_vectors)

# %% [markdown]
# ```{admonition} By hand
# :class: hint by-hand
# One window of 2 × 2 pixels. $h_{cen} = 1$, so the weights of rows and columns are $e^{-2}, 1$. Let the pixel at the lower right be $(1, 0)$ and the three others $(0, 1)$. Then the sum is
# $(1,\ 2 e^{-2} + e^{-4})$ up to its length: the vector leans to the one pixel that counts as the centre. Evenly weighted it is $(1, 3) / \sqrt{10}$.
# ```

# %%
maps = torch.tensor([[[[0.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [1.0, 0.0]]]])
weighted = window_vectors(maps, 2, sigma=SIGMA)[0, 0]
total = torch.tensor([1.0, 2 * math.exp(-2) + math.exp(-4)])
assert torch.allclose(weighted, total / total.norm(), atol=1e-6)
assert torch.allclose(
    window_vectors(maps, 2)[0, 0], torch.tensor([1.0, 3.0]) / math.sqrt(10), atol=1e-6
)
weighted

# %% [markdown]
# ## The test: Eq. 26
#
# $$
# \dot v_n = \mathrm{conv}(v_n, W_c)
# \tag{LDL 26}
# $$
#
# Every pixel gets the vector of the window about it, all at once. The kernel is separable: two passes of $n$ taps in place of one of $n^2$.

# %%
plots.source(filtered)

# %% [markdown]
# A plain loop over pixels and windows gives the same numbers, the border included, where the kernel is cut and its weights are divided by their sum:

# %%
small = torch.nn.functional.normalize(
    torch.randn(3, 9, 11, generator=generator(seed, "small"), dtype=torch.float64), dim=0
)
taps = symmetric_kernel(5)
reach = len(taps) // 2
looped = torch.zeros_like(small)
for h in range(9):
    for w in range(11):
        for down in range(-reach, reach + 1):
            for along in range(-reach, reach + 1):
                if 0 <= h + down < 9 and 0 <= w + along < 11:
                    weight = taps[down + reach] * taps[along + reach]
                    looped[:, h, w] += weight * small[:, h + down, w + along]
looped = torch.nn.functional.normalize(looped, dim=0)
assert torch.allclose(filtered(small, (5, 5)), looped, atol=1e-12)
flat = torch.ones(2, 9, 11) / math.sqrt(2)
assert torch.allclose(filtered(flat, (5, 5)), flat), "a constant map stays constant at the border"

# %% tags=["remove-input"]
side, dims, window = 512, 32, 64
embedding = torch.nn.functional.normalize(
    torch.randn(dims, side, side, generator=generator(seed, "timed")), dim=0
)
filtered(embedding[:, :64, :64], (window, window))
start = time.perf_counter()
filtered(embedding, (window, window))
took = time.perf_counter() - start
taps = len(symmetric_kernel(window))
Markdown(
    f"At the paper's size ({side} × {side} pixels, K = {dims}, window {window}) one filtering took {took:.2f} s here, on {torch.get_num_threads()} "
    f"thread{'s' if torch.get_num_threads() > 1 else ''} of a CPU. A plain two-dimensional convolution would multiply {taps**2:,} times a pixel and channel, two passes {2 * taps}."
)

# %% [markdown]
# ## From a map to a point: Eq. 35
#
# $$
# (h_{max}, w_{max}) = \arg\max_{h, w}\ \dot s_t^{\top}\, \dot v_n(h, w)
# \tag{LDL 35}
# $$
#
# Then the region of at least 95 % of the maximum that holds it, and its centroid $(h_d, w_d)$.

# %%
plots.source(read_map)

# %% [markdown]
# ```{admonition} By hand
# :class: hint by-hand
# A map that is 0 but for three neighbours in a row: 0.96, 1.00, 0.96. All three are above 0.95, so the centroid is the middle one. If the right one is 0.94, it falls out, and the centroid moves half a pixel to the left, though the peak stays.
# ```

# %%
hill = torch.zeros(9, 9).numpy()
hill[4, 3:6] = 0.96, 1.0, 0.96
assert read_map(hill, (4, 4)).point == (4.0, 4.0)
hill[4, 5] = 0.94
found = read_map(hill, (4, 4))
assert found.peak == (4, 4)
assert found.point == (4.0, 3.5)
found.status, round(found.sharpness, 2)

# %% [markdown]
# ```{admonition} We do
# :class: tip ours
# The paper answers with a point whatever the map looks like. So does ours where Table 7 is concerned (`guess`); to a user the answer is a point only if the map has a place that stands out. Where a second place is nearly as similar the answer is *ambiguous*, where none stands out it is *flat*,
# with the numbers in the reason.
# ```
#
# A point is right if its distance to the truth, $\sqrt{(h_d - h_t)^2 + (w_d - w_t)^2}$ (Eq. 36), is below a share of the window:

# %%
shares = accuracy([1.0, 4.0, 9.0, 20.0], 64)
assert shares == (0.25, 0.5, 0.75, 0.75, 0.75)  # below 3.2, 6.4, 9.6, 12.8 and 16 pixels
shares

# %% [markdown]
# ## All together

# %%
plots.source(localize)

# %% [markdown]
# With a toy embedder that shifts and turns exactly with its image, the answer is known. The point is found in its own image, in the image shifted, and in the image turned:

# %%
scene = draw_scene(seed, side=96 + 2 * moved.MARGIN)
(point,) = moved.points_in(1, 96, seed)
matcher = EmbeddingMatcher(toy_embedder)
places = [(0, 0), (16, -16), (-7, 12), (3, 0)]
assert all(one.peak == 0 for one in moved.shifted(matcher, scene, point, 12, places))
assert all(one.peak == 0 for one in moved.turned(matcher, moved.cut(scene), point, 12))

# %% [markdown]
# A trained network gives no such promise. Its deepest features have a stride of 16 pixels, its borders are padded, and it may have learnt the place itself. So it is measured: the same points of the same phantoms,
# found in the image they were taken from, in one shifted by up to 16 pixels in rows and columns, and in one turned by 90 degrees.

# %% tags=["remove-input"]
config = profile_named(profile)
row = {c.row.key: c.runs[0] for c in TABLE7.cells(config) if c.runs[0].landmark == "disc"}
networks, words = {}, []
for key in ("pd+mix", "pd+mix+ms+cs"):
    run = row[key]
    encoder = (
        encoders.load(run.network)
        if config.pretraining.source == "phantom"
        else encoders.at_hand(run.network)
    )
    if encoder is None:
        words.append(f"The network of {key} is not on this machine.")
        continue
    label = next(c.row.label for c in TABLE7.cells(config) if c.row.key == key)
    networks[label] = EmbeddingMatcher(network_embedder(encoder.net), sigma=run.sigma)
    words.append(encoder.words)
full = row["untrained"]
networks["Pd+mix+ms+cs, untrained"] = EmbeddingMatcher(
    network_embedder(encoders.untrained(full.network).net), sigma=full.sigma
)
others = {"toy embedder": EmbeddingMatcher(toy_embedder), "NCC": TemplateMatcher()}
# Large enough for a point to stay inside, however the image is shifted.
size = max(config.pretraining.size, 4 * moved.MARGIN)
window = window_at("disc", size)
eyes = phantom_images("fundus", count=8, size=size + 2 * moved.MARGIN, seed=seed + 7)
display(
    plots.small_table(
        [
            moved.summary(name, one, list(eyes.images), window, seed=seed)
            for name, one in {**others, **networks}.items()
        ],
        caption=f"Median distance of the peak to the truth, and of the paper's answer, over {len(eyes.images)} points; how many peaks are within a pixel, and how many lie nearer to where the point was "
        f"before the image was moved. {eyes.words} Middle {size} of {size + 2 * moved.MARGIN} pixels, window {window:g}, seed {seed}. {' '.join(words)}",
    )
)

# %% tags=["remove-input"]
# Template matching last: the colours of the lines go by their order.
lines = {"toy embedder": others["toy embedder"], **networks, "NCC": others["NCC"]}
curve = moved.over_shifts(lines, list(eyes.images[:5]), window, seed=seed)
ends = curve[curve["shift"] == moved.MARGIN].set_index("method")["ours"]
plots.show(
    plots.interval_lines(
        curve.assign(panel="error of the peak"),
        x="shift",
        group="method",
        xlabel="shift in columns (px)",
        ylabel="pixels",
    ),
    caption="Distance of the peak to the truth where the query is the support image shifted along its rows: median and quartiles over five points. An embedder that saw content alone would stay at 0; one that saw "
    f"the place alone would rise with the shift. {eyes.words}",
    alt="Lines over the shift, 0 to 16 pixels. At 16 pixels the median error is "
    + ", ".join(f"{name} {value:.1f}" for name, value in ends.items())
    + ".",
)

# %% [markdown]
# How much of the vectors is the place, on phantoms and on real images, and what the search gives without it, is measured in {doc}`table7_localization`.
#
# ## Odd questions have answers

# %% tags=["remove-input"]
asked_oddly.odd_questions()

# %% [markdown]
# On the command line the same is `ldl localize --encoder encoder.safetensors --support A.png --point X,Y B.png C.png`; it takes any encoder of `ldl pretrain` or any run, and writes coordinates as csv and overlays as png.

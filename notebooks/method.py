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
# # The method in one sitting
#
# A segmentation network must tell one place of an image from another. LDL {cite}`chen2021ldl` asks that of it without a label, in three steps that build on each other: recognise a *patch* in a
# changed view; recognise the *mixture* of two patches; let the network draw *regions* of its own and recognise those. Each equation is followed by the function that computes it and by a toy
# whose value can be worked out by hand; what training makes of it stands at the end.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"
seed: int = 0

# %% tags=["remove-input"]
import math

import numpy as np
import torch
from IPython.display import Markdown, display
from matplotlib import pyplot as plt

from ldl import plots, widgets
from ldl.book.parameters import check
from ldl.data.sampling import undo_symmetry
from ldl.data.views import draw_views
from ldl.engine.store import RunStore
from ldl.losses import (
    cluster_entropy,
    mixup_images,
    mixup_target,
    patch,
    patch_discrimination,
    patch_vectors,
    region,
    region_discrimination,
    region_vectors,
)
from ldl.report import examples, images_seen, signed
from ldl.report import networks as encoders
from ldl.rng import generator, seed_everything
from ldl.tables.encoders import config_of
from ldl.train.pretrain import retrieval_accuracy
from ldl.widgets.demo import region_demo, region_encoder

check("method", globals())
seed_everything(seed)

# %% [markdown]
# ## Patches: Eq. 3 to 8
#
# The network gives every pixel $(h, w)$ of image $n$ a unit vector $v_n(h, w) \in \mathbb{R}^K$ and a share in each of $C$ clusters, $r_n(h, w) \in \mathbb{R}^C$ with $\lVert r_n(h, w) \rVert_1 = 1$.
# The image is cut into $H_p \times W_p$ cells; a patch is the sum of its pixels' vectors, back on the unit sphere:
#
# \begin{gather*}
# s_n(i) = \frac{\sum_{h, w} v_n(h, w)}{\left\lVert \sum_{h, w} v_n(h, w) \right\rVert_2}, \\
# P(n'i' \mid \hat{s}_n(i)) = \frac{e^{\,\mathrm{sim}(s_{n'}(i'),\, \hat{s}_n(i))/\tau}}{\sum_s e^{\,\mathrm{sim}(s,\, \hat{s}_n(i))/\tau}}. \tag{LDL 3-5}
# \end{gather*}
#
# $\hat{s}_n(i)$ is the same patch in the changed view, and $P$ the probability with which it is taken for patch $i'$ of image $n'$: the usual contrast {cite}`wu2018instdisc,chen2020simclr`, patches in
# the place of images. The paper asks for more. All decisions, *this one is it* and *that one is not*, are taken as independent and must be right together:
#
# \begin{align*}
# L_{\mathrm{Pd}} = \sum_{n, i} \Bigl[ & -\log P(ni \mid \hat{s}_n(i)) \\
# & - \sum_{(n', i') \ne (n, i)} \log\bigl(1 - P(n'i' \mid \hat{s}_n(i))\bigr) \Bigr]. \tag{LDL 7, 8}
# \end{align*}

# %% tags=["remove-input"]
plots.source(patch_vectors, patch_discrimination, patch._released)

# %% [markdown]
# ```{admonition} We deviate
# :class: warning deviation
# The release {cite}`ldl_release` takes all $2N$ vectors of both views as anchors, the other $2N - 1$ as candidates without a gradient, and the mean for the sum, after {cite}`ye2019embinva`. It
# made the published numbers, so that `released` is our default and `paper` the variant: {doc}`paper_vs_release`.
# ```
#
# ```{admonition} By hand
# :class: hint by-hand
# Two patches, orthogonal, both views equal: each anchor gives its match $P = 1/(1 + e^{-1/\tau})$ and the other $1 - P$, so that the loss is $2 \log(1 + e^{-1/\tau})$. A collapsed network, all
# vectors equal, gives each of $m$ candidates $1/m$ and pays $\log m - (m - 1)\log(1 - 1/m)$ $\approx \log m + 1$: a curve above this value has learnt nothing.
# ```

# %%
two = torch.eye(2, dtype=torch.float64)
apart = patch_discrimination(two, two, temperature=0.5, formulation="paper").item()
assert math.isclose(apart, 2 * math.log(1 + math.exp(-2)), rel_tol=1e-9)
same = torch.eye(8, dtype=torch.float64)[:1].repeat(64, 1)
collapsed = patch_discrimination(same, same, formulation="paper").item()
assert math.isclose(collapsed, math.log(64) - 63 * math.log(1 - 1 / 64), rel_tol=1e-9)
apart, collapsed

# %% [markdown]
# What does the second term add? Where a wrong patch is as similar as the right one, $-\log P$ settles at $\log 2$; the joint loss doubles the push apart. (As printed, $\log(1 - P)$ is $\log 0$ once a wrong $P$ rounds to 1; `ldl.losses.joint` sums all others instead.)

# %% [markdown]
# ## Mixtures: Eq. 13 to 18
#
# Patch discrimination says nothing about the space between the patches it has seen. Hypersphere mixup fills it, after {cite}`zhang2018mixup`: the mixture $\lambda x_{n_1} + (1 - \lambda) x_{n_2}$ of
# two images must be embedded at the mixture of their patches, and the loss is again the one above, between the mixed image's patches and these targets:
#
# $$
# s_{n_1 n_2}(i) = \frac{\lambda\, s_{n_1}(i) + (1 - \lambda)\, s_{n_2}(i)}{\left\lVert \lambda\, s_{n_1}(i) + (1 - \lambda)\, s_{n_2}(i) \right\rVert_2}.
# \tag{LDL 14}
# $$

# %% tags=["remove-input"]
plots.source(mixup_target)

# %% [markdown]
# ```{admonition} We deviate
# :class: warning deviation
# The paper prints $(1 - \lambda s_{n_2}(i))$, a number minus a vector; the release computes what stands above, without a gradient into the target. It draws $\lambda$ from $U(0.2, 0.8)$, one a pair.
# ```
#
# ```{admonition} By hand
# :class: hint by-hand
# $s_{n_1} = (1, 0)$, $s_{n_2} = (0, 1)$ and $\lambda = 3/5$ give $(3, 2)/\sqrt{13}$. The mixture runs along the chord and not along the arc.
# ```

# %%
east, north = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0.0, 1.0]]])
target = mixup_target(east, north, torch.tensor([0.6]))
assert torch.allclose(target[0, 0], torch.tensor([3.0, 2.0]) / math.sqrt(13))

# %% tags=["remove-input"]
pair = examples.example_images("fundus", count=2, size=96, seed=seed)
first, second = torch.from_numpy(pair.images).float().div(255).unbind(0)
weights = torch.tensor([1.0, 0.8, 0.5, 0.2, 0.0])
mixed = mixup_images(first.expand(5, -1, -1, -1), second.expand(5, -1, -1, -1), weights)
plots.show(
    plots.image_grid([list(mixed.numpy())], titles=[f"λ = {w:g}" for w in weights.tolist()]),
    caption=f"Two images and three of their mixtures; at λ = 1 the first alone. {pair.words}",
    alt="Five fundus pictures in a row; the first fades into the last.",
)

# %% [markdown]
# ## Regions: Eq. 9 to 12
#
# A square cell cuts through vessels and ribs as it falls. The second branch therefore assigns every pixel to clusters, and each cluster must mean the same thing in every image. A region's vector
# is the weighted sum of its pixels, a cluster's prototype the sum of its regions over the batch, and each region is to be recognised among the prototypes, with $\tau = 0.2$:
#
# \begin{gather*}
# t_{nc} = \frac{\sum_{h, w} r_{nc}(h, w)\, v_n(h, w)}{\left\lVert \cdot \right\rVert_2}, \qquad
# T_c = \frac{\sum_n t_{nc}}{\left\lVert \cdot \right\rVert_2}, \\
# P(c_1 \mid t_{nc}) = \frac{e^{\,\mathrm{sim}(T_{c_1},\, t_{nc})/\tau}}{\sum_{c'} e^{\,\mathrm{sim}(T_{c'},\, t_{nc})/\tau}}. \tag{LDL 9-12}
# \end{gather*}

# %% tags=["remove-input"]
plots.source(region_vectors, region.prototypes, region_discrimination)

# %% [markdown]
# ```{admonition} We deviate
# :class: warning deviation
# Eq. 11 takes the joint probability again; the release keeps $-\log P(c \mid t_{nc})$ alone, and so do we by default. $r$ sums to 1 because sigmoids are divided by their sum, which is no softmax: two
# clusters that are both certain share a pixel half and half.
# ```
#
# ```{admonition} By hand
# :class: hint by-hand
# Orthogonal prototypes on which all images agree cost $\log(1 + (C - 1)e^{-1/\tau})$; if all clusters mean the same, $\log C$.
# ```

# %%
C = 4
agreed = torch.eye(C, dtype=torch.float64).expand(3, C, C)
alike = torch.zeros(3, C, C, dtype=torch.float64)
alike[..., 0] = 1.0
assert math.isclose(region_discrimination(agreed).item(), math.log(1 + (C - 1) * math.exp(-5)))
assert math.isclose(region_discrimination(alike).item(), math.log(C))

# %% [markdown]
# An assignment that is undecided everywhere would satisfy this. The binary entropy of each share (Eq. 29) makes it choose; a hard assignment costs 0, sixteen clusters without a preference a third
# of a bit. The whole loss is
#
# $$
# L = L_{\mathrm{Pd}} + L_{\mathrm{Hm}} + 10\, L_{\mathrm{Rd}} + 0.1\, L_{\mathrm{entropy}},
# \tag{LDL 28}
# $$
#
# of which the first two make the first step, 20 of 100 epochs in the paper; the second step starts from its weights with a new clustering branch.

# %%
assert cluster_entropy(torch.eye(2)[None, :, :, None]).item() == 0
plots.source(cluster_entropy)

# %% [markdown]
# ## What training makes of it
#
# An encoder that has learnt nothing gives all cells nearly the same vector. *Retrieval* is the share of patches of held-out images whose nearest patch among all first views is their own; every
# pretraining's record has it, because a loss alone does not tell whether an encoder may be used. The records behind {doc}`table2_comparison`:

# %% tags=["remove-input"]
store, lines = RunStore(), []
for kind, word in (("fundus", "fundus"), ("xray", "chest X-ray")):
    for key in ("pd", "pd+mix", "rd"):
        record = store.record(config_of(key, kind, "open", seed))
        if record:
            lines.append(
                {
                    "encoder": f"{encoders.title_of(key)}, {word}",
                    "before (%)": f"{100 * record['retrieval_before']:.1f}",
                    "found (%)": f"{100 * record['retrieval']:.1f}",
                    "among": record["retrieval_among"],
                    "images seen": f"{images_seen(record['config']):,}",
                }
            )
if lines:
    display(
        plots.small_table(
            lines,
            wraps=True,
            caption="Patches found again, real images, profile open, seed 0: before the first step and after the last.",
        )
    )
else:
    display(
        Markdown("No record on real images is here: `ldl run table2 --profile open` makes them.")
    )

# %% tags=["remove-input"]
trained = {
    key: encoders.pretrained(key, "fundus", profile=profile, seed=seed) for key in ("pd", "pd+mix")
}
own = examples.own_images(trained["pd"].config, count=8)
images = torch.from_numpy(own.images)
views = draw_views(images[:4], trained["pd"].config.crop, "rotations", generator(seed, "chapter"))
matrices = []
for encoder in (encoders.untrained(trained["pd"].config), trained["pd"]):
    with torch.no_grad():
        one = patch_vectors(encoder.net(views.first)[0], 8)
        two = patch_vectors(undo_symmetry(encoder.net(views.second)[0], views.symmetry), 8)
    matrices.append((one.flatten(0, 1) @ two.flatten(0, 1).T).numpy())
found = [100 * (one.argmax(axis=0) == np.arange(len(one))).mean() for one in matrices]
with plots.theme():
    figure, grid = plt.subplots(1, 2, figsize=(6, 2.9))
    for axes, matrix, title, hit in zip(grid, matrices, ("not trained", "Pd"), found, strict=True):
        drawn = axes.imshow(matrix, vmin=-1, vmax=1, cmap="cividis", interpolation="none")
        axes.set_title(f"{title}: {hit:.0f} % found")
        axes.set(xlabel="patch of the second view", ylabel="patch of the first view")
        axes.grid(False)
    figure.colorbar(drawn, ax=grid, label="cosine similarity", shrink=0.85)
plots.show(
    figure,
    caption=f"Similarity of all {len(matrix)} patches of four images with those of their second views. {own.words} {trained['pd'].words}",
    alt=f"Two similarity matrices. Greatest on the diagonal: {found[0]:.0f} and {found[1]:.0f} percent of the patches.",
)

# %% tags=["remove-input"]
half, goals = torch.full((4,), 0.5), {}
values = images.float().div(255)
for key, encoder in trained.items():
    here = patch_vectors(encoder.embed(values), 8)
    blend = patch_vectors(encoder.embed(mixup_images(values[:4], values[4:], half)), 8)
    goal = mixup_target(here[:4], here[4:], half)
    goals[key] = 100 * retrieval_accuracy(goal.flatten(0, 1), blend.flatten(0, 1))
Markdown(
    f"Of mixtures at λ = 0.5, the encoder trained without mixup finds {goals['pd']:.0f} % of the targets, the one trained with it {goals['pd+mix']:.0f} % "
    f"({signed(goals['pd+mix'] - goals['pd'], 0)}; the same eight images in four pairs)."
)

# %% [markdown]
# ### Regions under the pointer
#
# Move over an image, tap it, or walk with the arrow keys: what else belongs to the pixel's cluster, and which pixels elsewhere have vectors most like its own?

# %% tags=["remove-input"]
kinds = {
    "Eyes": region_encoder("fundus", profile, seed),
    "Chests": region_encoder("xray", profile, seed),
}
touched = widgets.payload([region_demo(name, one) for name, one in kinds.items()])
page = widgets.html_of(
    "regions",
    touched,
    label="Regions: the cluster of the pixel under the pointer, and the most similar pixels elsewhere",
    caption=f"Clusters and embeddings of three images of each kind. {kinds['Eyes'].words}",
)
display({"text/html": page, "text/plain": "[widget] Regions under the pointer"}, raw=True)

# %% [markdown]
# ```{admonition} We deviate
# :class: warning deviation
# These encoders replicate an image's border where the published network sees zeros. With zeros, the clusters of images this small became frames about the middle: they told how far the edge is, not
# what is there. Neither paper mentions it; {doc}`table7_localization` measures how much of a vector is place.
# ```

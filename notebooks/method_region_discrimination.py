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
# # Region discrimination
#
# A square cell cuts through vessels and ribs as it falls. Region discrimination {cite}`chen2021ldl` lets the network draw its
# own regions: a second branch assigns every pixel to one of $C$ clusters, and the loss asks that each cluster mean the same
# thing in every image. The paper's reason is anatomy: images of one modality show the same structures.
#
# This chapter goes from Eq. 9 to Eq. 12, and to the entropy term of Eq. 29.

# %% tags=["parameters"]
profile: str = "demo"
seed: int = 0

# %% tags=["remove-input"]
import math

import torch
from IPython.display import Markdown, display

from ldl import plots, widgets
from ldl.book.parameters import check
from ldl.losses import cluster_entropy, region, region_discrimination, region_vectors
from ldl.models import LocalDiscriminationNet
from ldl.report import examples
from ldl.rng import seed_everything
from ldl.widgets.demo import region_demo, region_encoder

check("method_region_discrimination", globals())
seed_everything(seed)

# %% [markdown]
# ## Two outputs for every pixel: Eq. 2
#
# $$
# v_n, r_n = g(f(x_n)), \qquad v_n(h, w) \in \mathbb{R}^K,\ \lVert v_n(h, w) \rVert_2 = 1, \qquad r_n(h, w) \in \mathbb{R}^C,\ \lVert r_n(h, w) \rVert_1 = 1
# \tag{LDL 2}
# $$

# %%
plots.source(LocalDiscriminationNet)

# %% [markdown]
# ```{admonition} We do
# :class: tip ours
# The paper asks that $r$ sum to 1 over the clusters and does not say how. The release applies a sigmoid and then divides by the sum, which is not a softmax: two clusters
# that are both certain (sigmoid near 1) share a pixel half and half.
# ```
#
# ## From pixels to regions: Eq. 9

# %% [markdown]
# $$
# t_{nc} = \frac{\sum_{h, w} r_{nc}(h, w)\, v_n(h, w)}{\left\lVert \sum_{h, w} r_{nc}(h, w)\, v_n(h, w) \right\rVert_2}
# \tag{LDL 9}
# $$

# %%
plots.source(region_vectors)

# %% [markdown]
# Written out pixel by pixel this is a tensor of $B \times C \times K \times H \times W$ numbers. As a product of two matrices, $C \times HW$ and $HW \times K$, it never exists.

# %% tags=["remove-input"]
batch, clusters, channels, side = 20, 16, 32, 448
product = batch * clusters * channels * side * side * 4 / 2**30
result = batch * clusters * channels * 4 / 2**10
Markdown(
    f"At the paper's size ({batch} images of {side} × {side}, C = {clusters}, K = {channels}, float32) the product would "
    f"take {product:.1f} GiB before any gradient; the region vectors themselves take {result:.0f} KiB."
)

# %% [markdown]
# ```{admonition} By hand
# :class: hint by-hand
# Four pixels: two are $(1, 0)$ and belong to cluster 0, one is $(0, 1)$ and belongs to cluster 1, and one is $(0, 1)$ and undecided, half and half. Then
# $t_0 \propto 2\,(1, 0) + \tfrac12 (0, 1)$, so $t_0 = (4, 1)/\sqrt{17}$, and $t_1 = (0, 1)$.
# ```

# %%
embedding = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 1.0]]]])
assignment = torch.tensor([[[[1.0, 1.0], [0.0, 0.5]], [[0.0, 0.0], [1.0, 0.5]]]])
vectors = region_vectors(embedding, assignment)[0]
assert torch.allclose(
    vectors, torch.tensor([[4 / math.sqrt(17), 1 / math.sqrt(17)], [0.0, 1.0]]), atol=1e-6
)
vectors

# %% [markdown]
# ## What a cluster means: Eq. 10
#
# The prototype of cluster $c$ is the normalised sum of its region vectors over the batch, and the gradient flows through it:
#
# $$
# T_c = \frac{\sum_n t_{nc}}{\left\lVert \sum_n t_{nc} \right\rVert_2}.
# \tag{LDL 10}
# $$

# %%
plots.source(region.prototypes)

# %% [markdown]
# ## Recognising a region: Eq. 11 and 12
#
# Each $t_{nc}$ must be recognised as $T_c$ among the $C$ prototypes, with temperature $\tau = 0.2$. The paper takes the joint probability again:
#
# $$
# M_{nc} = -\log P(c \mid t_{nc}) - \sum_{c_1 \ne c} \log\bigl(1 - P(c_1 \mid t_{nc})\bigr), \qquad
# P(c_1 \mid t_{nc}) = \frac{e^{\,\mathrm{sim}(T_{c_1},\, t_{nc})/\tau}}{\sum_{c'} e^{\,\mathrm{sim}(T_{c'},\, t_{nc})/\tau}}.
# \tag{LDL 11, 12}
# $$

# %%
plots.source(region_discrimination)

# %% [markdown]
# ```{admonition} We deviate
# :class: warning deviation
# The release keeps only $-\log P(c \mid t_{nc})$, averaged over images and clusters. `formulation="released"` (the default) is that; `formulation="paper"` is Eq. 11.
# ```
#
# ```{admonition} By hand
# :class: hint by-hand
# If the $C$ prototypes are orthogonal and every image agrees with them, the right one has similarity 1 and the others 0:
# $-\log P = \log\bigl(1 + (C - 1)\, e^{-1/\tau}\bigr)$. If all clusters mean the same, $P = 1/C$ and the loss is $\log C$. In the paper's formulation the collapsed
# value is $\log C - (C - 1)\log(1 - 1/C)$.
# ```

# %%
C = 4
agreed = torch.eye(C, dtype=torch.float64).expand(3, C, C)
collapsed = torch.zeros(3, C, C, dtype=torch.float64)
collapsed[..., 0] = 1.0
assert math.isclose(
    region_discrimination(agreed).item(), math.log(1 + (C - 1) * math.exp(-5)), rel_tol=1e-9
)
assert math.isclose(region_discrimination(collapsed).item(), math.log(C), rel_tol=1e-9)
joint = region_discrimination(collapsed, formulation="paper").item()
assert math.isclose(joint, math.log(C) - (C - 1) * math.log(1 - 1 / C), rel_tol=1e-9)
region_discrimination(agreed).item(), region_discrimination(collapsed).item(), joint

# %% [markdown]
# ## Make up your mind: Eq. 29
#
# Nothing so far keeps the assignment from being undecided everywhere. The entropy term does. It is the *binary* entropy of each cluster's probability, averaged over everything:
#
# $$
# L_{\mathrm{entropy}} = -\frac{1}{NCHW} \sum_{n, c, h, w} \Bigl[ r_{nc}(h, w) \log r_{nc}(h, w) + \bigl(1 - r_{nc}(h, w)\bigr) \log\bigl(1 - r_{nc}(h, w)\bigr) \Bigr].
# \tag{LDL 29}
# $$

# %%
plots.source(cluster_entropy)

# %% [markdown]
# ```{admonition} By hand
# :class: hint by-hand
# A hard assignment costs 0. Two clusters, undecided: $r = 1/2$, one bit. Sixteen clusters, undecided: $r = 1/16$, and the binary entropy of $1/16$ is
# $\tfrac{4}{16} + \tfrac{15}{16} \log_2 \tfrac{16}{15}$, about a third of a bit. The release uses the logarithm to base 2; in nats, as printed, the term is smaller by the factor $\log 2$, and its weight 0.1 means less.
# ```

# %%
hard = torch.zeros(1, 2, 1, 1)
hard[:, 0] = 1.0
assert cluster_entropy(hard) == 0
assert torch.isclose(cluster_entropy(torch.full((1, 2, 3, 3), 0.5)), torch.tensor(1.0))
sixteen = cluster_entropy(torch.full((1, 16, 3, 3), 1 / 16, dtype=torch.float64)).item()
assert math.isclose(sixteen, 4 / 16 + 15 / 16 * math.log2(16 / 15), rel_tol=1e-9)
sixteen

# %% [markdown]
# ## All together: Eq. 28
#
# $$
# L = L_{\mathrm{Pd}} + L_{\mathrm{Hm}} + 10\, L_{\mathrm{Rd}} + 0.1\, L_{\mathrm{entropy}}
# \tag{LDL 28}
# $$
#
# Region discrimination starts where patch discrimination ended: all weights but the clustering branch come from the first step.
#
# ## On images

# %% tags=["remove-input"]
encoder, chest = (region_encoder(kind, profile, seed) for kind in ("fundus", "xray"))
rows, words = [], []
for one in (encoder, chest):
    shown = examples.own_images(one.config, count=2)
    values, shares = one.outputs(torch.from_numpy(shown.images).float().div(255))
    colours = plots.principal_colours(values.numpy())
    for k in range(2):
        labels = shares[k].argmax(0).numpy()
        certainty = shares[k].max(0).values.numpy()
        rows.append(
            [
                shown.images[k],
                colours[k].transpose(2, 0, 1),
                plots.cluster_colours(labels, shares.shape[1]).transpose(2, 0, 1),
                certainty,
            ]
        )
    words.append(shown.words)
figure = plots.image_grid(rows, titles=["image", "embedding", "clusters", "certainty"])
plots.show(
    figure,
    caption="Pixel embeddings as colour (the first three principal components; equal colour, similar vector), the most probable "
    f"cluster of each pixel, and its probability (white: 1). {' '.join(dict.fromkeys(words))} {encoder.words}",
    alt="Four rows, two fundus pictures and two chest pictures, each beside its embedding as colour, its clusters and the "
    "probability of the most probable cluster.",
)

# %% tags=["remove-input"]
values, shares = encoder.outputs(
    torch.from_numpy(examples.own_images(encoder.config, count=8).images).float().div(255)
)
used = int((torch.bincount(shares.argmax(1).flatten(), minlength=shares.shape[1]) > 0).sum())
bits = cluster_entropy(shares).item()
chance = 1 / shares.shape[1]
even = -chance * math.log2(chance) - (1 - chance) * math.log2(1 - chance)
record = encoder.record
Markdown(
    f"Of the {shares.shape[1]} clusters, {used} are the most probable one of some pixel in eight fundus images; the entropy term "
    f"is {bits:.3f} bit where indifference would cost {even:.3f}. On held-out images this encoder finds {100 * record['retrieval']:.1f} % of the patches again "
    f"among {record['retrieval_among']} ({100 * record['retrieval_before']:.1f} % before training): a training of minutes, to look at and not to judge by."
)

# %% [markdown]
# ```{admonition} We deviate
# :class: warning deviation
# The encoders of these figures replicate an image's border where the published network sees zeros, and are trained longer than those of the tables under the same profile. With zeros, the clusters of images this small became
# frames about the middle: they told how far the edge is, not what is there.
# ```
#
# ## Under the pointer
#
# Move over an image, tap it, or walk with the arrow keys: which cluster does that pixel belong to, what else belongs to it in every image, and which pixels elsewhere have the vectors most similar to its own?
# {doc}`demo_localization` asks the same of windows instead of single pixels.

# %% tags=["remove-input"]
kinds = {"Eyes": encoder, "Chests": chest}
touched = widgets.payload([region_demo(name, one) for name, one in kinds.items()])
page = widgets.html_of(
    "regions",
    touched,
    label="Regions: the cluster of the pixel under the pointer, and the most similar pixels elsewhere",
    caption=f"Clusters and embeddings of three images of each kind, as bytes ({len(widgets.text_of(touched)) / 1e6:.1f} MB); everything is computed in the page.",
)
display({"text/html": page, "text/plain": "[widget] Regions under the pointer"}, raw=True)

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
# # Patch discrimination
#
# A segmentation network must tell one *place* of an image from another. Patch discrimination
# {cite}`chen2021ldl` asks exactly that of it, without a label: show the network an image twice, changed
# in colour and turned, cut both into cells, and let it find each cell of the second view among
# all cells of the first.
#
# This chapter goes from Eq. 3 to Eq. 8 of the paper. Each equation is followed by the function that
# computes it in this project, by a toy whose value can be worked out by hand, and at the end by images.

# %% tags=["parameters"]
profile: str = "demo"
seed: int = 0

# %% tags=["remove-input"]
import math

import numpy as np
import torch
from IPython.display import Markdown
from matplotlib import pyplot as plt

from ldl import plots
from ldl.book.parameters import check
from ldl.data.symmetry import undo_symmetry
from ldl.data.views import draw_views
from ldl.losses import joint, patch, patch_discrimination, patch_vectors
from ldl.report import examples
from ldl.report import networks as encoders
from ldl.rng import generator, seed_everything

check("method_patch_discrimination", globals())
seed_everything(seed)
torch.set_default_dtype(torch.float64)

# %% [markdown]
# ## From pixels to patches: Eq. 3
#
# The network gives every pixel $(h, w)$ of image $n$ a unit vector $v_n(h, w) \in \mathbb{R}^K$. The $i$-th
# patch of a division into $H_p \times W_p$ cells is the sum of its pixels' vectors, brought back onto the unit
# sphere:
#
# $$
# s_n(i) = \frac{\sum_{h \in [h_b, h_e),\, w \in [w_b, w_e)} v_n(h, w)}
#               {\left\lVert \sum_{h \in [h_b, h_e),\, w \in [w_b, w_e)} v_n(h, w) \right\rVert_2}
# \tag{LDL 3}
# $$

# %%
plots.source(patch_vectors)

# %% [markdown]
# ```{admonition} By hand
# :class: hint by-hand
# One cell of four pixels, three of them $(1, 0)$ and one $(0, 1)$. The sum is $(3, 1)$, its length
# $\sqrt{10}$, so the patch vector is $(3, 1)/\sqrt{10}$. The mean in place of the sum changes nothing,
# because the length is divided out.
# ```

# %%
pixels = torch.tensor(
    [[[[1.0, 1.0], [1.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]]]]
)  # (B=1, K=2, H=2, W=2)
vector = patch_vectors(pixels, grid=1)[0, 0]
assert torch.allclose(vector.double(), torch.tensor([3.0, 1.0]) / math.sqrt(10), atol=1e-6)
vector

# %% [markdown]
# ## Which patch is this? Eq. 4 and 5
#
# Let $\hat{s}_n(i)$ be the vector of the same patch in the changed view. Among the candidates $s$, the vectors of all
# patches of all images in the batch, it is recognised as $s_{n'}(i')$ with probability
#
# $$
# P(n'i' \mid \hat{s}_n(i)) = \frac{e^{\,\mathrm{sim}(s_{n'}(i'),\, \hat{s}_n(i))/\tau}}
#                                  {\sum_s e^{\,\mathrm{sim}(s,\, \hat{s}_n(i))/\tau}},
# \tag{LDL 4, 5}
# $$
#
# a softmax over cosine similarities with temperature $\tau = 0.1$. Up to here this is the usual contrastive
# formulation with patches in the place of images {cite}`wu2018instdisc,chen2020simclr`.
#
# ## The joint probability: Eq. 6 to 8
#
# The paper then asks for more than a high probability of the right patch. All $N$ decisions, *this one is it* and
# *that one is not*, are taken as independent, and must be right together:
#
# $$
# M_{ni} = -\log P(ni \mid \hat{s}_n(i)) - \sum_{(n', i') \ne (n, i)} \log\bigl(1 - P(n'i' \mid \hat{s}_n(i))\bigr),
# \qquad
# L_{\mathrm{Pd}} = \sum_{n, i} M_{ni}.
# \tag{LDL 7, 8}
# $$

# %%
plots.source(patch_discrimination, patch._released)

# %% [markdown]
# ```{admonition} We deviate
# :class: warning deviation
# The paper says: the candidates are the $N$ patches of the unchanged view, and $L_{\mathrm{Pd}}$ is a sum. The
# released code {cite}`ldl_release` does otherwise, in the manner of {cite}`ye2019embinva`: all $2N$ vectors of both
# views are an anchor once, the candidates are the other $2N - 1$, no gradient flows through the candidates, and the
# loss is a mean. The published numbers were made by the release, so `formulation="released"` is the default here and
# `formulation="paper"` (with a mean for the sum, a constant factor) is the variant; {doc}`paper_vs_release` compares
# the two.
# ```
#
# ```{admonition} By hand: two patches, perfectly separated
# :class: hint by-hand
# Take $N = 2$ orthogonal vectors, both views equal. In the paper's formulation each anchor sees one candidate at
# similarity 1 and one at 0, so $P = e^{1/\tau}/(e^{1/\tau} + 1)$; the wrong one has $1 - P$, and
# $M = -2 \log P = 2 \log(1 + e^{-1/\tau})$.
#
# In the released formulation each anchor sees three candidates at similarities 1, 0, 0:
# $P = e^{1/\tau}/(e^{1/\tau} + 2)$, each wrong one $q = 1/(e^{1/\tau} + 2)$, and $M = -\log P - 2\log(1 - q)$.
# ```

# %%
two = torch.eye(2)
tau = 0.5
ours = {
    kind: patch_discrimination(two, two, temperature=tau, formulation=kind).item()
    for kind in ("paper", "released")
}
e = math.exp(1 / tau)
by_hand = {
    "paper": 2 * math.log(1 + math.exp(-1 / tau)),
    "released": -math.log(e / (e + 2)) - 2 * math.log(1 - 1 / (e + 2)),
}
assert all(math.isclose(ours[kind], by_hand[kind], rel_tol=1e-12) for kind in ours)
ours

# %% [markdown]
# ```{admonition} By hand: a collapsed network
# :class: hint by-hand
# If every patch has the same vector, every candidate gets the same probability $1/m$, with $m = N$ candidates in the
# paper's formulation and $m = 2N - 1$ in the release's. Then
# $M = \log m - (m - 1) \log(1 - 1/m)$, which tends to $\log m + 1$. This is the value a loss curve must fall below
# before anything has been learnt.
# ```

# %%
number = 64
same = torch.zeros(number, 8)
same[:, 0] = 1.0
for kind, m in (("paper", number), ("released", 2 * number - 1)):
    collapsed = patch_discrimination(same, same, formulation=kind).item()
    assert math.isclose(collapsed, math.log(m) - (m - 1) * math.log(1 - 1 / m), rel_tol=1e-9)
    print(f"{kind:9s} {collapsed:.4f}   log m + 1 = {math.log(m) + 1:.4f}")

# %% [markdown]
# ### What the second term adds
#
# One anchor, its match at similarity 1, one confusable patch at similarity $x$, and 62 patches at similarity 0. As
# $x$ nears 1, $-\log P$ alone settles at $\log 2$: two equally good candidates. The joint probability adds
# $-\log(1 - P')$ for the confusable one, and so doubles the push apart exactly where two patches are mistaken for each other.

# %% tags=["remove-input"]
similarity = torch.linspace(-0.2, 1.0, 121)
logits = torch.zeros(len(similarity), 64)
logits[:, 0], logits[:, 1] = 1.0, similarity
logits = logits / 0.1
match = torch.zeros(len(similarity), dtype=torch.long)
both = joint.joint_negative_log(logits, match)
alone = torch.nn.functional.cross_entropy(logits, match, reduction="none")
with plots.theme():
    figure, axes = plt.subplots(figsize=(5.2, 2.6))
    axes.plot(similarity, both, color=plots.colour_of("pd"), label="joint, Eq. 7")
    axes.plot(
        similarity, alone, color=plots.colour_of("scratch"), linestyle="--", label="−log P alone"
    )
    axes.axhline(math.log(2), color=plots.INK, alpha=0.4, linewidth=0.8)
    axes.set(xlabel="similarity of the confusable patch", ylabel="loss of one anchor")
    axes.legend()
plots.show(
    figure,
    caption="Loss of one anchor among 64 candidates at temperature 0.1. The thin line is log 2.",
    alt="Two curves that are near zero until a similarity of about 0.6 and then rise; at similarity 1 the "
    f"joint loss reaches {both[-1]:.2f}, the plain softmax loss {alone[-1]:.2f}.",
)

# %% [markdown]
# ### Why the code is not a transcription
#
# Written as printed, $\log(1 - P)$ is $\log 0$ as soon as the $P$ of a wrong patch rounds to 1. At temperature 0.01 a lead of 1 in
# similarity is a lead of 100 in the exponent, far beyond what a float can tell from certainty. `log_miss` therefore computes $1 - P$
# of the largest entry as the sum of all the others. The loss does the same with its derivative written out, in a third of the time.

# %%
plots.source(joint.log_miss)

# %%
wrong_wins = torch.tensor([[0.0, 100.0]])  # the match lost by a similarity of 1 at temperature 0.01
transcribed = -torch.log(1 - wrong_wins.softmax(dim=1))[0, 1]
stable = joint.joint_negative_log(wrong_wins, torch.tensor([0]))[0]
assert math.isinf(transcribed)
assert math.isclose(stable.item(), 200.0, rel_tol=1e-12)
print(f"as printed: {transcribed:.0f}; here: {stable:.1f}")

# %% [markdown]
# ## On images
#
# Everything so far took vectors for granted. Now the vectors come from images: two views of each, the second one also turned by a
# symmetry of the square, and its feature map turned back before it is cut into cells, so that cell $i$ shows the same tissue in
# both.

# %% tags=["remove-input"]
shown = examples.example_images("fundus", count=4, size=64, seed=seed)
torch.set_default_dtype(torch.float32)
views = draw_views(torch.from_numpy(shown.images), 64, "rotations", generator(seed, "chapter"))
first, second = examples.displayed(views.first), examples.displayed(views.second)
back = examples.displayed(undo_symmetry(views.second, views.symmetry))
rows = [list(first[:3]), list(second[:3]), list(back[:3])]
figure = plots.image_grid(rows, row_titles=["first view", "second view", "turned back"])
for k in range(1, 8):
    for axes in figure.axes:
        axes.axhline(k * 8 - 0.5, color="white", linewidth=0.3, alpha=0.7)
        axes.axvline(k * 8 - 0.5, color="white", linewidth=0.3, alpha=0.7)
plots.show(
    figure,
    caption=f"Three images as the network sees them, cut into 8 × 8 cells. {shown.words}",
    alt="Three rows of three colour fundus pictures under a grid: first views, second views turned by a "
    "multiple of 90 degrees and changed in colour, and the second views turned back into register.",
)

# %% [markdown]
# An encoder that has learnt nothing gives all cells nearly the same vector. One that can tell patches apart has its greatest similarities on the diagonal. The share of
# second-view patches whose nearest first-view patch is their own is the **retrieval accuracy**; it is written down with every pretraining
# record, because a loss value alone does not tell whether the encoder may be used.

# %% tags=["remove-input"]
trained = encoders.pretrained("pd", "fundus", profile=profile, seed=seed)
own = examples.own_images(trained.config, count=4)
views = draw_views(
    torch.from_numpy(own.images), trained.config.crop, "rotations", generator(seed, "chapter")
)
figures = []
for encoder in (encoders.untrained(trained.config), trained):
    with torch.no_grad():
        one = patch_vectors(encoder.net(views.first)[0], 8)
        two = patch_vectors(undo_symmetry(encoder.net(views.second)[0], views.symmetry), 8)
    figures.append((one.flatten(0, 1) @ two.flatten(0, 1).T).numpy())
found = [100 * (matrix.argmax(axis=0) == np.arange(len(matrix))).mean() for matrix in figures]
with plots.theme():
    figure, grid = plt.subplots(1, 2, figsize=(6, 2.9))
    for axes, matrix, title, hit in zip(
        grid, figures, ("not trained", "after pretraining (Pd)"), found, strict=True
    ):
        drawn = axes.imshow(matrix, vmin=-1, vmax=1, cmap="cividis", interpolation="none")
        axes.set_title(f"{title}: {hit:.0f} % found")
        axes.set(xlabel="patch of the second view", ylabel="patch of the first view")
        axes.grid(False)
    figure.colorbar(drawn, ax=grid, label="cosine similarity", shrink=0.85)
plots.show(
    figure,
    caption=f"Similarity of all {len(matrix)} patches of four images with all patches of their second views, and the "
    f"share found among them. {own.words} {trained.words}",
    alt="Two square similarity matrices, of an untrained and a pretrained network. Patches whose greatest similarity "
    f"is on the diagonal: {found[0]:.0f} and {found[1]:.0f} percent.",
)

# %% [markdown] tags=["remove-input"]
# Whether that is far enough is a number, not an impression:

# %% tags=["remove-input"]
Markdown(trained.verdict)

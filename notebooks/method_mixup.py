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
# # Hypersphere mixup
#
# Patch discrimination scatters the patches it has seen over the hypersphere and says nothing about the
# space between them. Hypersphere mixup {cite}`chen2021ldl` fills the gaps in the manner of mixup
# {cite}`zhang2018mixup`: the mixture of two images must be embedded at the mixture of their embeddings.
#
# This chapter goes from Eq. 13 to Eq. 18 of the paper. It is short: once images and targets are mixed, the
# loss is the one of {doc}`method_patch_discrimination`.

# %% tags=["parameters"]
profile: str = "demo"
seed: int = 0

# %% tags=["remove-input"]
import math

import torch
from IPython.display import Markdown
from matplotlib import pyplot as plt

from ldl import plots
from ldl.book.parameters import check
from ldl.losses import mixup_images, mixup_target, patch_discrimination, patch_vectors
from ldl.report import examples
from ldl.report import networks as encoders
from ldl.rng import seed_everything
from ldl.train.probe import retrieval_accuracy

check("method_mixup", globals())
seed_everything(seed)

# %% [markdown]
# ## Mixing two images
#
# $$
# \tilde{x}_{n_1 n_2} = \lambda\, x_{n_1} + (1 - \lambda)\, x_{n_2}, \qquad \lambda \in (0, 1)
# $$

# %%
plots.source(mixup_images)

# %% [markdown]
# ```{admonition} We do
# :class: tip ours
# The paper does not say how $\lambda$ is drawn. The release draws it from $U(0.2, 0.8)$, one for each pair of images. So do we. The release mixes the two
# first views before their colours are normalised, we mix them after: normalisation is affine and the weights sum to 1, so the mixture is the same.
# ```

# %% tags=["remove-input"]
pair = examples.example_images("fundus", count=2, size=96, seed=seed)
first, second = torch.from_numpy(pair.images).float().div(255).unbind(0)
weights = torch.tensor([1.0, 0.8, 0.5, 0.2, 0.0])
mixed = mixup_images(first.expand(5, -1, -1, -1), second.expand(5, -1, -1, -1), weights)
figure = plots.image_grid([list(mixed.numpy())], titles=[f"λ = {w:g}" for w in weights.tolist()])
plots.show(
    figure,
    caption=f"Two images and three of their mixtures. {pair.words}",
    alt="Five fundus pictures in a row; the first fades into the last, the vessels of both visible in between.",
)

# %% [markdown]
# ## Where the mixture belongs: Eq. 14
#
# The target of patch $i$ of the mixture is the same mixture of the two patches' vectors, back on the sphere:
#
# $$
# s_{n_1 n_2}(i) = \frac{\lambda\, s_{n_1}(i) + (1 - \lambda)\, s_{n_2}(i)}
#                       {\left\lVert \lambda\, s_{n_1}(i) + (1 - \lambda)\, s_{n_2}(i) \right\rVert_2}.
# \tag{LDL 14}
# $$
#
# ```{admonition} We deviate
# :class: warning deviation
# The paper prints $\lambda s_{n_1}(i) + (1 - \lambda s_{n_2}(i))$. A number minus a vector is not a vector; the bracket is a slip, and the release
# computes what is written above.
# ```

# %%
plots.source(mixup_target)

# %% [markdown]
# ```{admonition} By hand
# :class: hint by-hand
# For orthogonal $s_{n_1} = (1, 0)$ and $s_{n_2} = (0, 1)$ with $\lambda = 3/5$ the mixture is $(3, 2)/5$, its length $\sqrt{13}/5$, and the target
# $(3, 2)/\sqrt{13}$. The target of opposite vectors at $\lambda = 1/2$ would be $0/0$: here it is the zero vector, and the loss stays finite.
# ```

# %%
east, north = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0.0, 1.0]]])
target = mixup_target(east, north, torch.tensor([0.6]))
assert torch.allclose(target[0, 0], torch.tensor([3.0, 2.0]) / math.sqrt(13))
assert not mixup_target(east.requires_grad_(), north, torch.tensor([0.6])).requires_grad
assert mixup_target(east, -east, torch.tensor([0.5])).abs().sum() == 0
target

# %% [markdown]
# The target is a goal and not a party: no gradient flows into it, so the two patches are not drawn towards their mixture.
#
# ### A chord, not an arc
#
# The mixture is linear and then normalised, so equal steps of $\lambda$ are not equal steps on the sphere. For two vectors at an angle $\theta$ the target turns away
# from the second one by $\arctan\frac{\lambda \sin\theta}{1 - \lambda + \lambda\cos\theta}$. For close patches that is nearly proportional to $\lambda$; for nearly opposite ones almost the whole
# turn happens around $\lambda = 1/2$.

# %% tags=["remove-input"]
share = torch.linspace(0, 1, 101, dtype=torch.float64)
with plots.theme():
    figure, axes = plt.subplots(figsize=(5.2, 2.6))
    for degrees, colour in zip(
        (60, 120, 170),
        (plots.colour_of("pd"), plots.colour_of("pd+mix"), plots.colour_of("rd")),
        strict=True,
    ):
        angle = math.radians(degrees)
        one = torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64)
        two = torch.tensor([1.0, 0.0], dtype=torch.float64)
        turned = mixup_target(one.expand(101, 1, 2), two.expand(101, 1, 2), share)[:, 0]
        formula = torch.atan2(share * math.sin(angle), 1 - share + share * math.cos(angle))
        measured = torch.atan2(turned[:, 1], turned[:, 0])
        assert torch.allclose(measured, formula, atol=1e-9)
        axes.plot(share, measured / angle, color=colour, label=f"θ = {degrees}°")
    axes.plot([0, 1], [0, 1], color=plots.INK, alpha=0.4, linewidth=0.8)
    axes.set(xlabel="λ", ylabel="share of the angle turned")
    axes.legend()
plots.show(
    figure,
    caption="How far the target has turned from the second patch's vector to the first one's. Thin: equal steps on the arc.",
    alt="Three curves from (0, 0) to (1, 1): nearly straight for 60 degrees, S-shaped for 120, almost a step at one half for 170.",
)

# %% [markdown]
# ## The loss: Eq. 15 to 18
#
# The vector $\tilde{s}_{n_1 n_2}(i)$ that the network gives patch $i$ of the mixed image (Eq. 13: the same cells and the same normalised sum as Eq. 3) must be
# recognised as $s_{n_1 n_2}(i)$ among the targets of all mixtures and places. That is patch discrimination on (mixed, target) pairs:
#
# $$
# L_{\mathrm{Hm}} = \sum_{n_1, n_2, i} -\log\Bigl( P(n_1 n_2 i \mid \tilde{s}_{n_1 n_2}(i)) \prod_{(n_1' n_2' i') \ne (n_1 n_2 i)} \bigl(1 - P(n_1' n_2' i' \mid \tilde{s}_{n_1 n_2}(i))\bigr) \Bigr).
# \tag{LDL 16-18}
# $$
#
# ```{admonition} By hand
# :class: hint by-hand
# Two patches whose mixed vectors hit their orthogonal targets cost exactly what two perfectly separated patches cost in {doc}`method_patch_discrimination`,
# $2\log(1 + e^{-1/\tau})$ in the paper's formulation: there is no other loss.
# ```

# %%
first_patches = torch.eye(4, dtype=torch.float64)[None, :2]
second_patches = torch.eye(4, dtype=torch.float64)[None, 2:]
goal = mixup_target(first_patches, second_patches, torch.tensor([0.5]))[0]
loss = patch_discrimination(goal, goal, temperature=0.5, formulation="paper")
assert math.isclose(loss.item(), 2 * math.log(1 + math.exp(-2)), rel_tol=1e-9)
loss.item()

# %% [markdown]
# ## On images
#
# Does a network that was pretrained with mixup embed a mixture where it belongs, and one that was pretrained without it not? For every patch of a mixed pair, look for the nearest
# among the targets of all patches of all pairs, and count how often it is the patch's own. A cosine would not do: an encoder that gives all patches nearly the same vector has a high one.

# %% tags=["remove-input"]
trained = {
    name: encoders.pretrained(name, "fundus", profile=profile, seed=seed)
    for name in ("pd", "pd+mix")
}
batch = examples.own_images(trained["pd"].config, count=8)
images = torch.from_numpy(batch.images).float().div(255)
shares = torch.linspace(0, 1, 11)
found = {}
for name, encoder in trained.items():
    curve = []
    here = patch_vectors(encoder.embed(images), 8)
    for weight in shares:
        weight = weight.expand(4)
        blend = patch_vectors(encoder.embed(mixup_images(images[:4], images[4:], weight)), 8)
        goal = mixup_target(here[:4], here[4:], weight)
        curve.append(100 * retrieval_accuracy(goal.flatten(0, 1), blend.flatten(0, 1)))
    found[name] = curve
with plots.theme():
    figure, axes = plt.subplots(figsize=(5.2, 2.6))
    for name, curve in found.items():
        axes.plot(
            shares, curve, color=plots.colour_of(name), marker=plots.marker_of(name), label=name
        )
    axes.set(xlabel="λ", ylabel="targets found (%)", ylim=(0, 102))
    axes.legend()
plots.show(
    figure,
    caption=f"Share of the mixed patches whose nearest target among {4 * 64} is their own; eight images in four pairs. {batch.words} {trained['pd+mix'].words}",
    alt="Share of targets found over the mixing weight for the encoders pretrained without and with mixup; at λ = 0.5 they are "
    f"{found['pd'][5]:.0f} and {found['pd+mix'][5]:.0f} percent.",
)

# %% tags=["remove-input"]
Markdown(
    f"At λ = 0.5 the encoder pretrained without mixup finds {found['pd'][5]:.0f} % of the targets, the one pretrained with it "
    f"{found['pd+mix'][5]:.0f} %. Of the latter: {trained['pd+mix'].verdict}"
)

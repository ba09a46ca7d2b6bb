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
# # Where the paper and the release differ
#
# The published numbers were made by the released code {cite}`ldl_release`, read here at commit 72f5a74. In places it does not do what the paper {cite}`chen2021ldl` prints, in others it chooses what the paper leaves open. Where the losses differ both are
# implemented: `formulation="released"` is the default, because it made the numbers, `formulation="paper"` the variant. None of the release's code is used.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"
seed: int = 0

# %% tags=["remove-input"]
import numpy as np
import torch
from IPython.display import Markdown, display

from ldl import plots, report
from ldl.book.parameters import check
from ldl.engine.store import RunStore
from ldl.losses import patch_discrimination
from ldl.rng import generator
from ldl.sphere import unit
from ldl.tables.measure import show

check("paper_vs_release", globals())
store = RunStore()
report.complete("choices", profile, store)

real = show("choices", "open", store)
choices = real if real.measured else show("choices", profile, store)

# %% [markdown]
# ## All places
#
# We do as the release unless *here* says otherwise.
#
# ### Losses
#
# | place | the paper | the release |
# |---|---|---|
# | candidates of patches (Eq. 4, 5) | the $N$ patches of the unchanged views | the other $2N - 1$ of all $2N$ vectors, without gradient, each an anchor once {cite}`ye2019embinva`; *here* both |
# | wrong regions (Eq. 11, 12) | product over $1 - P$ | left out; *here* both |
# | sum or mean (Eq. 8, 12, 18) | sum over patches and images | mean; *here* in both, as the weights of Eq. 28 fit means alone |
# | prototypes (Eq. 10) | gradient not said | gradient goes through them |
# | temperature $\tau$ | not said | 0.1 for patches, 0.2 for regions |
# | mixed target (Eq. 14) | printed $(1 - \lambda s)$ | $(1 - \lambda) s$, without gradient |
# | $\lambda$ | in $(0, 1)$ | $U(0.2, 0.8)$, one a pair |
# | entropy (Eq. 29) | natural logarithm | to base 2 |
# | $r$ (Eq. 2) | $\ell_1$-normalised | of sigmoids, not a softmax |
#
# ### Training
#
# | place | the paper | the release |
# |---|---|---|
# | a data group | two views of an image, one mixed image | *two* images, two views of each, one mixture: 20 images a step for four groups, not 12 |
# | second step | region loss is "fused into the training process" | starts from the last epoch of the first; clustering branch and Adam new |
# | second view | flips and quarter turns | the flip reverses both axes, a half turn: four of the square's eight symmetries; *here* also all, `symmetries="dihedral"` |
# | beyond a map's border | not said | zeros, which tell how far away the border is, so that place alone helps to find a patch; *here* also `border="replicate"` |
# | what a view shows | 448 of 512 pixels | 0.9 to 1 of the reduced image's area; *here* also windows, `scale="native"` |
# | small turns | not said | up to 2° a view, not undone |
# | which epoch goes on | not said | the last to step 2, the best by an unseeded draw of views to the tasks; *here* the last to both |
# | clustering branch | as the embedding branch | C channels in the middle, default initialisation; *here* the embedding branch's width, Kaiming |
#
# ### Transfer
#
# | place | the paper | the release |
# |---|---|---|
# | epochs from scratch | not said | 100, against 100 frozen and 100 full for a pretrained encoder; *here* also equal updates |
# | frozen encoder | only the decoder is updated | also in evaluation mode |
# | validation | 20 % of the training data | the first 20 % of the list |
# | Dice loss (Eq. 30) | $\varepsilon = 1$ inside the factor 2: an exact prediction costs less than 0 | $\varepsilon$ below only, over the whole batch, inverted without positives; *here* $\varepsilon$ once above and below |
# | SIIM-ACR | 1,334 training and 1,335 test images | positives only, first half for training |
#
# ## On the same vectors
#
# How far apart are the two formulations before anything is trained? Patches that are found again more or less well, both losses, and the direction in which they push the anchors:


# %%
def compare(noise: float, number: int = 64, dimension: int = 32) -> dict[str, float]:
    """Both losses on ``number`` random patches whose second view is disturbed by ``noise``."""
    draw = generator(seed, "formulations")
    first = unit(torch.randn(number, dimension, generator=draw, dtype=torch.float64))
    second = unit(
        first + noise * torch.randn(number, dimension, generator=draw, dtype=torch.float64)
    )
    second.requires_grad_()
    losses = {
        kind: patch_discrimination(second, first, formulation=kind)
        for kind in ("paper", "released")
    }
    pushes = [torch.autograd.grad(loss, second)[0].flatten() for loss in losses.values()]
    cosine = torch.cosine_similarity(*pushes, dim=0)
    return {
        "noise": noise,
        **{kind: loss.item() for kind, loss in losses.items()},
        "cosine of the gradients": cosine.item(),
    }


rows = [compare(noise) for noise in (0.05, 0.1, 0.2, 0.4, 0.8)]

# %% tags=["remove-input"]
plots.small_table(
    rows,
    caption="Patch discrimination on 64 random patches in 32 dimensions; noise is the standard deviation a coordinate of the second view is disturbed by.",
)

# %% [markdown]
# ## On trained encoders
#
# The same encoder pretrained with one thing changed, everything else equal, and transferred. Three lines are not about the losses: the symmetries that the release's flip leaves out; borders replicated, in pretraining and transfer, so that no frame of zeros tells a pixel where it is; batch normalisation's statistics estimated anew without the blends that are a fifth of what Pd+mix sees.

# %% tags=["remove-input"]
if choices.phantom:
    display(report.machinery(choices))
else:
    display(report.group_table(choices, None))
    display(report.claims_table([one for one in report.judged(choices) if one.found], choices))
    display(report.encoders_table(choices))

# %% [markdown]
# ## On larger images
#
# At the size of our tables a vessel is one to two pixels wide. Windows of the same side, cut from images of their native size, cost a training step as much and keep the vessels; the encoder, too, is pretrained on windows. Masks are scored at the size of their images, so that rows of one scale compare and others do not.

# %% tags=["remove-input"]
scale = show("scale", "open", store)
if scale.measured:
    for part in report.whole_table(scale):
        display(part)
    display(report.claims_table([one for one in report.judged(scale) if one.found], scale))
    display(report.encoders_table(scale))
else:
    display(Markdown("Not yet run: `ldl run scale --profile open`."))


# %% tags=["remove-input"]
def lowest(row, columns):
    """The lowest Dice loss on validation images, mean over sets and seeds."""
    there = [
        record["validation_loss"]["full"]
        for column in columns
        if (row.key, column.key) in scale.cells
        for record in scale.cells[row.key, column.key].records
    ]
    return f"{np.mean(there):.3f}" if there else "–"


sides = {}
for column in scale.table.columns(scale.profile):
    sides.setdefault(column.group, []).extend([] if column.members else [column])
told = [
    f"{side}: "
    + ", ".join(f"{row.label} {lowest(row, one)}" for row in scale.table.rows(scale.profile))
    for side, one in sides.items()
]
Markdown(
    f"Lowest Dice loss on the validation images, mean over sets and seeds. {'; '.join(told)}."
    if scale.measured
    else ""
)

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
from dataclasses import dataclass

import numpy as np
import torch
from IPython.display import Markdown, display

from ldl import plots, report
from ldl.book.parameters import check
from ldl.config import build
from ldl.engine.execute import ensure
from ldl.engine.profiles import Profile, profile_named
from ldl.engine.store import Record, RunStore
from ldl.losses import patch_discrimination
from ldl.report import MARK
from ldl.report.words import BY_PAGE
from ldl.rng import generator
from ldl.runs.transfer import TransferConfig
from ldl.sphere import unit
from ldl.stats import seeds_by_images
from ldl.tables.encoders import config_of, transfer_config, variant_of
from ldl.tables.transfer import seeds_of
from ldl.tasks import TASKS

check("paper_vs_release", globals())

# %% tags=["remove-input"]
FUNDUS = ("chasedb1_vessel", "idrid_od")
PAPER = (("formulation", "paper"),)


@dataclass(frozen=True)
class Choice:
    """One line of the ablation: its method, what differs from the default, and its tasks.

    ``by_page``: whether the page itself makes it under a small profile.
    """

    label: str
    method: str
    knobs: tuple[tuple[str, str], ...] = ()
    by_page: bool = True
    tasks: tuple[str, ...] = FUNDUS


CHOICES = (
    Choice("Pd+mix, as the release", "pd+mix", tasks=(*FUNDUS, "scr_clavicle")),
    Choice("Pd+mix, losses as the paper prints them", "pd+mix", PAPER),
    Choice("Pd+mix, all eight symmetries", "pd+mix", (("symmetries", "dihedral"),), False),
    Choice("Pd+mix, borders replicated", "pd+mix", (("border", "replicate"),), False,
           (*FUNDUS, "scr_clavicle")),
    Choice("Pd+mix, statistics of unmixed views", "pd+mix", (("statistics", "unmixed"),), False),
    Choice("Rd, as the release", "rd"),
    Choice("Rd, losses as the paper prints them", "rd", PAPER),
)  # fmt: skip


def transfer_of(choice: Choice, task: str, profile: Profile, seed: int) -> TransferConfig:
    """The transfer that ``profile`` plans for ``task`` with all labels, from this encoder."""
    modality = TASKS[task].modality
    encoder = config_of(choice.method, modality, profile.name, seed, **dict(choice.knobs))  # type: ignore[arg-type]
    planned = transfer_config(variant_of(choice.method), task, profile, 1.0, seed)
    fields = {name: getattr(planned, name) for name in TransferConfig.model_fields}
    return build(TransferConfig, fields | {"encoder": encoder, "border": encoder.border})


def runs_of(choice: Choice, profile: str) -> list[TransferConfig]:
    """Transfers of a choice, for each task and seed; small profiles keep to the fundus."""
    found = profile_named(profile)
    tasks = FUNDUS if profile in BY_PAGE else choice.tasks
    seeds = seeds_of(variant_of(choice.method), found)
    return [transfer_of(choice, task, found, one) for task in tasks for one in seeds]


def known(profile: str, store: RunStore) -> dict[Choice, dict[TransferConfig, Record]]:
    """What there is of every choice; small profiles make what is missing of the cheaper ones."""
    found = {}
    for choice in CHOICES:
        runs = runs_of(choice, profile)
        if profile in BY_PAGE and choice.by_page:
            for run in runs:
                ensure(run, store)
        records = [(run, store.record(run)) for run in runs]
        there = {run: record for run, record in records if record and store.record(run.encoder)}
        if there:
            found[choice] = there
    return found


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
store = RunStore()
outcomes = known("open", store)
if not any(choice.knobs for choice in outcomes):
    outcomes = known(profile, store)


def dsc_of(choice, task):
    """Seed to the DSC of each test image, in per cent."""
    return {
        run.seed: 100 * np.array(record["dsc"])
        for run, record in outcomes[choice].items()
        if run.task == task
    }


def against(choice, task):
    """Mean DSC, and what the choice changes, paired by seed and image."""
    dsc = dsc_of(choice, task)
    if not dsc:
        return "–"
    mean = np.mean([one.mean() for one in dsc.values()])
    usual = next(one for one in outcomes if one.method == choice.method)
    held = [seed for seed in dsc if seed in dsc_of(usual, task)]
    seeds = f"{len(held)} seed{'s'[: len(held) > 1]}"
    if choice is usual:
        return f"{mean:.1f}<br><small>{seeds}</small>"
    gaps = np.array([dsc[seed] - dsc_of(usual, task)[seed] for seed in held])
    ends = " to ".join(map(report.signed, seeds_by_images([gaps])))
    return f"{mean:.1f}<br><small>{report.signed(gaps.mean())} ({ends}), {seeds}</small>"


def of_encoders(encoders, name):
    """From the lowest to the highest seed, in per cent."""
    ends = sorted(100 * one[name] for one in encoders)
    return "–".join(dict.fromkeys(f"{one:.0f}" for one in (ends[0], ends[-1])))


tasks = {run.task: len(record["dsc"]) for each in outcomes.values() for run, record in each.items()}
rows, encoders = [], {}
for choice, found in outcomes.items():
    fundus = [store.record(run.encoder) for run in found if run.task in FUNDUS]
    encoders |= {record["run_id"]: record for record in fundus}
    mark = "" if all(record["trained"] for record in fundus) else f" {MARK}"
    rows.append(
        {
            "encoder": choice.label + mark,
            "found (%)": of_encoders(fundus, "retrieval"),
            **{
                f"{TASKS[task].column}<br><small>n = {n}</small>": against(choice, task)
                for task, n in tasks.items()
            },
        }
    )
records = [record for each in outcomes.values() for record in each.values()]
if rows:
    display(
        plots.small_table(
            rows,
            caption="Share of patches of held-out fundus images that are found again, over the seeds; mean DSC (%) and what the choice changes in it, with a 95 % interval over images and, where there are several, seeds. "
            f"{MARK} pretraining fell short. {report.provenance([*encoders.values(), *records])}",
        )
    )
    if report.is_phantom(records[0]):
        display(Markdown("These are phantoms, which tell nothing about the paper."))
else:
    display(Markdown("Not yet run under this profile."))

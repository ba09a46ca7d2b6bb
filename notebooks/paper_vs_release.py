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
from ldl.engine.profiles import profile_named
from ldl.engine.store import Record, RunStore
from ldl.losses import patch_discrimination
from ldl.report import MARK
from ldl.report.words import BY_PAGE
from ldl.rng import generator
from ldl.runs.pretrain import PretrainConfig
from ldl.runs.transfer import TransferConfig
from ldl.sphere import unit
from ldl.stats import bootstrap_interval
from ldl.tables.encoders import Variant, config_of, transfer_configs
from ldl.tasks import TASKS

check("paper_vs_release", globals())

# %% tags=["remove-input"]
TASKS_SHOWN = ("chasedb1_vessel", "idrid_od")


@dataclass(frozen=True)
class Choice:
    """One encoder of the ablation: its method and what differs from the default.

    ``by_page``: whether the page itself makes it under a small profile.
    """

    label: str
    method: str
    knobs: tuple[tuple[str, str], ...] = ()
    by_page: bool = True


CHOICES = (
    Choice("Pd+mix, as the release", "pd+mix"),
    Choice("Pd+mix, losses as the paper prints them", "pd+mix", (("formulation", "paper"),)),
    Choice("Pd+mix, all eight symmetries", "pd+mix", (("symmetries", "dihedral"),), by_page=False),
    Choice("Rd, as the release", "rd"),
    Choice("Rd, losses as the paper prints them", "rd", (("formulation", "paper"),)),
)


@dataclass(frozen=True)
class Outcome:
    """One line of the ablation; ``scores`` maps a column to (mean, low, high, n) in percent."""

    choice: Choice
    encoder: Record
    scores: dict[str, tuple[float, float, float, int]]
    records: tuple[Record, ...]


def transfer_of(encoder: PretrainConfig, task: str, profile: str) -> TransferConfig:
    """The transfer that ``profile`` plans for ``task``, from this encoder, with all labels."""
    variant = Variant(encoder.method, clusters=encoder.clusters)
    planned = transfer_configs(variant, task, profile_named(profile))[-1]
    fields = {name: getattr(planned, name) for name in TransferConfig.model_fields}
    wanted = {"encoder": encoder, "seed": encoder.seed, "label_fraction": 1.0}
    return build(TransferConfig, fields | wanted)


def encoder_of(choice: Choice, profile: str, seed: int) -> PretrainConfig:
    """The encoder of a choice under ``profile``."""
    config = config_of(choice.method, "fundus", profile, seed, **dict(choice.knobs))  # type: ignore[arg-type]
    assert isinstance(config, PretrainConfig), "the ablation is of LDL's own methods"
    return config


def runs_of(profile: str, seed: int = 0) -> list[TransferConfig]:
    """All transfers of the ablation, for `ldl.engine.execute.ensure`."""
    encoders = [encoder_of(choice, profile, seed) for choice in CHOICES]
    return [transfer_of(encoder, task, profile) for encoder in encoders for task in TASKS_SHOWN]


def ablation(profile: str, seed: int, store: RunStore) -> list[Outcome]:
    """What is known of every choice; small profiles make what is missing of the cheaper ones."""
    found = (outcome(choice, profile, seed, store) for choice in CHOICES)
    return [each for each in found if each is not None]


def outcome(choice: Choice, profile: str, seed: int, store: RunStore) -> Outcome | None:
    """One line; None where a record is missing and not made by a page."""
    encoder = encoder_of(choice, profile, seed)
    runs = {task: transfer_of(encoder, task, profile) for task in TASKS_SHOWN}
    if profile in BY_PAGE and choice.by_page:
        for run in runs.values():
            ensure(run, store)
    pretraining = store.record(encoder)
    records = {task: store.record(run) for task, run in runs.items()}
    there = {task: record for task, record in records.items() if record is not None}
    if pretraining is None or len(there) < len(records):
        return None
    scores = {}
    for task, record in there.items():
        values = 100 * np.array(record["dsc"])
        low, high = bootstrap_interval(values)
        scores[TASKS[task].column] = (float(values.mean()), low, high, len(values))
    return Outcome(choice, pretraining, scores, tuple(there.values()))


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
# The same encoder pretrained with either formulation, everything else equal, and transferred to two tasks; a further row restores the four symmetries that the release's flip leaves out.


# %% tags=["remove-input"]
def lines(outcomes):
    """One row a choice: how well its encoder finds patches, and the two tasks."""
    rows = []
    for one in outcomes:
        cells = {
            "encoder": one.choice.label + ("" if one.encoder["trained"] else f" {MARK}"),
            "patches found (%)": f"{100 * one.encoder['retrieval']:.1f}",
            "late fall (%)": f"{100 * one.encoder['late_gain']:.1f}",
        }
        for column, (mean, low, high, count) in one.scores.items():
            cells[f"{column}<br><small>n = {count}</small>"] = (
                f"{mean:.1f}<br><small>{low:.1f}–{high:.1f}</small>"
            )
        rows.append(cells)
    return rows


def show(outcomes):
    """The table, and what it was made from."""
    records = [record for one in outcomes for record in (one.encoder, *one.records)]
    display(
        plots.small_table(
            lines(outcomes),
            caption="Share of patches of held-out images that are found again, share of the loss's fall in the last fifth of the steps, and mean DSC (%) with its 95 % bootstrap interval. "
            f"{MARK} pretraining fell short. {report.provenance(records)}",
        )
    )


store = RunStore()
real = ablation("open", seed, store)
outcomes = real if any(one.choice.knobs for one in real) else ablation(profile, seed, store)
if outcomes:
    show(outcomes)
else:
    display(Markdown("Not yet run under this profile."))


# %% tags=["remove-input"]
def gaps(outcomes, first, second):
    """Difference of two choices on every task, in points, and whether the intervals overlap."""
    by_label = {one.choice.label: one for one in outcomes}
    if not {first, second} <= set(by_label):
        return []
    pairs = [
        (column, by_label[first].scores[column], by_label[second].scores[column])
        for column in by_label[first].scores
    ]
    return [
        f"{column} {a[0] - b[0]:+.1f} ({'apart' if a[1] > b[2] or b[1] > a[2] else 'intervals overlap'})"
        for column, a, b in pairs
    ]


names = [choice.label for choice in CHOICES]
said = [
    f"- {first} minus {second}: {', '.join(found)}."
    for first, second in ((names[1], names[0]), (names[2], names[0]), (names[4], names[3]))
    if (found := gaps(outcomes, first, second))
]
kind = (
    "phantoms, which tell nothing about the paper"
    if outcomes and report.is_phantom(outcomes[0].records[0])
    else "real images"
)
if said:
    display(Markdown("\n".join([f"Differences in points of DSC, measured on {kind}:", "", *said])))

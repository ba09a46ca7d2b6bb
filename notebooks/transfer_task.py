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
# # Transfer an encoder to one task
#
# A pretrained encoder earns its keep when a segmentation network that starts from it does better than one that starts from nothing. This page takes one task, trains both, and shows the images behind the means:
#
# ```bash
# ldl book run transfer_task -p task scr_heart -p method rd
# ```

# %% tags=["parameters"]
profile: str = "demo"
task: str = "chasedb1_vessel"
method: str = "pd+mix"
seed: int = 0
label_fraction: float = 1.0

# %% tags=["remove-input"]
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from IPython.display import Markdown
from matplotlib import pyplot as plt
from numpy.typing import NDArray

from ldl import plots, report
from ldl.book.parameters import check
from ldl.config import build
from ldl.data.prepare import task_bank
from ldl.engine.execute import ensure
from ldl.engine.profiles import profile_named
from ldl.engine.store import Record, RunStore
from ldl.losses import dice_loss
from ldl.metrics import dsc
from ldl.models import SegmentationNet
from ldl.report.encoders import verdict
from ldl.report.examples import may_be_shown
from ldl.runs.transfer import TransferConfig
from ldl.stats import bootstrap_interval
from ldl.tables.encoders import Variant, encoder_config, transfer_configs, variant_of
from ldl.tasks import TASKS, task_named
from ldl.train import checkpoint
from ldl.train.device import Feed
from ldl.train.transfer import TEST_BATCH, THRESHOLD, predict

check("transfer_task", globals())


def data_words(record):
    """On what, how much, with which seed, where."""
    data = record["data"]
    counts = ", ".join(f"{data[k]} {k}" for k in ("train", "validation", "test"))
    kind = "Phantoms" if report.is_phantom(record) else f"Real images, {data['name']}"
    return f"{kind} ({counts}), {record['config']['data']['size']} pixels, seed {record['config']['seed']}; {record['provenance']['device']}, commit {record['provenance']['commit']}."


def evidence_words(record):
    """How far the number may be believed."""
    if report.is_phantom(record):
        return "These images are phantoms: the number shows that the method runs, and is no evidence about the paper."
    size = record["config"]["data"]["size"]
    return f"These are real images at {size} pixels, where the paper has 512, and a smaller budget."


# %% tags=["remove-input"]
EQUAL = "scratch, equal updates"


@dataclass(frozen=True)
class Pictures:
    """The test images of a task as they may be shown: grey in place of what may not.

    Attributes:
        images: (N, C, H, W) uint8.
        masks: (N, H, W) uint8 in {0, 1}.
        words: what they are, for a caption.
    """

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    words: str


@dataclass(frozen=True)
class Start:
    """One way to start a segmentation network, and how it ended."""

    config: TransferConfig
    record: Record
    store: RunStore

    @cached_property
    def pictures(self) -> Pictures:
        """The test images, in the order of the record's scores."""
        bank = task_bank(self.config.data, self.config.task)
        rows = bank.rows("test")
        images, masks = np.array(bank.images[rows]), np.array(bank.masks[rows])
        if self.config.data.source == "phantom":
            return Pictures(images, masks, "Images: phantoms.")
        manifest = may_be_shown(self.config.task)
        if manifest:
            words = f"Real images: {manifest.title} ({manifest.licence.name})."
            return Pictures(images, masks, words)
        grey = np.full_like(images, 96)
        return Pictures(grey, masks, "The licence does not let these images be shown: masks only.")

    @cached_property
    def predictions(self) -> NDArray[np.bool_]:
        """(N, H, W) the network's segmentation of the test images."""
        bank = task_bank(self.config.data, self.config.task)
        net = SegmentationNet(self.config.base, bank.images.shape[1], self.config.border)
        net.load_state_dict(checkpoint.load(self.store.weights(self.config))[0])
        feed = Feed(bank.images, torch.device("cpu"))
        found: NDArray[np.bool_] = (
            predict(net, feed, bank.rows("test"), TEST_BATCH)[:, 0] > THRESHOLD
        ).numpy()
        return found

    @property
    def verdict(self) -> str:
        """Whether its encoder was pretrained far enough; empty from scratch."""
        record = self.store.record(self.config.encoder) if self.config.encoder else None
        return verdict(record) if record else ""


def config_of(
    task: str, variant: Variant, profile: str, *, seed: int = 0, label_fraction: float = 1.0
) -> TransferConfig:
    """The transfer that ``profile`` plans, with another seed and share of the labels.

    Raises:
        ConfigError: unknown task or profile, or a value out of range.
    """
    planned = transfer_configs(variant, task_named(task).key, profile_named(profile))[0]
    encoder = encoder_config(variant, task_named(task).modality, profile_named(profile), seed)
    fields = {name: getattr(planned, name) for name in TransferConfig.model_fields}
    return build(
        TransferConfig,
        {**fields, "seed": seed, "label_fraction": label_fraction, "encoder": encoder},
    )


def compare(
    task: str, method: str, profile: str, *, seed: int = 0, label_fraction: float = 1.0
) -> dict[str, Start]:
    """Scratch, scratch at equal updates, and ``method``, on one task; trained where missing.

    Raises:
        ConfigError: unknown method, task or profile.
    """
    variants = {
        "scratch": Variant("scratch"),
        EQUAL: Variant("scratch", equal_updates=True),
        method: variant_of(method),
    }
    store = RunStore()
    starts = {}
    for name, variant in variants.items():
        config = config_of(task, variant, profile, seed=seed, label_fraction=label_fraction)
        starts[name] = Start(config, ensure(config, store, weights=True), store)
    return starts


# %% [markdown]
# ## Two phases
#
# ```{admonition} The paper says
# :class: note paper
# The encoder is the pretrained one, the decoder is new. For 100 epochs only the decoder is updated, then everything for 100 more; Adam with a rate of 0.001;
# 20 % of the training data choose the best epoch (section 6.1.2).
# ```
#
# ```{admonition} We do
# :class: tip ours
# As the release: the frozen encoder is in evaluation mode, each phase has a fresh Adam and ends with the weights of its best epoch. Scratch has no frozen phase and is trained twice: for the second phase's epochs alone, as the release does, and for as many updates as both phases.
# ```

# %% tags=["remove-input"]
plots.source(SegmentationNet)

# %% [markdown]
# The loss is the Dice loss over a whole batch,
#
# $$
# L_{\mathrm{dice}} = 1 - \frac{2 \sum_n y'_n y_n + \varepsilon}{\sum_n y'_n + \sum_n y_n + \varepsilon}, \qquad \varepsilon = 1.
# \tag{LDL 30}
# $$

# %% tags=["remove-input"]
plots.source(dice_loss)

# %% [markdown]
# ```{admonition} By hand
# :class: hint by-hand
# Three pixels, of which two are positive; the prediction has one of them right and nothing else. The overlap is 1, so the loss is $1 - (2 + 1)/(1 + 2 + 1) = 1/4$ and the score
# without smoothing is $\mathrm{DSC} = 2/3$.
# ```

# %%

truth, prediction = torch.tensor([[[1.0, 1.0, 0.0]]]), torch.tensor([[[1.0, 0.0, 0.0]]])
assert dice_loss(prediction, truth) == 0.25
assert np.isclose(dsc(prediction.numpy() > 0.5, truth.numpy())[0], 2 / 3)

# %% [markdown]
# ## The runs

# %%
runs = compare(task, method, profile, seed=seed, label_fraction=label_fraction)
report.run_card(runs[method].record)

# %% tags=["remove-input"]
with plots.theme():
    figure, axes = plt.subplots(figsize=(5.6, 2.6))
    for number, (name, run) in enumerate(runs.items()):
        done = 0
        for phase, losses in run.record["losses"].items():
            steps = done + np.array(losses["step"])
            axes.plot(
                steps,
                plots.smooth(losses["dice"]),
                color=plots.colour_of(name, number),
                label=name if done == 0 else None,
                linestyle=":" if phase == "frozen" else "-",
            )
            done = steps[-1]
    axes.set(xlabel="update", ylabel="Dice loss (training)")
    axes.legend()
ends = {name: list(run.record["losses"].values())[-1]["dice"][-1] for name, run in runs.items()}
plots.show(
    figure,
    caption="Training loss over the updates; dotted: frozen encoder. "
    + data_words(runs[method].record),
    alt="Curves of the training loss; at the end "
    + ", ".join(f"{name} {value:.2f}" for name, value in ends.items())
    + ".",
)

# %% [markdown]
# ## Image by image
#
# A mean hides which images it comes from. The same test images in all rows:

# %% tags=["remove-input"]
scores = {name: 100 * np.array(run.record["dsc"]) for name, run in runs.items()}
with plots.theme():
    figure, axes = plt.subplots(figsize=(5.6, 0.5 * len(scores) + 0.9))
    for place, (name, values) in enumerate(scores.items()):
        low, high = bootstrap_interval(values, seed=seed)
        axes.plot(
            values,
            np.full(len(values), place),
            "|",
            color=plots.colour_of(name, place),
            markersize=9,
            alpha=0.8,
        )
        axes.plot([low, high], [place, place], color=plots.INK, linewidth=2.5)
        axes.plot(
            values.mean(),
            place,
            plots.marker_of(name, place),
            color=plots.colour_of(name, place),
            markersize=7,
            markeredgecolor=plots.INK,
        )
    axes.set_yticks(range(len(scores)), list(scores))
    axes.set_ylim(len(scores) - 0.5, -0.5)
    axes.set(xlabel="DSC (%)")
plots.show(
    figure,
    caption="DSC of each test image (strokes), their mean, and its 95 % bootstrap interval (bar). "
    + data_words(runs[method].record),
    alt="; ".join(
        f"{name}: mean {values.mean():.1f}, from {values.min():.1f} to {values.max():.1f}"
        for name, values in scores.items()
    )
    + ".",
)

# %% tags=["remove-input"]
plots.small_table(
    [
        {
            "start": name,
            "updates": run.record["updates"],
            "mean DSC (%)": values.mean(),
            "95 % interval": "{:.1f} to {:.1f}".format(*bootstrap_interval(values, seed=seed)),
            "n": len(values),
            "images where it beats scratch": ""
            if name == "scratch"
            else f"{int((values > scores['scratch']).sum())} of {len(values)}",
        }
        for (name, run), values in zip(runs.items(), scores.values(), strict=True)
    ],
    wraps=True,
    caption=f"{TASKS[task].column}: {TASKS[task].structure}. {data_words(runs[method].record)}",
)

# %% [markdown]
# ## Best, median, worst

# %% tags=["remove-input"]
order = np.argsort(-scores[method], kind="stable")
picked = {"best": order[0], "median": order[len(order) // 2], "worst": order[-1]}
pictures = runs[method].pictures
rows, captions = [], []
for name, run in runs.items():
    rows.append(
        [
            plots.overlay(pictures.images[k], pictures.masks[k], run.predictions[k]).transpose(
                2, 0, 1
            )
            for k in picked.values()
        ]
    )
    captions.append([f"{scores[name][k]:.1f}" for k in picked.values()])
figure = plots.image_grid(
    [[pictures.images[k] for k in picked.values()], *rows],
    titles=list(picked),
    row_titles=["image", *runs],
    captions=[[""] * 3, *captions],
    width=1.6,
)
plots.overlay_legend(figure)
plots.show(
    figure,
    caption=f"The test images that the {method} encoder segments best, at the median and worst, with the DSC (%) of every start. {pictures.words}",
    alt=f"Rows of three pictures: the images, then their segmentations by {', '.join(runs)}; DSC of {method} "
    + ", ".join(f"{name} {scores[method][k]:.1f}" for name, k in picked.items())
    + ".",
)

# %% tags=["remove-input"]
gap = scores[method].mean() - scores["scratch"].mean()
even = (
    scores[method].mean() - scores["scratch, equal updates"].mean() if method != "scratch" else 0.0
)
Markdown(
    f"On this task and data the {method} encoder is {gap:+.1f} points from scratch at the released budget and {even:+.1f} from scratch at equal updates. "
    + evidence_words(runs[method].record)
    + " "
    + runs[method].verdict
)

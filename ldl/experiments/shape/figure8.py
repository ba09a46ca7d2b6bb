"""Figure 8: synthetic samples of the baselines, and every row's segmentation with its DSC."""

import numpy as np
import torch
from IPython.display import Markdown, display

from ldl import plots
from ldl.data.field import field_masks
from ldl.data.shape_prior import shape_prior
from ldl.engine.store import RunStore
from ldl.experiments.examples import may_be_shown
from ldl.experiments.shape.pages import Shown
from ldl.experiments.shape.rows import COLUMNS, ROWS, shape_configs
from ldl.metrics import dsc
from ldl.rng import generator
from ldl.runs.shape import ShapeConfig
from ldl.train.references import References
from ldl.train.shape import restore

SAMPLES = 5
SHORT = {"refine_uncer": "RefineU."}
PAPERS = tuple(row for row in ROWS if row.published)
NO_WEIGHTS = Markdown(
    "The networks of this profile are not on this machine; records alone cannot be looked at."
)


def show_samples(shown: Shown, store: RunStore, seed: int = 0) -> None:
    """Reference masks as the generators see them, and the photographs that are made of them."""
    runs = {row.label: _run(shown, row.key, seed) for row in ROWS[:2]}
    if not all(restore.is_there(run, store) for run in runs.values()):
        display(NO_WEIGHTS)
        return
    config = next(iter(runs.values())).synthesis
    assert config is not None
    prior = shape_prior(config.images, shown.prior, config.masks)
    drawn = References(prior, config.crop, generator(seed, "figure 8"), torch.device("cpu"))
    masks = drawn.draw(SAMPLES)
    rows = [[np.asarray(mask[0]) for mask in masks]]
    rows += [list(restore.synthetic(run, masks, store)) for run in runs.values()]
    plots.show(
        plots.image_grid(rows, row_titles=["mask", *runs], upright=True, width=1.0),
        caption=f"Figure 8, synthetic samples. {shown.prior.upper()} masks ({shown.kind}) and what "
        f"the generators make of them; the first {SAMPLES} drawn, seed {seed}.",
        alt=f"A row of {SAMPLES} vessel masks over two rows of synthetic fundus pictures.",
    )


def show_segmentations(shown: Shown, store: RunStore, seed: int = 0) -> None:
    """The first test image of each set under every row of the paper, with its DSC."""
    runs = {row: _run(shown, row.key, seed) for row in PAPERS}
    if not all(restore.is_there(run, store) for run in runs.values()):
        display(NO_WEIGHTS)
        return
    rows, captions = [], []
    for task in COLUMNS:
        images, truth = restore.first_tests(next(iter(runs.values())), task, 1)
        inside = field_masks(images)
        found = {row: restore.regions(run, images, store) for row, run in runs.items()}
        scores = {row: float(dsc(one, truth & inside)[0]) for row, one in found.items()}
        grey = np.full_like(images[0], 96)
        picture = images[0] if shown.phantom or may_be_shown(task) else grey
        rows.append(
            [picture, truth[0].astype(float), *[one[0].astype(float) for one in found.values()]]
        )
        captions.append(["", "", *[f"{100 * score:.1f}" for score in scores.values()]])
    titles = ["image", "truth", *[SHORT.get(row.key, row.label) for row in PAPERS]]
    plots.show(
        plots.image_grid(
            rows, titles=titles, captions=captions, row_titles=list(COLUMNS.values()), width=0.92
        ),
        caption=f"Figure 8, segmentations guided by {shown.prior.upper()} masks ({shown.kind}, "
        f"profile {shown.profile.name}, seed {seed}): the first test image of each set, the DSC in "
        "percent under each. An image is grey where its licence does not let it be shown.",
        alt="Four fundus images, their vessels, and six segmentations each. DSC in percent: "
        + "; ".join(
            f"{column} " + ", ".join(text for text in line if text)
            for column, line in zip(COLUMNS.values(), captions, strict=True)
        )
        + ".",
    )  # fmt: skip


def _run(shown: Shown, key: str, seed: int) -> ShapeConfig:
    row = next(one for one in ROWS if one.key == key)
    return next(run for run in shape_configs(row, shown.prior, shown.profile) if run.seed == seed)

"""One guided clustering: its training, and what its record holds."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ldl.data.bank import Bank
from ldl.data.colour import normalise
from ldl.data.prepare import pretraining_bank
from ldl.data.preprocess import field_masks
from ldl.data.shape_prior import shape_prior
from ldl.metrics import Shape, collapse, shape_of
from ldl.runs.shape import GuideConfig
from ldl.train.device import Fabric
from ldl.train.guide import WATCHED, Guided, guide
from ldl.train.loop import Progress
from ldl.train.made import How, Made, curves, data_line
from ldl.train.pseudo import at_scale, target_maps
from ldl.train.references import drawn_shape

POINTS = 100
THRESHOLD = 0.5
BATCH = 8


def train(
    run: GuideConfig,
    bank: Bank,
    start: dict[str, Tensor] | None,
    *,
    folder: Path,
    fabric: Fabric,
    identity: dict[str, Any],
    progress: Progress = False,
) -> Guided:
    """Train ``run`` on ``bank``, see :func:`ldl.train.guide.guide`.

    Raises:
        DataError: the reference masks are not at hand or damaged.
    """
    return guide(
        run,
        bank,
        shape_prior(run.data, run.prior, run.masks),
        folder=folder,
        fabric=fabric,
        start=start,
        identity=identity,
        progress=progress,
    )


def fields(run: GuideConfig, done: Guided, bank: Bank) -> dict[str, Any]:
    """For a record: the curves of what was watched, and the target region of held-out images.

    ``collapse`` is what `ldl.metrics.collapse` finds there, "" where it is vessel-like.
    """
    parts = np.array_split(done.watch.numpy(), min(POINTS, len(done.watch)))
    means = np.stack([part.mean(axis=0) for part in parts])
    watch = {name: [round(float(v), 5) for v in means[:, k]] for k, name in enumerate(WATCHED)}
    found = _held_out(run, done, bank)
    prior = shape_prior(run.data, run.prior, run.masks)
    reference = drawn_shape(prior, run.references, run.region.crop)
    return {
        "watch": watch,
        "retrieval": round(done.retrieval, 5),
        "retrieval_before": round(done.retrieval_before, 5),
        "retrieval_among": 2 * run.region.groups * run.region.patch_grid**2,
        "shape": found.record(),
        "reference": reference.record(),
        "collapse": collapse(found, reference),
    }


def _held_out(run: GuideConfig, done: Guided, bank: Bank) -> Shape:
    net = done.net.eval()
    device = next(net.parameters()).device
    images = at_scale(torch.from_numpy(np.array(bank.images[done.rows])), run.region)
    window = None if run.references == "whole" else run.region.crop
    inside = field_masks((images * 255).round().to(torch.uint8).numpy())
    found = [
        target_maps(net, normalise(part.to(device)), run.region.region_temperature)[0].cpu()
        for part in images.split(BATCH)
    ]
    return shape_of(torch.cat(found).numpy() > THRESHOLD, inside, window)


def make_guide(run: GuideConfig, how: How) -> Made:
    """Guided clustering, after its step 1."""
    start = how.before(run.step1)
    bank = pretraining_bank(run.data, run.region.modality)
    done = train(
        run,
        bank,
        start,
        folder=how.folder,
        fabric=how.fabric,
        identity=how.identity(bank.fingerprint),
        progress=how.progress,
    )
    found = {"losses": curves(done.history), **fields(run, done, bank)}
    return Made(done.net.state_dict(), data_line(bank), done.history.seconds, found)

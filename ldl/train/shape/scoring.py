"""Scores of a run of shape-guided segmentation: every test set, and the shape of its regions."""

from typing import Any

import numpy as np
import torch

from ldl.data.colour import normalise, to_float
from ldl.data.prepare import task_bank
from ldl.data.preprocess import field_masks
from ldl.data.shape_prior import shape_prior
from ldl.metrics import collapse, dsc, shape_of
from ldl.runs.shape import ShapeConfig
from ldl.tasks import VESSEL_TASKS
from ldl.train.device import Feed
from ldl.train.made import How, Made, curves
from ldl.train.references import drawing_of, drawn_shape, masks_of
from ldl.train.shape.outputs import BATCH, Predictor, as_scored, output_of

THRESHOLD = 0.5


@torch.no_grad()
def predicted(predict: Predictor, images: np.ndarray, device: torch.device) -> np.ndarray:
    """The target's probability in each image, without augmentation.

    Args:
        predict: of a run.
        images: (N, 3, S, S) uint8.
        device: where it runs.

    Returns:
        (N, S, S) float32.
    """
    feed = Feed(images, device)
    parts = [
        predict(normalise(to_float(feed[torch.arange(start, min(start + BATCH, len(images)))])))
        for start in range(0, len(images), BATCH)
    ]
    found: np.ndarray = torch.cat(parts).cpu().numpy()
    return found


def scores(predict: Predictor, run: ShapeConfig, device: torch.device) -> dict[str, Any]:
    """DSC of each test image inside the field of view, and what the target regions look like.

    Args:
        predict: of :func:`ldl.train.shape.outputs.output_of`.
        run: whose test images, and whose reference masks say what is vessel-like.
        device: where it runs.

    Returns:
        ``tests`` by task (ids, dsc, share, truth_share), ``shape`` of all, ``reference`` of the
        masks, and ``collapse``, see `ldl.metrics`.
    """
    tests, regions, fields = {}, [], []
    for task in VESSEL_TASKS:
        bank = task_bank(run.data, task)
        rows = bank.rows("test")
        images, truth = np.array(bank.images[rows]), np.array(bank.masks[rows]) > 0
        inside = field_masks(images)
        region = (predicted(predict, images, device) > THRESHOLD) & inside
        tests[task] = {
            "ids": [bank.ids[row] for row in rows],
            "fingerprint": bank.fingerprint,
            "dsc": [round(float(v), 6) for v in dsc(region, truth & inside)],
            "share": round(float(region.sum() / inside.sum()), 5),
            "truth_share": round(float((truth & inside).sum() / inside.sum()), 5),
        }
        regions.append(region)
        fields.append(inside)
    kind, crop = drawing_of(run)
    window = None if kind == "whole" else crop
    found = shape_of(np.concatenate(regions), np.concatenate(fields), window)
    reference = drawn_shape(shape_prior(run.data, run.prior, masks_of(run)), kind, crop)
    return {
        "tests": tests,
        "shape": found.record(),
        "reference": reference.record(),
        "collapse": collapse(found, reference),
    }


def data_fields(found: dict[str, Any]) -> dict[str, Any]:
    """A record's ``data``: the test sets that were scored, with their fingerprints."""
    tests = found["tests"]
    return {
        "name": ", ".join(tests),
        "fingerprint": "-".join(one["fingerprint"][:8] for one in tests.values()),
        "test": sum(len(one["ids"]) for one in tests.values()),
    }


def make(run: ShapeConfig, how: How) -> Made:
    """An output or a baseline, scored on every test set; some of them train nothing."""
    done = output_of(
        run,
        how.before(run.guide),
        folder=how.folder,
        fabric=how.fabric,
        identity=how.identity(""),
        progress=how.progress is True,
    )
    found = scores(as_scored(run, done.predict), run, how.fabric.device)
    losses = {name: curves(history) for name, history in done.histories.items()}
    fields = {"losses": losses, **done.extra, **found}
    return Made(done.weights, data_fields(found), done.seconds, fields)

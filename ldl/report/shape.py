"""Finished runs of Tables 5 and 6, read back from their weights to look at what they predict."""

import numpy as np
import torch
from torch import Tensor

from ldl.data.prepare import task_bank
from ldl.data.preprocess import field_masks
from ldl.engine.store import RunStore
from ldl.methods.synthesis import as_signed
from ldl.models.segmentation import TargetNet
from ldl.models.translation import Generator
from ldl.runs.shape import ShapeConfig
from ldl.train import checkpoint
from ldl.train.references import top_hat
from ldl.train.shape import (
    THRESHOLD,
    Predictor,
    as_scored,
    guided_net,
    guided_predictor,
    predicted,
    probability,
    shown_share,
    taught_of,
)

CPU = torch.device("cpu")


def is_there(run: ShapeConfig, store: RunStore) -> bool:
    """Whether the weights that ``run`` needs to predict are on this machine."""
    needed = run if run.trains else run.guide
    return run.output == "top-hat" or (needed is not None and store.weights(needed).exists())


def regions(run: ShapeConfig, images: np.ndarray, store: RunStore) -> np.ndarray:
    """The target region of each image inside the field of view, as the run's scores were made.

    Args:
        run: finished, see :func:`is_there`.
        images: (N, 3, S, S) uint8.
        store: where its weights lie.

    Returns:
        (N, S, S) bool.
    """
    found = predicted(as_scored(run, _predictor(run, store)), images, CPU) > THRESHOLD
    return np.asarray(found & field_masks(images))


def _predictor(run: ShapeConfig, store: RunStore) -> Predictor:
    if run.guide and not run.refine:
        net = guided_net(run.guide, checkpoint.load(store.weights(run.guide))[0], CPU)
        return guided_predictor(run.guide, net, run.output)
    if run.output == "top-hat":
        share = shown_share(run)
        return lambda images: top_hat(images, share)
    weights = checkpoint.load(store.weights(run))[0]
    if run.synthesis:
        trained = TargetNet(run.synthesis.segment_base)
        weights = checkpoint.under("segment", weights)
    else:
        taught = taught_of(run)
        trained = TargetNet(taught.base, border=taught.border)
    trained.load_state_dict(weights)
    return probability(trained)


def synthetic(run: ShapeConfig, masks: Tensor, store: RunStore) -> np.ndarray:
    """What a baseline's generator makes of reference masks.

    Args:
        run: CycleGAN or SynSeg.
        masks: (N, 1, S, S) float in 0..1.
        store: where its weights lie.

    Returns:
        (N, 3, S, S) uint8.
    """
    assert run.synthesis is not None, "a baseline"
    net = Generator(1, 3, run.synthesis.base, run.synthesis.blocks)
    net.load_state_dict(checkpoint.under("to_image", checkpoint.load(store.weights(run))[0]))
    with torch.no_grad():
        made = (net.eval()(as_signed(masks)) + 1) / 2
    return np.asarray((made * 255).round().clamp(0, 255).to(torch.uint8))


def first_tests(run: ShapeConfig, task: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The first test images of a set and their masks, (count, 3, S, S) and (count, S, S)."""
    bank = task_bank(run.data, task)
    rows = bank.rows("test")[:count]
    return np.array(bank.images[rows]), np.array(bank.masks[rows]) > 0

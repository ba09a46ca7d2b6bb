"""Nearest patches under an encoder, and how often they show the same thing.

Every encoder is read in the same way: its deepest map, on which the losses of all comparison
methods act, brought to a grid of cells. LDL's embedding of pixels, behind a decoder, is not read.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ldl.data.symmetry import undo_symmetry
from ldl.data.views import draw_views
from ldl.report.examples import displayed
from ldl.report.networks import Encoder
from ldl.report.patches import GRID, LIT, LIT_CELL, OUTSIDE, Patches, shares
from ldl.rng import generator, numpy_generator
from ldl.stats import RESAMPLES
from ldl.train.probe import retrieval_accuracy


def cell_maps(encoder: Encoder, images: Tensor) -> Tensor:
    """(B, C, H, W) float in 0..1 -> (B, K, GRID, GRID): the deepest map, bilinearly to the grid."""
    deepest = encoder.features(images)[-1]
    pooled = F.adaptive_avg_pool2d(deepest, min(GRID, deepest.shape[-1]))
    return F.interpolate(pooled, size=(GRID, GRID), mode="bilinear")


def _vectors(maps: Tensor) -> Tensor:
    return F.normalize(maps.flatten(2).transpose(1, 2), dim=-1)


def cell_vectors(encoder: Encoder, patches: Patches) -> Tensor:
    """(N, GRID * GRID, K) unit vectors of all cells."""
    return _vectors(cell_maps(encoder, torch.from_numpy(patches.images).float().div(255)))


def nearest_cells(vectors: Tensor, patches: Patches, count: int = 1) -> tuple[NDArray, NDArray]:
    """For every cell the ``count`` nearest cells of other images, inside the field of view.

    Args:
        vectors: (N, P, K) of :func:`cell_vectors`.
        patches: the same images.
        count: how many.

    Returns:
        (N * P, count) flat indices into the cells, nearest first, and their cosine similarities.
    """
    flat = vectors.flatten(0, 1)
    similarity = flat @ flat.T
    image = torch.arange(len(vectors)).repeat_interleave(vectors.shape[1])
    similarity[image[:, None] == image[None]] = -torch.inf
    similarity[:, torch.from_numpy(patches.classes.ravel() == OUTSIDE)] = -torch.inf
    found = similarity.topk(count, dim=1)
    return found.indices.numpy(), found.values.numpy()


def agreement(vectors: Tensor, patches: Patches) -> tuple[float, float, float]:
    """Share of cells whose nearest cell of another image shows the same, mean over the classes.

    Returns:
        the share in 0..1 and its 95 % bootstrap interval over images. Chance is one over the
        number of classes.
    """
    truth = patches.classes
    found = truth.ravel()[nearest_cells(vectors, patches)[0][:, 0]].reshape(truth.shape)
    kinds = [kind for kind in range(len(patches.names)) if (truth == kind).any()]
    hits = np.stack([((truth == k) & (found == k)).sum(axis=1) for k in kinds], axis=1)
    counts = np.stack([(truth == k).sum(axis=1) for k in kinds], axis=1)
    draws = numpy_generator(0, "bootstrap").integers(0, len(truth), (RESAMPLES, len(truth)))
    with np.errstate(invalid="ignore"):
        means = np.nanmean(hits[draws].sum(axis=1) / counts[draws].sum(axis=1), axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float((hits.sum(axis=0) / counts.sum(axis=0)).mean()), float(low), float(high)


def found_again(encoder: Encoder, patches: Patches) -> tuple[float, int]:
    """Share of cells of turned and recoloured views whose nearest first-view cell is their own.

    Returns:
        the share in 0..1, and among how many: all cells inside the field of view of all images.
        The views are LDL's, drawn from a fixed seed.
    """
    images = torch.from_numpy(patches.images)
    views = draw_views(images, encoder.config.crop, "rotations", generator(0, "patches"))
    pictures = [torch.from_numpy(displayed(view)) for view in (views.first, views.second)]
    first, second = (cell_maps(encoder, picture) for picture in pictures)
    inside = torch.ones(len(images), GRID**2, dtype=torch.bool)
    if images.shape[1] == 3:
        inside = torch.from_numpy(shares(pictures[0].numpy().max(axis=1) > LIT / 255) > LIT_CELL)
    pair = [_vectors(m)[inside] for m in (first, undo_symmetry(second, views.symmetry))]
    return retrieval_accuracy(*pair), int(inside.sum())

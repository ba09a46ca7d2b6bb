"""k-means of pixel embeddings, beside superpixels and beside clusters of plain grey values."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.cluster.vq import kmeans2

from ldl.data.superpixel_quality import achievable_dice, overlap
from ldl.experiments.lrc.cases import Case
from ldl.experiments.lrc.live import features
from ldl.models.local_unet import LocalUNet
from ldl.rng import numpy_generator
from ldl.sphere import unit

Array = np.ndarray
ROUNDS = 30


@dataclass(frozen=True)
class Clustered:
    """Clusters of a case's slices.

    Attributes:
        maps: (N, S, S) int16, 0..K-1, -1 outside the body; numbers of two slices have no relation.
        dice: mean over the organs of the DSC that whole clusters reach (each takes the label most
            of its pixels have).
    """

    maps: Array
    dice: float


def grouped(vectors: Array, count: int, seed: int) -> Array:
    """(n, D) float -> (n,) cluster numbers by k-means with k-means++ starts."""
    chosen = min(count, len(np.unique(vectors, axis=0)))
    _, found = kmeans2(
        vectors.astype(np.float64),
        chosen,
        iter=ROUNDS,
        minit="++",
        seed=numpy_generator(seed, "k-means"),
        missing="warn",
    )
    return found


def clustered(case: Case, inside: Array, values: Array, count: int, seed: int) -> Clustered:
    """Cluster the pixels of each slice by themselves.

    Args:
        case: slices with labels.
        inside: (N, S, S) bool, pixels of the body.
        values: (N, S, S, D) float, what is compared.
        count: K.
        seed: of the starts.
    """
    maps = np.full(inside.shape, -1, np.int16)
    for one, body, vectors in zip(maps, inside, values, strict=True):
        one[body] = grouped(vectors[body], count, seed)
    return Clustered(maps, dice_of(maps, case))


def dice_of(maps: Array, case: Case) -> float:
    """Mean over the organs of `ldl.data.superpixel_quality.achievable_dice`."""
    return float(np.nanmean(achievable_dice(overlap(maps, case.labels, len(case.organs) + 1))[1:]))


def embeddings(net: LocalUNet, images: Array) -> Array:
    """Unit embeddings of (N, 1, S, S) uint8 slices: (N, S, S, D) float32."""
    found = unit(features(net, torch.from_numpy(images).float() / 255).movedim(1, -1))
    return found.numpy()


def greys(images: Array) -> Array:
    """Grey values alone: (N, S, S, 1) float32 in 0..1."""
    return (images[:, 0, ..., None] / 255).astype(np.float32)

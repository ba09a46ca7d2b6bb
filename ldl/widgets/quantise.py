"""Embedding maps small enough for a page: means over cells of pixels, eight bits a number."""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

LEVELS = 127  # of a signed byte, so that both signs have as many


@dataclass(frozen=True)
class Quantised:
    """A map of vectors as bytes: the vector at a cell is ``scale * data``.

    Attributes:
        data: (K, h, w) int8.
        scale: (K,) float32, above 0; one a channel.
    """

    data: NDArray[np.int8]
    scale: NDArray[np.float32]


def cell_means(embedding: Tensor, stride: int) -> Tensor:
    """(K, H, W) -> (K, ceil(H / stride), ceil(W / stride)): mean vectors, not unit ones.

    The window average of Eq. 26 is a sum over pixels, and sums over cells are its first half. The
    last row and column are repeated up to whole cells.
    """
    height, width = embedding.shape[-2:]
    padded = F.pad(embedding[None], (0, -width % stride, 0, -height % stride), mode="replicate")
    return F.avg_pool2d(padded, stride)[0]


def quantised(maps: Tensor) -> Quantised:
    """(K, h, w) float -> bytes, each channel scaled by its largest magnitude."""
    values = maps.detach().float().cpu()
    scale = values.flatten(1).abs().amax(1).clamp(min=1e-12) / LEVELS
    data = (values / scale[:, None, None]).round().to(torch.int8)
    return Quantised(data.numpy(), scale.numpy())


def restored(given: Quantised) -> Tensor:
    """(K, h, w) float32, at most half a level of its channel away from what was quantised."""
    data = torch.from_numpy(given.data).float()
    return data * torch.from_numpy(given.scale)[:, None, None]


def stride_within(budget: int, sizes: list[tuple[int, int]], channels: int, variants: int) -> int:
    """The smallest stride at which maps of all images take no more than ``budget`` bytes.

    Args:
        budget: bytes, one a number.
        sizes: rows and columns of the images.
        channels: K.
        variants: maps an image.
    """
    stride, most = 1, max(max(size) for size in sizes)
    while stride < most and _bytes(stride, sizes) * channels * variants > budget:
        stride += 1
    return stride


def _bytes(stride: int, sizes: list[tuple[int, int]]) -> int:
    return sum(math.ceil(rows / stride) * math.ceil(columns / stride) for rows, columns in sizes)

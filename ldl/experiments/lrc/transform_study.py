"""What the elastic transform does to regions: which vanish, and that nothing folds."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ldl.data.elastic import Elastic, draw_elastic
from ldl.losses.local_region import SMALLEST
from ldl.losses.region_pixels import shared_regions
from ldl.rng import generator
from ldl.runs.lrc import ElasticConfig

Array = np.ndarray


@dataclass(frozen=True)
class Bent:
    """Slices and regions before and after one elastic transform each.

    Attributes:
        images, regions: (N, 1, S, S) float in 0..1 and (N, S, S) int16, after.
        share: (N, S, S) displacement as a share of the strength allowed, 0..sqrt(2).
        squeezed: smallest and largest factor by which areas change.
        before: regions of all slices together.
        vanished: of them, those without a pixel afterwards.
        small: of them, those with fewer than ``SMALLEST`` pixels in either view, vanished included.
        kept: of them, those that the loss uses.
    """

    images: Array
    regions: Array
    share: Array
    squeezed: tuple[float, float]
    before: int
    vanished: int
    small: int
    kept: int


def bend(images: Array, regions: Array, config: ElasticConfig, seed: int) -> Bent:
    """(N, 1, S, S) uint8 slices and their (N, S, S) int16 regions, bent alike."""
    view = draw_elastic(
        torch.from_numpy(images).float() / 255,
        torch.from_numpy(regions),
        config,
        generator(seed, "elastic", "chapter"),
    )
    height, width = regions.shape[1:]
    moved = view.elastic.displacement(height, width)
    most = torch.tensor([width, height]).view(1, 2, 1, 1) * max(config.strength, 1e-9)
    after = view.regions.numpy()
    sizes = [
        (_sizes(one, int(first.max()) + 1), _sizes(other, int(first.max()) + 1))
        for one, other, first in zip(regions, after, regions, strict=True)
    ]
    one, two = (np.concatenate([pair[k] for pair in sizes]) for k in range(2))
    slots = shared_regions(torch.from_numpy(regions), view.regions, SMALLEST)
    return Bent(
        view.images.numpy(),
        after,
        (moved / most).norm(dim=1).numpy(),
        _areas(view.elastic, height, width),
        int((one > 0).sum()),
        int(((one > 0) & (two == 0)).sum()),
        int(((one > 0) & (np.minimum(one, two) < SMALLEST)).sum()),
        int(slots.present.sum()),
    )


def _sizes(regions: Array, count: int) -> Array:
    return np.bincount(regions[regions >= 0].ravel(), minlength=count)


def _areas(elastic: Elastic, height: int, width: int) -> tuple[float, float]:
    """Smallest and largest determinant of the map from output to input; above 0: no fold."""
    moved: Tensor = elastic.displacement(height, width)
    x, y = moved[:, 0], moved[:, 1]
    xx, xy = x[:, :-1, 1:] - x[:, :-1, :-1], x[:, 1:, :-1] - x[:, :-1, :-1]
    yx, yy = y[:, :-1, 1:] - y[:, :-1, :-1], y[:, 1:, :-1] - y[:, :-1, :-1]
    area = (1 + xx) * (1 + yy) - xy * yx
    return float(area.min()), float(area.max())

"""How far the mean of N drawn vectors is from a region's mean, and why N does not bias it."""

from dataclasses import dataclass

import numpy as np
import torch

from ldl.losses.local_region import SMALLEST
from ldl.losses.region_pixels import sampled_means, shared_regions, whole_means
from ldl.rng import generator

Array = np.ndarray
COUNTS = (1, 10, 50, 100, 200)


@dataclass(frozen=True)
class Draw:
    """Means of N vectors against means of all pixels.

    Attributes:
        samples: N.
        error: root mean square distance to the region's mean, in units of the spread of the
            region's own vectors.
        expected: the same by theory, 1 / sqrt(N).
        bias: the same for the mean of all repeats.
    """

    samples: int
    error: float
    expected: float
    bias: float


def draws(features: torch.Tensor, regions: Array, seed: int, repeats: int = 40) -> list[Draw]:
    """(B, D, H, W) features, (B, H, W) region ids -> one row each N of the paper and ours."""
    ids = torch.from_numpy(regions)
    slots = shared_regions(ids, ids, SMALLEST)
    count = slots.present.shape[1]
    values, chosen = features.double(), slots.present
    mean = whole_means(values, slots.first, count)
    spread = (whole_means(values**2, slots.first, count) - mean**2).sum(dim=2)[chosen].mean()
    found = []
    for number in COUNTS:
        draw = generator(seed, "draws", number)
        tries = torch.stack(
            [sampled_means(values, slots.first, count, number, draw) for _ in range(repeats)]
        )
        away = ((tries - mean) ** 2).sum(dim=3)[:, chosen].mean()
        bias = ((tries.mean(dim=0) - mean) ** 2).sum(dim=2)[chosen].mean()
        error, offset = ((one / spread).sqrt().item() for one in (away, bias))
        found.append(Draw(number, error, number**-0.5, offset))
    return found


def sizes(regions: Array) -> Array:
    """Pixels of every region of (B, H, W) maps, over all of them, ascending."""
    counted = [np.bincount(one[one >= 0]) for one in regions]
    found = np.concatenate(counted)
    return np.sort(found[found > 0])

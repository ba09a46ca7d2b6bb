"""Student and teacher that speak for the image and for each of its cells (Wang et al. 2021)."""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from ldl.methods.momentum import MomentumNet, shuffled_keys
from ldl.sphere import unit


class DenseVectors(NamedTuple):
    """What a branch says of B images with S^2 cells each; all but ``features`` are unit vectors.

    Attributes:
        image: (B, D) of the global head.
        cells: (B, S^2, D) of the dense head.
        mean: (B, D), the dense head's mean over the cells.
        features: (B, S^2, C), the backbone's.
    """

    image: Tensor
    cells: Tensor
    mean: Tensor
    features: Tensor


class DenseHead(nn.Module):
    """The global head of MoCo v2 and beside it the same with 1x1 convolutions."""

    def __init__(self, features: int, dim: int, grid: int) -> None:
        super().__init__()
        self.grid = grid
        self.image = nn.Sequential(
            nn.Linear(features, features), nn.ReLU(), nn.Linear(features, dim)
        )
        self.cells = nn.Sequential(
            nn.Conv2d(features, features, 1), nn.ReLU(), nn.Conv2d(features, dim, 1)
        )

    def forward(self, deepest: Tensor) -> DenseVectors:
        """(B, C, h, w) features; a map larger than the grid is pooled to it first."""
        side = min(self.grid, *deepest.shape[-2:])
        grid = F.adaptive_avg_pool2d(deepest, side)
        dense = self.cells(grid).flatten(2).transpose(1, 2)
        image = self.image(deepest.mean(dim=(-2, -1)))
        return DenseVectors(
            unit(image), unit(dense), unit(dense.mean(dim=1)), grid.flatten(2).transpose(1, 2)
        )


class DenseMomentumNet(MomentumNet):
    """Student and teacher with both heads."""

    def forward(  # type: ignore[override]
        self, first: Tensor, second: Tensor, order: Tensor
    ) -> tuple[DenseVectors, DenseVectors]:
        """Queries of the first views, keys of the second; arguments as in MomentumNet."""
        queries = self.head(self.encoder(first)[-1])
        return queries, DenseVectors(*shuffled_keys(self.key, second, order))

    def key(self, images: Tensor) -> DenseVectors:  # type: ignore[override]
        """(B, C, S, S) -> what the teacher says."""
        vectors: DenseVectors = self.teacher["head"](self.teacher["encoder"](images)[-1])
        return vectors

"""DenseCL: contrast of images and of their cells (Wang et al., CVPR 2021)."""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from ldl.losses.instance import correspondence, info_nce
from ldl.methods.base import MomentumNet, Outcome, Step, shuffled_keys
from ldl.methods.moco import MoCoV2, ended
from ldl.models.memory import Queue
from ldl.runs.pretrain import ComparisonConfig
from ldl.sphere import unit


class DenseVectors(NamedTuple):
    """What a branch says of B images with S^2 cells each; all but ``features`` are unit vectors."""

    image: Tensor  # (B, D) of the global head
    cells: Tensor  # (B, S^2, D) of the dense head
    mean: Tensor  # (B, D), the dense head's mean over the cells
    features: Tensor  # (B, S^2, C), the backbone's


class DenseHead(nn.Module):
    """The global head of MoCo v2 and beside it the same with 1x1 convolutions."""

    def __init__(self, features: int, dim: int, grid: int, norm: str = "none") -> None:
        super().__init__()
        self.grid = grid
        image = nn.Sequential(nn.Linear(features, features), nn.ReLU(), nn.Linear(features, dim))
        cells = nn.Sequential(
            nn.Conv2d(features, features, 1), nn.ReLU(), nn.Conv2d(features, dim, 1)
        )
        self.image = ended(image, norm, nn.BatchNorm1d, dim)
        self.cells = ended(cells, norm, nn.BatchNorm2d, dim)

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


class DenseCL(MoCoV2):
    """MoCo v2, and the same for each cell: its key is the other view's most similar cell.

    Which cell that is the backbone's features say, before the heads. Negatives of the cells are
    the means over other images' cells, in a queue of their own. Changed for our scale: as in
    MoCo; a map of fewer than 7 x 7 cells stays as it is.
    """

    title = "DenseCL"
    paper = "Wang et al., CVPR 2021"
    level = "image and pixel"
    idea = "A cell of an image finds the cell of the other view that looks most like it."

    class Knobs(MoCoV2.Knobs):
        """Wang et al. 2021, section 4: MoCo v2's values, 7 x 7 cells, lambda = 0.5."""

        weight: float = Field(default=0.5, ge=0, le=1)
        grid: int = Field(default=7, ge=1)

    on_ranks = False

    def around(self, encoder: Any, knobs: Any, config: ComparisonConfig, images: int) -> nn.Module:
        head = DenseHead(encoder.channels[-1], knobs.dim, knobs.grid, knobs.norm)
        net = DenseMomentumNet(encoder, head)
        net.queue, net.dense_queue = (Queue(knobs.queue, knobs.dim) for _ in range(2))
        return net

    def step(self, model: Any, given: Step) -> Outcome:
        """(1 - lambda) of the global loss and lambda of the dense one (Eq. 3)."""
        knobs = given.knobs
        views = given.two_views(self.recipe, self.recipe)
        query, key = model(*views, torch.randperm(len(given.images), generator=given.generator))
        match = correspondence(query.features, key.features)
        matched = key.cells.take_along_dim(match[..., None], dim=1)
        # Copies: the queues change before the backward pass reads them.
        others, other_cells = model.queue.keys.clone(), model.dense_queue.keys.clone()
        self.remember(model, key)
        tau = knobs.temperature
        whole = info_nce(query.image, key.image, others, temperature=tau)
        dense = info_nce(
            query.cells.flatten(0, 1), matched.flatten(0, 1), other_cells, temperature=tau
        )
        weighted = {"contrast": (1 - knobs.weight) * whole, "dense": knobs.weight * dense}
        return Outcome(weighted, query.image.detach())

    def remember(self, net: Any, keys: Any) -> None:
        image, _, mean, _ = keys
        net.queue.push(image)
        net.dense_queue.push(mean)

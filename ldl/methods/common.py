"""What every method offers, and the pieces that several share."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from ldl.data.symmetry import undo_symmetry
from ldl.data.views import ViewPair
from ldl.losses.patch import patch_discrimination
from ldl.losses.vectors import patch_vectors
from ldl.models.embedding import LocalDiscriminationNet
from ldl.ranks import gathered, mine, ranks
from ldl.runs.pretrain import FormulationName, PretrainConfig
from ldl.sphere import full_precision, unit

Losses = dict[str, Tensor]
# lambda ~ U(0.2, 0.8) in the release; the paper says (0, 1).
MIX_RANGE: dict[FormulationName, tuple[float, float]] = {
    "released": (0.2, 0.8),
    "paper": (0.0, 1.0),
}


class Method(ABC):
    """One of LDL's methods: what it minimises.

    Attributes:
        title: as the tables name it.
        paper: its equations.
        level: what is contrasted: patch or region.
    """

    title: ClassVar[str]
    paper: ClassVar[str]
    level: ClassVar[str]

    def network(self, config: PretrainConfig) -> nn.Module:
        """A new network; it has an attribute ``encoder`` that transfers."""
        return embedding_network(config)

    @abstractmethod
    def losses(
        self, net: nn.Module, views: ViewPair, config: PretrainConfig, generator: Generator
    ) -> Losses:
        """Named scalar losses of one step; their sum is minimised."""


def embedding_network(config: PretrainConfig) -> LocalDiscriminationNet:
    """The network of LDL section 4.1 as ``config`` sizes it."""
    return LocalDiscriminationNet(
        config.base, config.channels, config.embedding, config.clusters, config.border
    )


def paired_patches(
    first: Tensor, second: Tensor, symmetry: Tensor, grid: int
) -> tuple[Tensor, Tensor]:
    """Patch vectors of both views in register (Eq. 3).

    Pooling commutes with the symmetries of the square, so it is the (grid, grid) map that is
    turned back, not the pixels.

    Args:
        first: (B, K, S, S) embeddings of the first views.
        second: (B, K, S, S) embeddings of the second views, as turned by ``symmetry``.
        symmetry: (B,) codes.
        grid: H_p = W_p.

    Returns:
        two (B, grid * grid, K) float32 unit vectors.
    """
    cells = F.adaptive_avg_pool2d(full_precision(second), grid)
    turned_back = undo_symmetry(cells, symmetry)
    return patch_vectors(first, grid), unit(turned_back.flatten(2).transpose(1, 2))


def mix_weights(
    pairs: int, generator: Generator, formulation: FormulationName = "released"
) -> Tensor:
    """(pairs,) lambda of Eq. 14, one a pair of images."""
    low, high = MIX_RANGE[formulation]
    return mine(torch.rand(ranks() * pairs, generator=generator) * (high - low) + low)


def recognised(anchors: Tensor, positives: Tensor, config: PretrainConfig) -> Tensor:
    """L_Pd, or L_Hm, over the patches of the whole batch.

    Args:
        anchors: (B, P, K) unit vectors.
        positives: (B, P, K) of the same patches.
        config: of the run.
    """
    return patch_discrimination(
        gathered(anchors).flatten(0, 1),
        gathered(positives).flatten(0, 1),
        temperature=config.patch_temperature,
        formulation=config.formulation,
    )

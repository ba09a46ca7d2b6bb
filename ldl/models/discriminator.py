"""The discriminator d of shape guidance: is this mask a reference? (LDL section 6.2.1)"""

import itertools

import torch.nn.functional as F
from torch import Tensor, nn

from ldl.errors import ConfigError
from ldl.models.blocks import initialise

LAYERS = 7
# How many of the seven convolutions are followed by a pool, and the slope of the leaky ReLU below
# 0. The paper names no slope; the release's is 1, so that only its max-pools are not linear.
VARIANTS = {"paper": (7, 0.2), "released": (5, 1.0)}


class LocalDiscriminator(nn.Module):
    """Scores of neighbourhoods: three times conv 3x3, leaky ReLU and a 2x2 max-pool; two conv more.

    A score sees 38 pixels of the mask, enough for a vessel's width and smoothness and for what
    lies beside it. Where on a mask it looks, it cannot tell: the border is replicated.
    """

    def __init__(self, base: int = 16) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise((1, base, 2 * base, 2 * base)):
            layers += [_same(before, after), nn.LeakyReLU(0.2), nn.MaxPool2d(2)]
        layers += [_same(2 * base, 2 * base), nn.LeakyReLU(0.2), nn.Conv2d(2 * base, 1, 1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, mask: Tensor) -> Tensor:
        """(B, 1, H, W) in 0..1 -> (B, 1, H // 8, W // 8) scores before the sigmoid."""
        scores: Tensor = self.layers(mask)
        return scores


def _same(before: int, after: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, padding=1, padding_mode="replicate")


def discriminator(base: int, variant: str) -> nn.Module:
    """``"paper"`` or ``"released"``, one score a mask, or ``"local"``, one a neighbourhood."""
    return LocalDiscriminator(base) if variant == "local" else ShapeDiscriminator(base, variant)


class ShapeDiscriminator(nn.Module):
    """7 conv 3x3, leaky ReLU and a 2x2 max-pool after each; global average; 2 fully connected.

    Channels are 16, then 32 (6 times), and 32 and 1 of the fully connected layers. Where a map has
    only one pixel a side, as masks below 128 pixels have before the last pool, there is no pool.
    ``"released"``: pools after the first five only and a slope of 1.
    """

    def __init__(self, base: int = 16, variant: str = "paper") -> None:
        super().__init__()
        if variant not in VARIANTS:
            raise ConfigError(f"discriminator is {variant!r}; use one of {', '.join(VARIANTS)}")
        self.pools, self.slope = VARIANTS[variant]
        channels = [1, base] + [2 * base] * (LAYERS - 1)
        self.layers = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1) for before, after in itertools.pairwise(channels)
        )
        self.hidden, self.last = nn.Linear(2 * base, 2 * base), nn.Linear(2 * base, 1)
        initialise(self)

    def forward(self, mask: Tensor) -> Tensor:
        """(B, 1, H, W) in 0..1 -> (B, 1) scores before the sigmoid."""
        for number, layer in enumerate(self.layers):
            mask = F.leaky_relu(layer(mask), self.slope)
            if number < self.pools and min(mask.shape[-2:]) > 1:
                mask = F.max_pool2d(mask, 2)
        pooled = F.leaky_relu(self.hidden(mask.mean(dim=(-2, -1))), self.slope)
        scores: Tensor = self.last(pooled)
        return scores

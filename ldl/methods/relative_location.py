"""Relative location: on which side of a patch another lies (Doersch et al., ICCV 2015)."""

from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from ldl.config import Strict
from ldl.data.colour import normalise, to_float
from ldl.data.sampling import PLACES, draw_pair, sides, without_green
from ldl.methods.base import Comparison, Outcome, Step
from ldl.rng import sent
from ldl.runs.pretrain import ComparisonConfig
from ldl.sphere import full_precision

# Patches enter the network in multiples of this side, and at least twice it.
STRIDE = 16
# A patch's map is averaged to this grid, so that the head knows what lies where.
GRID = 2


class PairNet(nn.Module):
    """One encoder for both patches, and a classifier that sees both (Figure 3)."""

    def __init__(self, encoder: nn.Module, features: int, width: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.describe = nn.Sequential(nn.Linear(GRID**2 * features, width), nn.ReLU())
        self.classify = nn.Sequential(
            nn.Linear(2 * width, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, len(PLACES)),
        )

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Two (B, C, P, P) -> scores (B, 8) and the first patches' vectors (B, width)."""
        deepest = self.encoder(torch.cat([first, second]))[-1]
        one, other = self.describe(F.adaptive_avg_pool2d(deepest, GRID).flatten(1)).chunk(2)
        return self.classify(torch.cat([one, other], dim=1)), one


class RelativeLocation(Comparison):
    """A patch and one of its eight neighbours; which one is it?

    Against chromatic aberration green and magenta are shifted to grey, the first of the paper's
    two ways ("projection"). Not followed: some patches shrunk to 100 pixels and back, as ours are
    hardly larger. Changed for our scale: a narrower head, and arrangements that nearly fill the
    image; patches under 32 pixels are enlarged to that, so that the deepest map has 2 x 2 cells.
    """

    title = "Relative Loc"
    paper = "Doersch et al., ICCV 2015"
    level = "patch"
    idea = "Of two neighbouring patches, a network says on which side the second lies."

    class Knobs(Strict):
        """Doersch et al. 2015, section 3.1: patches of 96 pixels, 48 apart, moved by up to 7.

        In sides of a patch. Its images of 150,000 to 450,000 pixels leave the arrangement 60 % of
        their side or more.
        """

        gap: float = Field(default=48 / 96, ge=0)
        jitter: float = Field(default=7 / 96, ge=0)
        smallest: float = Field(default=0.6, gt=0, le=1)
        width: int = Field(default=4096, ge=2)

    def around(self, encoder: Any, knobs: Any, config: ComparisonConfig, images: int) -> nn.Module:
        return PairNet(encoder, encoder.channels[-1], knobs.width)

    def step(self, model: Any, given: Step) -> Outcome:
        """Cross-entropy over the eight places."""
        knobs = given.knobs
        how = {"gap": knobs.gap, "jitter": knobs.jitter}
        pair = draw_pair(
            len(given.images), smallest=knobs.smallest, generator=given.generator, **how
        )
        values = without_green(to_float(given.images))
        size = patch_size(given.images.shape[-1] / sides(**how))
        patches = [normalise(box.sample(values, size)) for box in (pair.middle, pair.neighbour)]
        scores, vectors = model(*patches)
        loss = F.cross_entropy(full_precision(scores), sent(pair.place, scores))
        return Outcome({"place": loss}, vectors.detach())


def patch_size(pixels: float) -> int:
    """The side in pixels at which patches of ``pixels`` enter the network."""
    return STRIDE * max(2, round(pixels / STRIDE))

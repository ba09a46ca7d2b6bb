"""Relative location: on which side of a patch another lies (Doersch et al., ICCV 2015)."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Generator, Tensor, nn

from ldl.config import Strict
from ldl.data.colour import normalise, to_float
from ldl.data.sampling import Affine, boxes, uniform
from ldl.methods.base import Comparison, Outcome, Step
from ldl.rng import sent
from ldl.runs.pretrain import ComparisonConfig
from ldl.sphere import full_precision

# The eight places around a patch, x and y, in reading order.
PLACES = tuple((x, y) for y in (-1, 0, 1) for x in (-1, 0, 1) if (x, y) != (0, 0))
# Green and magenta are opposite ends of this direction of colour space.
_GREEN = (-1.0, 2.0, -1.0)
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


@dataclass(frozen=True)
class Pair:
    """Neighbours (Doersch et al. 2015, section 3), the second's (B,) int64 place in `PLACES`."""

    middle: Affine
    neighbour: Affine
    place: Tensor


def sides(gap: float, jitter: float) -> float:
    """How many sides of a patch the whole arrangement takes."""
    return 3 + 2 * gap + 2 * jitter


def draw_pair(
    count: int, *, gap: float, jitter: float, smallest: float, generator: Generator
) -> Pair:
    """A middle patch and one of its eight neighbours, anywhere within the image.

    ``gap`` between neighbours, in sides of a patch, lets no line run on from one to the other; each
    is moved along x and y, uniform up to ``jitter`` sides; the arrangement takes between
    ``smallest`` and all of the image's side.
    """
    share = uniform(count, smallest, 1.0, generator)[:, None]
    # The image is 2 wide in its own coordinates, so this is half a side.
    half = share / sides(gap, jitter)
    at = (2 * torch.rand(count, 2, generator=generator) - 1) * (1 - share)
    place = torch.randint(len(PLACES), (count,), generator=generator)
    away = torch.tensor(PLACES)[place] * 2 * half * (1 + gap)
    moved = (2 * torch.rand(2, count, 2, generator=generator) - 1) * 2 * half * jitter
    flat = half[:, 0]
    return Pair(boxes(flat, at + moved[0]), boxes(flat, at + away + moved[1]), place)


def without_green(images: Tensor) -> Tensor:
    """Take the green-magenta direction out of (B, 3, H, W), so that aberration tells no position.

    One channel passes as it is.
    """
    if images.shape[1] == 1:
        return images
    direction = torch.tensor(_GREEN).to(images)
    along = torch.einsum("bchw,c->bhw", images, direction) / direction.square().sum()
    return images - along[:, None] * direction.view(1, -1, 1, 1)

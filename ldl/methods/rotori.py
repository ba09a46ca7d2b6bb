"""RotOri: what turns with the image and what does not (Li et al., TMI 2021)."""

from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from ldl.config import Strict
from ldl.data.recipes import INSTANCE, View
from ldl.losses.instance import turn_discrimination
from ldl.methods.base import Comparison, Outcome, Step
from ldl.rng import sent
from ldl.runs.pretrain import ComparisonConfig
from ldl.sphere import full_precision, unit

TURNS = 4
# Cells a side that the head still tells apart; the original's 7 x 7 map is pooled to as many.
SIDE = 3


class RotOriNet(nn.Module):
    """Encoder, a shared head whose output is split in two, a classifier of turns on one half."""

    def __init__(self, encoder: nn.Module, features: int, dim: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Sequential(
            nn.AdaptiveMaxPool2d(SIDE),
            nn.Flatten(),
            nn.Linear(features * SIDE**2, 2 * dim, bias=False),
            nn.BatchNorm1d(2 * dim),
            nn.ReLU(),
            nn.Linear(2 * dim, 2 * dim, bias=False),
            nn.BatchNorm1d(2 * dim),
            nn.ReLU(),
        )
        self.classify = nn.Linear(dim, TURNS)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, S, S) -> scores of the turns (B, 4), rotation-invariant unit vectors (B, D)."""
        related, invariant = self.head(self.encoder(images)[-1]).chunk(2, dim=1)
        return self.classify(related), unit(invariant)


class RotOri(Comparison):
    """All four turns of two views: half the head names the turn, half recognises the image.

    The published paper was not at hand; this follows its abstract and the authors' code: the views
    of Wu et al. 2018, a head on the flattened map, cross-entropy over the turns plus
    `ldl.losses.instance`. Our choices: views are flipped left to right only, as there, since a view
    upside down is another turn; the map is max-pooled to 3 x 3 cells whatever its size, where a
    3 x 3 pooling with stride 2 does it there. Nothing is changed for our scale. A step sees each
    image eight times.
    """

    title = "RotOri"
    paper = "Li et al., TMI 2021"
    level = "image"
    idea = "One half of the features says how the image was turned, the other half ignores it."

    class Knobs(Strict):
        """The authors' code (2021): 128 dimensions a branch, tau = 0.1, equal weights."""

        dim: int = Field(default=128, ge=2)
        temperature: float = Field(default=0.1, gt=0)
        weight: float = Field(default=1.0, ge=0)

    def around(self, encoder: Any, knobs: Any, config: ComparisonConfig, images: int) -> nn.Module:
        return RotOriNet(encoder, encoder.channels[-1], knobs.dim)

    def step(self, model: Any, given: Step) -> Outcome:
        """Cross-entropy of the turns, and discrimination of images whatever their turn."""
        knobs = given.knobs
        views = [given.view(INSTANCE) for _ in range(2)]
        scores, vectors = model(torch.cat([all_turns(upright(view)) for view in views]))
        answers = torch.arange(TURNS, device=scores.device).repeat(2 * len(given.images))
        rotation = F.cross_entropy(full_precision(scores), answers)
        first, second = vectors.unflatten(0, (-1, TURNS)).chunk(2)
        contrast = turn_discrimination(first, second, temperature=knobs.temperature)
        losses = {"contrast": contrast, "rotation": knobs.weight * rotation}
        return Outcome(losses, first[:, 0].detach())


def upright(view: View) -> Tensor:
    """The view's picture (B, C, S, S) with its flip upside down, if it had one, taken back."""
    flipped = sent(view.affine.matrix[:, 1, 1] < 0, view.image)
    return torch.where(flipped[:, None, None, None], view.image.flip(-2), view.image)


def all_turns(images: Tensor) -> Tensor:
    """(B, C, S, S) -> (4 * B, C, S, S): each image by 0, 90, 180 and 270 degrees, side by side."""
    turns = [torch.rot90(images, turn, dims=(-2, -1)) for turn in range(TURNS)]
    return torch.stack(turns, dim=1).flatten(0, 1)

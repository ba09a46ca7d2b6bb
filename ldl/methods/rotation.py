"""Rotation prediction: by how many quarter turns an image was turned (Gidaris et al. 2018)."""

from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from ldl.config import Strict
from ldl.data.colour import normalise, to_float
from ldl.data.sampling import random_boxes
from ldl.methods.base import ClassifierNet, Comparison, Outcome, Step
from ldl.runs.pretrain import ComparisonConfig
from ldl.sphere import full_precision

TURNS = 4


class Rotation(Comparison):
    """All four turns of each image are in the batch, which the paper found best (section 2.3).

    No colour is changed and nothing is flipped upside down: the answer would be lost. A quarter
    turn moves pixels and makes none, so no trace of interpolation tells the answer. The classifier
    is one linear layer, where the original's networks end in their own fully connected ones.
    Nothing is changed for our scale.
    """

    title = "Rotation Pred"
    paper = "Gidaris et al., ICLR 2018"
    level = "image"
    idea = "A network says by which of the four quarter turns the image was turned."

    class Knobs(Strict):
        """Gidaris et al. 2018, the authors' code: crops of 224 of 256 pixels, half mirrored."""

        share: float = Field(default=0.875, gt=0, le=1)
        mirror: float = Field(default=0.5, ge=0, le=1)

    def around(self, encoder: Any, knobs: Any, config: ComparisonConfig, images: int) -> nn.Module:
        return ClassifierNet(encoder, encoder.channels[-1], TURNS)

    def step(self, model: Any, given: Step) -> Outcome:
        """Cross-entropy over the four turns of each image (Eq. 2-3)."""
        knobs = given.knobs
        affine = random_boxes(
            len(given.images), share=knobs.share, mirror=knobs.mirror, generator=given.generator
        )
        views = normalise(affine.sample(to_float(given.images), given.config.crop))
        scores, features = model(turned(views))
        answers = torch.arange(TURNS, device=scores.device).repeat_interleave(len(views))
        loss = F.cross_entropy(full_precision(scores), answers)
        return Outcome({"rotation": loss}, features[: len(views)].detach())


def turned(images: Tensor) -> Tensor:
    """(B, C, S, S) -> (4 * B, C, S, S): all by 0, then all by 90, 180 and 270 degrees."""
    return torch.cat([torch.rot90(images, turns, dims=(-2, -1)) for turns in range(TURNS)])

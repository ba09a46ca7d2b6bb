"""EmbInva: invariant and spreading instance features (Ye et al., CVPR 2019)."""

from typing import Any

import torch
from pydantic import Field
from torch import nn

from ldl.config import Strict
from ldl.data.recipes import INSTANCE
from ldl.losses.patch import patch_discrimination
from ldl.methods.base import Comparison, Outcome, ProjectionNet, Step
from ldl.runs.pretrain import ComparisonConfig


class EmbInva(Comparison):
    """Two views of an image are one class, every other view of the batch is not (section 3).

    This is the loss that LDL's release takes for its patches, here on whole images: -log P of the
    right view and -log(1 - P) of each wrong one, over all 2B views, candidates without gradient.
    As in the authors' code both views are augmented. Changed for our scale: nothing; batches of
    128 become ours, and Adam stands for SGD.
    """

    title = "EmbInva"
    paper = "Ye et al., CVPR 2019"
    level = "image"
    idea = "Views of one image gather, views of different images of the batch spread."

    class Knobs(Strict):
        """Ye et al. 2019, section 4: 128 dimensions, tau = 0.1."""

        dim: int = Field(default=128, ge=2)
        temperature: float = Field(default=0.1, gt=0)

    def around(self, encoder: Any, knobs: Any, config: ComparisonConfig, images: int) -> nn.Module:
        return ProjectionNet(encoder, nn.Linear(encoder.channels[-1], knobs.dim))

    def step(self, model: Any, given: Step) -> Outcome:
        """Instance spreading within the batch."""
        views = [given.view(INSTANCE).image for _ in range(2)]
        first, second = model(torch.cat(views)).chunk(2)
        loss = patch_discrimination(
            first, second, temperature=given.knobs.temperature, formulation="released"
        )
        return Outcome({"contrast": loss}, first.detach())

"""SimCLR: two strong views of an image agree, those of a batch do not (Chen et al., ICML 2020)."""

from typing import Any

import torch
from pydantic import Field
from torch import nn

from ldl.compat import import_lightly
from ldl.config import Strict
from ldl.data.recipes import SIMCLR
from ldl.methods.base import Comparison, Outcome, ProjectionNet, Step
from ldl.runs.pretrain import ComparisonConfig


class SimCLR(Comparison):
    """Each view is told from the other 2B - 1 views of the batch, once a view (Eq. 1).

    The head has two layers, the hidden one as wide as the features, both normalised over the
    batch; the paper's formula leaves the normalisation out, the authors' code has it. Both views
    go through the network at once, so that batch normalisation tells nothing about them.
    Changed for our scale: the temperature, and Adam, where the original has LARS and batches of
    256 to 8,192.
    """

    title = "SimCLR"
    paper = "Chen et al., ICML 2020"
    level = "image"
    idea = "An image finds its other view among all views of the batch."

    class Knobs(Strict):
        """Chen et al. 2020: 128 dimensions (section 2.3), tau = 0.1, the best of its Table 5."""

        dim: int = Field(default=128, ge=2)
        temperature: float = Field(default=0.1, gt=0)

    def around(self, encoder: Any, knobs: Any, config: ComparisonConfig, images: int) -> nn.Module:
        features, dim = encoder.channels[-1], knobs.dim
        heads = import_lightly("models.modules.heads")
        return ProjectionNet(encoder, heads.SimCLRProjectionHead(features, features, dim))

    def step(self, model: Any, given: Step) -> Outcome:
        """NT-Xent of the two views."""
        views = [given.view(SIMCLR).image for _ in range(2)]
        first, second = model(torch.cat(views)).chunk(2)
        contrast = import_lightly("loss").NTXentLoss(given.knobs.temperature)
        return Outcome({"contrast": contrast(first, second)}, first.detach())

"""BYOL: a network predicts what its moving average says of the other view (Grill et al. 2020)."""

import math
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from ldl.compat import import_lightly
from ldl.config import Strict
from ldl.data.recipes import BYOL_FIRST, BYOL_SECOND
from ldl.methods.base import Comparison, MomentumNet, Outcome, Step, negative_cosine
from ldl.models.backbones import pooled
from ldl.runs.pretrain import ComparisonConfig

Triple = tuple[Tensor, Tensor, Tensor]


class BYOLNet(MomentumNet):
    """Student with a predictor, and the teacher without one."""

    def __init__(self, encoder: nn.Module, head: nn.Module, predictor: nn.Module) -> None:
        super().__init__(encoder, head)
        self.predictor = predictor

    def forward(self, first: Tensor, second: Tensor) -> tuple[Triple, Triple]:  # type: ignore[override]
        """Of each (B, C, S, S) view: prediction, projection, and the teacher's, (B, D) each.

        Each view is normalised over its own batch, as in the original.
        """
        return self._answer(first), self._answer(second)

    def _answer(self, view: Tensor) -> Triple:
        projection = self.head(pooled(self.encoder(view)))
        return self.predictor(projection), projection.detach(), self.target(view)

    @torch.no_grad()
    def target(self, view: Tensor) -> Tensor:
        """(B, C, S, S) -> (B, D), the teacher's projection."""
        answer: Tensor = self.teacher["head"](pooled(self.teacher["encoder"](view)))
        return answer


class BYOL(Comparison):
    """No negatives: predictor, moving average and stopped gradient keep the outputs apart.

    The spread watched is that of the student's projections. Changed for our scale: narrower heads,
    a teacher that moves faster, since it starts at random and has only hundreds of steps to leave
    that, and Adam, where the original has LARS with weight decay and batches of 4,096.
    """

    title = "BYOL"
    paper = "Grill et al., NeurIPS 2020"
    level = "image"
    idea = "A network predicts what its own moving average says of the image's other view."

    class Knobs(Strict):
        """Grill et al. 2020, section 3.2: heads 4,096 wide to 256 dimensions, tau from 0.996 on."""

        hidden: int = Field(default=4096, ge=2)
        dim: int = Field(default=256, ge=2)
        momentum: float = Field(default=0.996, ge=0, le=1)

    def around(self, encoder: Any, knobs: Any, config: ComparisonConfig, images: int) -> nn.Module:
        heads = import_lightly("models.modules.heads")
        head = heads.BYOLProjectionHead(encoder.channels[-1], knobs.hidden, knobs.dim)
        predictor = heads.BYOLPredictionHead(knobs.dim, knobs.hidden, knobs.dim)
        return BYOLNet(encoder, head, predictor)

    def step(self, model: Any, given: Step) -> Outcome:
        """Squared distance of unit vectors, both ways (Eq. 2): 0 to 8."""
        first, second = given.two_views(BYOL_FIRST, BYOL_SECOND)
        (one, projection, target), (other, _, other_target) = model(first, second)
        there, back = negative_cosine(one, other_target), negative_cosine(other, target)
        return Outcome({"predict": (2 + 2 * there) + (2 + 2 * back)}, projection)

    def after_step(self, net: Any, config: ComparisonConfig, step: int) -> None:
        """The teacher follows; its momentum rises to 1 along a cosine (section 3.2)."""
        net.follow(momentum_at(step - 1, config.steps, self.knobs(config).momentum))


def momentum_at(step: int, steps: int, start: float) -> float:
    """tau at a step counted from 0: 1 - (1 - start) * (cos(pi step / steps) + 1) / 2."""
    return 1 - (1 - start) * (math.cos(math.pi * step / steps) + 1) / 2

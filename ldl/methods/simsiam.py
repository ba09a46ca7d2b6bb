"""SimSiam: two views, one network, a predictor and a stopped gradient (Chen & He, CVPR 2021)."""

from typing import Any

from pydantic import Field
from torch import Tensor, nn

from ldl.compat import import_lightly
from ldl.config import Strict
from ldl.data.recipes import MOCO_V2
from ldl.methods.base import Comparison, Outcome, Step, negative_cosine
from ldl.models.backbones import pooled
from ldl.runs.pretrain import ComparisonConfig


class SimSiamNet(nn.Module):
    """Encoder, projection and predictor."""

    def __init__(self, encoder: nn.Module, head: nn.Module, predictor: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head, self.predictor = encoder, head, predictor

    def forward(self, first: Tensor, second: Tensor) -> tuple[tuple[Tensor, Tensor], ...]:
        """Of each (B, C, S, S) view: prediction p and projection z, (B, D) each.

        Each view is normalised over its own batch, as in the original.
        """
        projections = [self.head(pooled(self.encoder(view))) for view in (first, second)]
        return tuple((self.predictor(z), z) for z in projections)


class SimSiam(Comparison):
    """BYOL without a moving average: the target is the network itself, its gradient stopped.

    The spread watched is that of the projections, as in section 4.1. The views are MoCo v2's. The
    original's predictor keeps its learning rate while the rest decays; ours has one rate. Changed
    for our scale: narrower heads.
    """

    title = "SimSiam"
    paper = "Chen & He, CVPR 2021"
    level = "image"
    idea = "A network predicts what it says itself of the image's other view."
    floor = -1.0

    class Knobs(Strict):
        """Chen & He 2021, section 3: 2,048 dimensions, predictor with a bottleneck of 512."""

        dim: int = Field(default=2048, ge=2)
        bottleneck: int = Field(default=512, ge=1)

    def around(self, encoder: Any, knobs: Any, config: ComparisonConfig, images: int) -> nn.Module:
        heads = import_lightly("models.modules.heads")
        head = heads.SimSiamProjectionHead(encoder.channels[-1], knobs.dim, knobs.dim)
        predictor = heads.SimSiamPredictionHead(knobs.dim, knobs.bottleneck, knobs.dim)
        return SimSiamNet(encoder, head, predictor)

    def step(self, model: Any, given: Step) -> Outcome:
        """Negative cosine of prediction and stopped projection, both ways (Eq. 4): -1 to 1."""
        views = given.two_views(MOCO_V2, MOCO_V2)
        (one, first), (other, second) = model(*views)
        loss = (negative_cosine(one, second) + negative_cosine(other, first)) / 2  # Eq. 1 and 3
        return Outcome({"predict": loss}, first.detach())

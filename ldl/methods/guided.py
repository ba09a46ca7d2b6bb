"""Shape-guided region discrimination (LDL sections 5.1 and 6.2.1, Eq. 33)."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from ldl.data.sampling import undo_symmetry
from ldl.data.views import ViewPair
from ldl.losses.adversarial import fool_loss
from ldl.losses.region import cluster_entropy, region_discrimination
from ldl.losses.vectors import region_vectors
from ldl.methods.base import Losses, embedding_network
from ldl.methods.pd import patch_and_mixup
from ldl.methods.rd import ENTROPY_BASE
from ldl.models.discriminator import discriminator
from ldl.models.segmentation import OwnTargetNet
from ldl.runs.shape import GuideConfig

# The first region is the target, as in the release.
TARGET = 0
# Of a target's share before its logarithm is taken.
LEAST_SHARE = 1e-4


class GuidedNet(nn.Module):
    """f and g with their clustering branch, and the discriminator d beside them."""

    def __init__(self, config: GuideConfig) -> None:
        super().__init__()
        region = config.region
        self.local = (
            embedding_network(region)
            if config.target == "shared"
            else OwnTargetNet(
                region.base, region.channels, region.embedding, region.clusters, region.border
            )
        )
        self.judge = discriminator(config.judge_base, config.judge)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor | None]:
        """Eq. 2: embeddings and assignments; the discriminator is called on its own."""
        embedding, assignment = self.local(image)
        return embedding, assignment


@dataclass(frozen=True)
class Surroundings:
    """What of a step is neither in its views nor in the network.

    Attributes:
        inside: (2B, 1, S, S) 1 in the field of view of the first views, then of the second; None
            is everywhere.
        share: of the reference masks.
    """

    inside: Tensor | None = None
    share: float = 1.0


def guided_losses(
    net: nn.Module,
    judge: nn.Module,
    views: ViewPair,
    config: GuideConfig,
    generator: Generator,
    around: Surroundings = Surroundings(),
) -> tuple[Losses, Tensor]:
    """L_Pd + L_Hm + 10 L_Rd + 0.1 L_entropy + L_adv (Eq. 33), stage two of the alternation.

    Args:
        net: of :class:`GuidedNet`, as the device wants it.
        judge: d; its own weights are not to take a gradient here.
        views: of 2 * groups images.
        around: field of view and the references' share, where ``config`` uses them.

    Returns:
        the named losses; and what the judge was shown (N, 1, S, S), without gradient, for stage
        one: the target regions r_m of both un-mixed views, N = 2B, or with ``config.agreement``
        the mean of both in register, N = B.
    """
    region = config.region
    losses, embedding, assignment = patch_and_mixup(net, views, region, generator)
    assert assignment is not None, "a guided network has a clustering branch"
    inside = torch.ones_like(assignment[:, :1]) if around.inside is None else around.inside
    recognised = region_discrimination(
        region_vectors(embedding, assignment * inside),
        temperature=region.region_temperature,
        formulation=region.formulation,
    )
    target = assignment[:, TARGET : TARGET + 1] * inside
    losses["region"] = region.region_weight * recognised
    losses["entropy"] = region.entropy_weight * cluster_entropy(
        assignment, base=ENTROPY_BASE[region.formulation]
    )
    if config.share_weight:
        found = (target.sum() / inside.sum().clamp_min(1)).clamp_min(LEAST_SHARE)
        losses["share"] = config.share_weight * (found / around.share).log().square()
    if config.agreement:
        first, second = assignment.chunk(2)
        apart = first - undo_symmetry(second, views.symmetry)
        losses["agreement"] = config.agreement * apart.square().sum(dim=1).mean()
        first, second = target.chunk(2)
        target = (first + undo_symmetry(second, views.symmetry)) / 2
    shown = with_noise(target, config.judge_noise, generator)
    losses["adversarial"] = config.adversarial_weight * fool_loss(judge(shown))
    return losses, shown.detach()


def with_noise(masks: Tensor, deviation: float, generator: Generator) -> Tensor:
    """Normal noise of that deviation on every pixel: a judge cannot live on last digits."""
    if not deviation:
        return masks
    return masks + deviation * torch.randn(masks.shape, generator=generator).to(masks)

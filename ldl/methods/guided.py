"""Shape-guided region discrimination (LDL sections 5.1 and 6.2.1, Eq. 33)."""

from torch import Generator, Tensor, nn

from ldl.data.views import ViewPair
from ldl.losses.adversarial import fool_loss
from ldl.losses.entropy import cluster_entropy
from ldl.losses.region import region_discrimination
from ldl.losses.vectors import region_vectors
from ldl.methods.common import Losses, embedding_network
from ldl.methods.pd_mix import patch_and_mixup
from ldl.methods.rd import ENTROPY_BASE
from ldl.models.discriminator import ShapeDiscriminator
from ldl.runs.shape import GuideConfig

# The first region is the target, as in the release.
TARGET = 0


class GuidedNet(nn.Module):
    """f and g with their clustering branch, and the discriminator d beside them.

    Args:
        config: sizes of both.
    """

    def __init__(self, config: GuideConfig) -> None:
        super().__init__()
        self.local = embedding_network(config.region)
        self.judge = ShapeDiscriminator(config.judge_base, config.judge)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor | None]:
        """Eq. 2: embeddings and assignments; the discriminator is called on its own."""
        embedding, assignment = self.local(image)
        return embedding, assignment


def guided_losses(
    net: nn.Module, judge: nn.Module, views: ViewPair, config: GuideConfig, generator: Generator
) -> tuple[Losses, Tensor]:
    """L_Pd + L_Hm + 10 L_Rd + 0.1 L_entropy + L_adv (Eq. 33), stage two of the alternation.

    Args:
        net: of :class:`GuidedNet`, as the device wants it.
        judge: d; its own weights are not to take a gradient here.
        views: of 2 * groups images.
        config: weights and temperatures.
        generator: on the CPU.

    Returns:
        the named losses; and the target regions r_m of both un-mixed views (2B, 1, S, S), without
        gradient, for stage one.
    """
    region = config.region
    losses, embedding, assignment = patch_and_mixup(net, views, region, generator)
    assert assignment is not None, "a guided network has a clustering branch"
    recognised = region_discrimination(
        region_vectors(embedding, assignment),
        temperature=region.region_temperature,
        formulation=region.formulation,
    )
    target = assignment[:, TARGET : TARGET + 1]
    losses["region"] = region.region_weight * recognised
    losses["entropy"] = region.entropy_weight * cluster_entropy(
        assignment, base=ENTROPY_BASE[region.formulation]
    )
    losses["adversarial"] = config.adversarial_weight * fool_loss(judge(target))
    return losses, target.detach()

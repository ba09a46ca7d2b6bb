"""Synthetic segmentation: CycleGAN between masks and images, and SynSeg, which segments as well.

Zhu et al., ICCV 2017; Huo et al., IEEE TMI 2019 (SynSeg-Net).
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from ldl.data.colour import normalise
from ldl.losses.adversarial import squares_fool
from ldl.losses.refinement import weighted_cross_entropy
from ldl.methods.base import Losses
from ldl.models.segmentation import TargetNet
from ldl.models.translation import Generator, PatchJudge
from ldl.runs.shape import SynthesisConfig


def as_signed(values: Tensor) -> Tensor:
    """0..1 -> -1..1, what the generators take and give."""
    return 2 * values - 1


def as_photograph(signed: Tensor) -> Tensor:
    """A translated image, -1..1, as the segmentation network wants it."""
    return normalise((signed + 1) / 2)


class SynthesisNet(nn.Module):
    """Two generators, a discriminator on each side and, in SynSeg, the segmentation network.

    Args:
        joint: whether the segmentation network is trained with the others.
    """

    def __init__(self, config: SynthesisConfig, joint: bool) -> None:
        super().__init__()
        self.to_image = Generator(1, 3, config.base, config.blocks)
        self.to_mask = Generator(3, 1, config.base, config.blocks)
        self.judges = nn.ModuleDict(
            {"image": PatchJudge(3, config.judge_base), "mask": PatchJudge(1, config.judge_base)}
        )
        self.segment = TargetNet(config.segment_base) if joint else None

    def forward(
        self, mask: Tensor, image: Tensor, vary: Callable[[Tensor], Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Both translations, both ways back, and in SynSeg the scores of the synthetic image.

        Args:
            mask: (B, 1, S, S) in -1..1.
            image: (B, 3, S, S) in -1..1, of other subjects.
            vary: makes (k B, 3, S, S) of a synthetic image for SynSeg's network, k times as many.
        """
        out = {"image": self.to_image(mask), "mask": self.to_mask(image)}
        out |= {"mask_again": self.to_mask(out["image"]), "image_again": self.to_image(out["mask"])}
        if self.segment is not None:
            shown = out["image"] if vary is None else vary(out["image"])
            out["scores"] = self.segment(as_photograph(shown))
        return out

    def translators(self) -> list[nn.Parameter]:
        """What the first optimiser moves: all but the discriminators."""
        held = {id(each) for each in self.judges.parameters()}
        return [each for each in self.parameters() if id(each) not in held]


def synthesis_losses(
    out: dict[str, Tensor],
    judges: nn.ModuleDict,
    mask: Tensor,
    image: Tensor,
    config: SynthesisConfig,
) -> Losses:
    """Least-squares adversarial losses, lambda times the cycle losses, SynSeg's cross-entropy.

    SynSeg's gradient reaches the generator through the synthetic image. The original weighs its
    classes; here all pixels count alike, as they do for the other rows.

    Args:
        out: of :meth:`SynthesisNet.forward`.
        judges: on both sides; their weights are not to take a gradient here.
        mask: what ``out`` was made from, in -1..1.
    """
    losses = {
        "fool_image": squares_fool(judges["image"](out["image"])),
        "fool_mask": squares_fool(judges["mask"](out["mask"])),
        "cycle_image": config.cycle_weight * F.l1_loss(out["image_again"], image),
        "cycle_mask": config.cycle_weight * F.l1_loss(out["mask_again"], mask),
    }
    if "scores" in out:
        label = (mask > 0).float().repeat(len(out["scores"]) // len(mask), 1, 1, 1)
        even = label.new_ones(label.shape)
        losses["segment"] = weighted_cross_entropy(out["scores"], label, even)
    return losses

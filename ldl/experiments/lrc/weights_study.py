"""How many numbers each part of the fine-tuning network has, and the control of Table 2."""

from dataclasses import dataclass

import torch

from ldl.models.local_unet import LocalEncoder
from ldl.models.organ_net import OrganNet, parameters_by_part

BASE = 64  # published widths of all networks


@dataclass(frozen=True)
class Counted:
    """Trainable numbers of one network.

    Attributes:
        label: which branches, for people.
        parts: E_g, D_g, E_l, D_l and head.
    """

    label: str
    parts: dict[str, int]

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self.parts.values())


def counted(name: str, base: int, local_base: int, organs: int, label: str) -> Counted:
    """A network's parameters by part; nothing is allocated.

    Args:
        name: backbone of E_g, or "none".
        base: its width.
        local_base: width of the local branch, 0 for none.
        organs: K.
        label: for people.
    """
    with torch.device("meta"):
        net = OrganNet(name, base, organs, local_base)
    return Counted(label, parameters_by_part(net))


def published(organs: int) -> list[Counted]:
    """The networks of the paper at their published widths."""
    return [
        counted("resnet50", BASE, 0, organs, "ResNet-50, without LRC"),
        counted("resnet50", BASE, BASE, organs, "ResNet-50 + LRC"),
        counted("resnet50", BASE, BASE, organs, "ResNet-50 + second network by MoCo"),
        counted("vit", BASE, 0, organs, "ViT-Base, without LRC"),
        counted("vit", BASE, BASE, organs, "ViT-Base + LRC"),
        counted("none", BASE, BASE, organs, "LRC only"),
    ]


def pretrained_share(local_base: int) -> tuple[float, float]:
    """Share of the local branch that LRC pretrains, and that a second MoCo does (its encoder)."""
    with torch.device("meta"):
        branch = OrganNet("none", 1, 1, local_base).local
        encoder = LocalEncoder(local_base)
    assert branch is not None
    whole = sum(one.numel() for one in branch.parameters())
    return 1.0, sum(one.numel() for one in encoder.parameters()) / whole

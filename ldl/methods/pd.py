"""Pd, patch discrimination, and Pd+mix with hypersphere mixup (LDL sections 4.2, 4.4, Eq. 27)."""

import torch
from torch import Generator, Tensor, nn

from ldl.data.views import ViewPair
from ldl.losses.patch import mixup_images, mixup_target
from ldl.losses.vectors import patch_vectors
from ldl.methods.base import Losses, Method, mix_weights, paired_patches, recognised
from ldl.runs.pretrain import PretrainConfig


class PatchDiscrimination(Method):
    """Each patch of a view is recognised among all patches of the batch."""

    title = "Pd"
    paper = "LDL, Eq. 3-8"
    level = "patch"

    def losses(
        self, net: nn.Module, views: ViewPair, config: PretrainConfig, generator: Generator
    ) -> Losses:
        """L_Pd over the patches of both views of 2 * groups images."""
        embedding, _ = net(torch.cat([views.first, views.second]))
        first, second = embedding.chunk(2)
        first, second = paired_patches(first, second, views.symmetry, config.patch_grid)
        return {"patch": recognised(second, first, config)}


def patch_and_mixup(
    net: nn.Module, views: ViewPair, config: PretrainConfig, generator: Generator
) -> tuple[Losses, Tensor, Tensor | None]:
    """L_Pd and L_Hm of one batch, with the maps of the un-mixed views.

    These are embeddings (2B, K, S, S) and assignments (2B, C, S, S) or None of both views. Images
    2k and 2k + 1 are a data group: each has two views, and the pair one mixed image.
    """
    weight = mix_weights(len(views.first) // 2, generator, config.formulation)
    mixed = mixup_images(views.first[0::2], views.first[1::2], weight)
    embedding, assignment = net(torch.cat([views.first, views.second, mixed]))
    # Split, not sliced: a slice's gradient is a map of zeros as large as the whole batch.
    parts = [2 * len(views.first), len(mixed)]
    embedding, virtual = embedding.split(parts)
    grid = config.patch_grid
    first, second = embedding.chunk(2)
    first, second = paired_patches(first, second, views.symmetry, grid)
    target = mixup_target(first[0::2], first[1::2], weight)
    losses = {
        "patch": recognised(second, first, config),
        "mixup": recognised(patch_vectors(virtual, grid), target, config),
    }
    return losses, embedding, None if assignment is None else assignment.split(parts)[0]


class PatchDiscriminationMixup(Method):
    """Pd, and mixed patches recognised as the mixture of their vectors."""

    title = "Pd+mix"
    paper = "LDL, Eq. 3-8, 13-18, 27"
    level = "patch"

    def losses(
        self, net: nn.Module, views: ViewPair, config: PretrainConfig, generator: Generator
    ) -> Losses:
        """L_Pd + L_Hm (Eq. 27)."""
        return patch_and_mixup(net, views, config, generator)[0]

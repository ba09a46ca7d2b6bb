"""Pd: patch discrimination alone (LDL section 4.2)."""

import torch
from torch import Generator, nn

from ldl.data.views import ViewPair
from ldl.methods.common import Losses, Method, paired_patches, recognised
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

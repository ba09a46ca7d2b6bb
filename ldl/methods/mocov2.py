"""MoCo v2: an MLP head, blur, and a softer softmax (Chen et al. 2020, arXiv:2003.04297)."""

from pydantic import Field
from torch import nn

from ldl.compat import import_lightly
from ldl.data.recipes import MOCO_V2
from ldl.methods.moco import MoCo, MoCoKnobs


class MoCoV2Knobs(MoCoKnobs):
    """Chen et al. 2020, section 3: tau = 0.2."""

    temperature: float = Field(default=0.2, gt=0)


class MoCoV2(MoCo):
    """MoCo with the head and the augmentation of SimCLR.

    The hidden layer is as wide as the features, as it is in the original (2,048 for ResNet-50).
    Changed for our scale: as in MoCo.
    """

    title = "MoCoV2"
    paper = "Chen et al., arXiv:2003.04297"
    idea = "MoCo with stronger views and a projection that is thrown away."
    Knobs = MoCoV2Knobs
    recipe = MOCO_V2

    def head(self, features: int, dim: int) -> nn.Module:
        """The projection: two layers."""
        heads = import_lightly("models.modules.heads")
        head: nn.Module = heads.MoCoProjectionHead(features, features, dim)
        return head

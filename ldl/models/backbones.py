"""Every encoder of the project behind one door: images in, feature maps out."""

from typing import Protocol

from torch import Tensor, nn

from ldl.errors import ConfigError
from ldl.models.local_unet import LocalEncoder
from ldl.models.vgg import Encoder
from ldl.runs.pretrain import BorderName


class Backbone(Protocol):
    """An encoder: ``channels`` of its feature maps, finest first; the last is the deepest."""

    channels: list[int]

    def __call__(self, image: Tensor) -> list[Tensor]:
        """(B, in_channels, H, W) -> (B, channels[k], h_k, w_k) each."""
        ...


def backbone(name: str, base: int, in_channels: int, border: BorderName = "zeros") -> nn.Module:
    """A new :class:`Backbone`.

    Args:
        name: ``"vgg"`` (LDL section 6.1.2), ``"resnet50"`` or ``"vit"`` (LRC section 3), or
            ``"unet"``, the encoder of LRC's local branch.
        base: channels of the first stage; 64 is the published size of each.
        in_channels: 3 or 1.
        border: of a vgg's or unet's convolutions; the others have zeros.
    """
    if name == "vgg":
        return Encoder(base, in_channels, border)
    if name == "unet":
        return LocalEncoder(base, in_channels, border)
    # torchvision and timm take seconds to import: only where they are asked for.
    if name == "resnet50":
        from ldl.models.resnet import ResNet50

        return ResNet50(base, in_channels)
    if name == "vit":
        from ldl.models.vit import ViT

        return ViT(base, in_channels)
    raise ConfigError(f"backbone is {name!r}; use 'vgg', 'resnet50', 'vit' or 'unet'")


def pooled(features: list[Tensor]) -> Tensor:
    """The image's vector: mean over the deepest map, (B, channels[-1])."""
    return features[-1].mean(dim=(-2, -1))

"""LRC's networks: the local branch (section 2.1, Fig. 1), and both side by side (section 2.2)."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ldl.errors import ConfigError
from ldl.models.backbones import SCALES, LocalEncoder, ViTPyramid, backbone
from ldl.models.blocks import FeatureDecoder
from ldl.runs.pretrain import BorderName
from ldl.sphere import full_precision

FEATURES = 64  # D, section 3.3
# The finest map's stride of encoders that give several maps.
STRIDES = {"vgg": 1, "resnet50": 2}


class LocalUNet(nn.Module):
    """f = D_l(E_l(x)): what the local contrast trains and fine-tuning takes over; D features."""

    def __init__(
        self,
        base: int = 64,
        in_channels: int = 1,
        features: int = FEATURES,
        border: BorderName = "zeros",
    ) -> None:
        super().__init__()
        self.encoder = LocalEncoder(base, in_channels, border)
        self.decoder = FeatureDecoder(self.encoder.channels, base, features, border=border)
        self.out_channels = features

    def forward(self, image: Tensor) -> Tensor:
        """(B, in_channels, H, W), any H, W of 16 and more -> (B, D, H, W), not normalised."""
        return self.decoder(self.encoder(image))


class GlobalBranch(nn.Module):
    """E_g and D_g: (B, C, H, W) -> (B, D, H, W); of a ViT D_g begins with a ``pyramid`` of maps."""

    def __init__(
        self,
        name: str,
        base: int,
        in_channels: int,
        features: int,
        border: BorderName = "zeros",
    ) -> None:
        super().__init__()
        encoder: Any = backbone(name, base, in_channels, border)
        self.encoder, self.pyramid = encoder, None
        channels, stride = encoder.channels, STRIDES.get(name, 1)
        if name == "vit":
            self.pyramid = ViTPyramid(channels[-1], base)
            channels, stride = self.pyramid.channels, encoder.patch // SCALES[0]
        self.decoder = FeatureDecoder(channels, base, features, stride, border)

    def forward(self, image: Tensor) -> Tensor:
        """The branch's last feature map."""
        maps = self.pyramid(self.encoder, image) if self.pyramid else self.encoder(image)
        return self.decoder(maps, image.shape[-2:])


class OrganNet(nn.Module):
    """Last feature maps of E_g + D_g and, with LRC, of E_l + D_l, concatenated; then the K organs.

    The head is ours: the maps' channels are normalised, since the local contrast leaves their
    scale open, then ReLU and a 1x1 convolution to organs and background. ``name`` "none" is the
    local branch alone, ``local_base`` 0 the global one; ``features`` is D of each.
    """

    def __init__(
        self,
        name: str,
        base: int,
        organs: int,
        local_base: int = 0,
        in_channels: int = 1,
        features: int = FEATURES,
        border: BorderName = "zeros",
    ) -> None:
        super().__init__()
        if name == "none" and not local_base:
            raise ConfigError("an organ net needs a backbone, a local_base, or both")
        # The global branch comes first, so that equal seeds start it alike with and without LRC.
        self.whole = (
            None if name == "none" else GlobalBranch(name, base, in_channels, features, border)
        )
        self.local = LocalUNet(local_base, in_channels, features, border) if local_base else None
        width = features * len(self.branches())
        self.head = nn.Sequential(
            nn.BatchNorm2d(width), nn.ReLU(inplace=True), nn.Conv2d(width, organs + 1, 1)
        )

    def branches(self) -> list[nn.Module]:
        """The branches there are, the global one first."""
        return [one for one in (self.whole, self.local) if one is not None]

    def forward(self, image: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, 1 + K, H, W) float32, a softmax; channel 0: background."""
        maps = torch.cat([branch(image) for branch in self.branches()], dim=1)
        return full_precision(self.head(maps)).softmax(dim=1)


def load_branch(module: nn.Module, weights: Mapping[str, Tensor], what: str) -> None:
    """Put pretrained weights into ``module``; what they lack (a decoder) stays as it is."""
    own = module.state_dict()
    odd = [n for n, value in weights.items() if n not in own or own[n].shape != value.shape]
    if odd or not weights:
        raise ConfigError(f"{what}: weights of another network ({odd[0] if odd else 'none'})")
    module.load_state_dict({**own, **weights})


def parameters_by_part(net: OrganNet) -> dict[str, int]:
    """Trainable numbers of E_g, D_g, E_l, D_l and the head; parts that are not there have 0."""
    parts: dict[str, list[nn.Module]] = {"head": [net.head]}
    if isinstance(net.whole, GlobalBranch):
        parts["E_g"] = [net.whole.encoder]
        parts["D_g"] = [one for one in (net.whole.pyramid, net.whole.decoder) if one is not None]
    if net.local is not None:
        parts["E_l"], parts["D_l"] = [net.local.encoder], [net.local.decoder]
    return {
        part: sum(p.numel() for one in parts.get(part, []) for p in one.parameters())
        for part in ("E_g", "D_g", "E_l", "D_l", "head")
    }

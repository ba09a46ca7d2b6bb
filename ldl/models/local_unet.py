"""The local branch of LRC: a U-Net with 64 output channels (section 2.1, Fig. 1)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ldl.models.blocks import initialise, stack
from ldl.runs.pretrain import BorderName

FEATURES = 64  # D, section 3.3
_WIDTH = (1, 2, 4, 8, 16)


class LocalEncoder(nn.Module):
    """E_l: five stages of two conv-BN-ReLU with a 2x2 max-pool between them.

    Args:
        base: channels of the first stage; the stages have base * (1, 2, 4, 8, 16).
        in_channels: of the slices.
        border: of every convolution.
    """

    def __init__(self, base: int = 64, in_channels: int = 1, border: BorderName = "zeros") -> None:
        super().__init__()
        self.channels = [base * factor for factor in _WIDTH]
        before = [in_channels, *self.channels[:-1]]
        self.stages = nn.ModuleList(
            stack([entry, out, out], border)
            for entry, out in zip(before, self.channels, strict=True)
        )
        self.pool = nn.MaxPool2d(2)
        initialise(self)

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, in_channels, H, W) -> features at strides 1, 2, 4, 8, 16, finest first."""
        features: list[Tensor] = []
        for stage in self.stages:
            image = stage(self.pool(image) if features else image)
            features.append(image)
        return features


class LocalDecoder(nn.Module):
    """D_l: four times up-sampling, the skip beside it, two conv-BN-ReLU; then D channels.

    The last convolution has neither normalisation nor ReLU: features in one orthant alone could not
    be told apart by more than a right angle.

    Args:
        channels: of the encoder's five features, finest first.
        features: D.
        border: of every convolution.
    """

    def __init__(
        self, channels: list[int], features: int = FEATURES, border: BorderName = "zeros"
    ) -> None:
        super().__init__()
        pairs = list(zip(channels[1:], channels[:-1], strict=True))[::-1]
        self.blocks = nn.ModuleList(
            stack([deep + skip, skip, skip], border) for deep, skip in pairs
        )
        self.last = nn.Conv2d(channels[0], features, 3, padding=1, padding_mode=border)
        self.out_channels = features
        initialise(self)

    def forward(self, features: list[Tensor]) -> Tensor:
        """Five features, finest first -> (B, D, H, W) at full resolution."""
        *skips, deep = features
        for skip, block in zip(skips[::-1], self.blocks, strict=True):
            up = F.interpolate(deep, size=skip.shape[-2:], mode="nearest")
            deep = block(torch.cat([up, skip], dim=1))
        return self.last(deep)


class LocalUNet(nn.Module):
    """f = D_l(E_l(x)): the network that the local contrast trains and fine-tuning takes over.

    Attributes:
        encoder: E_l; called alone it gives the skip features.
        decoder: D_l; ``decoder(encoder(image))`` is what ``forward`` computes.
        out_channels: D.

    Args:
        base: width, channels of the first stage; 64 is U-Net's.
        in_channels: of the slices.
        features: D, 64 in the paper.
        border: of every convolution.
    """

    def __init__(
        self,
        base: int = 64,
        in_channels: int = 1,
        features: int = FEATURES,
        border: BorderName = "zeros",
    ) -> None:
        super().__init__()
        self.encoder = LocalEncoder(base, in_channels, border)
        self.decoder = LocalDecoder(self.encoder.channels, features, border)
        self.out_channels = features

    def forward(self, image: Tensor) -> Tensor:
        """(B, in_channels, H, W), any H, W of 16 and more -> (B, D, H, W), not normalised."""
        return self.decoder(self.encoder(image))

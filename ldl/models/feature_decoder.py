"""D_g and D_l: from an encoder's maps to D features a pixel (LRC sections 2.1 and 2.2)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ldl.models.blocks import initialise, stack
from ldl.runs.pretrain import BorderName


class FeatureDecoder(nn.Module):
    """Up-sampling, the encoder's map of that size beside it, two conv-BN-ReLU; then D channels.

    The paper says no more of D_g than "randomly initialized" and that embeddings have as many
    dimensions as the local branch's. Ours is U-Net's decoder for both: the block at the finest map
    has ``base`` channels, each coarser one twice as many. Encoders whose finest map is coarser than
    the image (ResNet's has half its side) get one more block at full size. The last convolution has
    neither normalisation nor ReLU: features in one orthant could not be told apart by more than a
    right angle.

    Args:
        channels: of the encoder's maps, finest first.
        base: channels of the finest block.
        features: D.
        stride: of the finest map.
        border: of every convolution.
    """

    def __init__(
        self,
        channels: list[int],
        base: int,
        features: int,
        stride: int = 1,
        border: BorderName = "zeros",
    ) -> None:
        super().__init__()
        widths = [base << level for level in range(len(channels) - 1)]
        below = [*widths[1:], channels[-1]]
        self.blocks = nn.ModuleList(
            stack([deep + skip, out, out], border)
            for deep, skip, out in reversed(list(zip(below, channels, widths, strict=False)))
        )
        self.full = stack([widths[0], base], border) if stride > 1 else nn.Identity()
        self.last = nn.Conv2d(base, features, 3, padding=1, padding_mode=border)
        self.out_channels = features
        initialise(self)

    def forward(self, maps: list[Tensor], size: tuple[int, int] | None = None) -> Tensor:
        """The encoder's maps, finest first -> (B, D, *size), by default the finest map's size."""
        *skips, deep = maps
        for skip, block in zip(skips[::-1], self.blocks, strict=True):
            up = F.interpolate(deep, size=skip.shape[-2:], mode="nearest")
            deep = block(torch.cat([up, skip], dim=1))
        if size and deep.shape[-2:] != size:
            deep = F.interpolate(deep, size=size, mode="nearest")
        return self.last(self.full(deep))

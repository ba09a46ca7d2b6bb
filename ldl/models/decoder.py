"""The decoder g: up-sample, concatenate the skip, two conv-BN-ReLU."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ldl.models.blocks import initialise, stack
from ldl.runs.pretrain import BorderName


class Decoder(nn.Module):
    """Four up-samplings by two; the last one only concatenates, its block is the branches' own.

    Args:
        channels: of the encoder's five features, finest first.
        border: of every convolution.
        upsampling: ``"nearest"``, or ``"bilinear"`` where maps themselves are judged: the blocks of
            two pixels that the first leaves are dashes to whoever looks at shapes.

    For the tiny encoder (16, 32, 64, 128, 128) the blocks are 256 -> 128 -> 64, 128 -> 64 -> 32 and
    64 -> 32 -> 16; the output has 16 + 16 = 32 channels.
    """

    def __init__(
        self, channels: list[int], border: BorderName = "zeros", upsampling: str = "nearest"
    ) -> None:
        super().__init__()
        self.upsampling = upsampling
        finer = channels[::-1][1:]
        self.blocks = nn.ModuleList()
        deep = channels[-1]
        for skip in finer[:-1]:
            self.blocks.append(stack([deep + skip, skip, skip // 2], border))
            deep = skip // 2
        self.out_channels = deep + finer[-1]
        initialise(self)

    def forward(self, features: list[Tensor]) -> Tensor:
        """Five features, finest first -> (B, out_channels, H, W) at full resolution."""
        *skips, deep = features
        for skip, block in zip(skips[:0:-1], self.blocks, strict=True):
            deep = block(self._join(deep, skip))
        return self._join(deep, skips[0])

    def _join(self, deep: Tensor, skip: Tensor) -> Tensor:
        return torch.cat([F.interpolate(deep, scale_factor=2, mode=self.upsampling), skip], dim=1)

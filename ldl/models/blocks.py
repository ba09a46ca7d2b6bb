"""The unit all networks are made of: 3x3 convolution, batch normalisation, ReLU."""

import itertools

from torch import nn

from ldl.runs.pretrain import BorderName


class ConvBlock(nn.Sequential):
    """conv 3x3 + BN + ReLU: (B, in, H, W) -> (B, out, H, W).

    The convolution has no bias: the normalisation after it would remove it. The ReLU is in place,
    which saves one activation a block.
    """

    def __init__(self, channels_in: int, channels_out: int, border: BorderName = "zeros") -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False, padding_mode=border),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        )


def initialise(module: nn.Module) -> None:
    """Kaiming normal, fan-out, as the release initialises."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def stack(channels: list[int], border: BorderName = "zeros") -> nn.Sequential:
    """ConvBlocks through the given channel numbers."""
    pairs = itertools.pairwise(channels)
    return nn.Sequential(*[ConvBlock(before, after, border) for before, after in pairs])

"""What networks are made of: conv 3x3, batch normalisation, ReLU; and decoders of such blocks.

A decoder up-samples, concatenates the skip and adds two blocks: LDL's g, and LRC's D_g and D_l.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

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


class Branch(nn.Sequential):
    """A ConvBlock and a conv 3x3 of what ``join`` gives: (B, in, H, W) -> (B, out, H, W).

    A training step keeps neither the joined maps nor the ReLU's, a fifth of all that it would keep,
    and makes both anew from their neighbours on its way back; no convolution is made twice.
    """

    def __init__(self, channels_in: int, channels_out: int, border: BorderName = "zeros") -> None:
        super().__init__(
            ConvBlock(channels_in, channels_in, border),
            nn.Conv2d(channels_in, channels_out, 3, padding=1, padding_mode=border),
        )
        initialise(self)

    def forward(self, join: Callable[[], Tensor]) -> Tensor:
        (conv, norm, relu), last = self[0].children(), self[1]
        assert isinstance(norm, _BatchNorm)
        maps = _made_anew(lambda: conv(join()))
        return _made_anew(lambda: last(relu(norm(maps))), partial(_again, norm))


def _made_anew(
    make: Callable[[], Tensor], again: Callable[[], AbstractContextManager[None]] = nullcontext
) -> Tensor:
    """``make()``, whose inner maps are made anew for the gradient, within ``again()``."""
    # A compiler decides by itself what it keeps.
    if not torch.is_grad_enabled() or torch.compiler.is_compiling():
        return make()
    return checkpoint(
        make,
        use_reentrant=False,
        preserve_rng_state=False,
        context_fn=lambda: (nullcontext(), again()),
    )


@contextmanager
def _again(norm: _BatchNorm) -> Iterator[None]:
    """A second pass over the same batch: running statistics do not count it."""
    momentum, norm.momentum = norm.momentum, 0.0
    if norm.training and norm.num_batches_tracked is not None:
        norm.num_batches_tracked.sub_(1)
    try:
        yield
    finally:
        norm.momentum = momentum


class Decoder(nn.Module):
    """g: four up-samplings by two; the last one only concatenates, its block is the branches' own.

    ``upsampling`` is "bilinear" where maps themselves are judged: the blocks of two pixels that
    "nearest" leaves are dashes to whoever looks at shapes. For the tiny encoder (16, 32, 64, 128,
    128) the blocks are 256 -> 128 -> 64, 128 -> 64 -> 32 and 64 -> 32 -> 16; the output has 32.
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
        return self.last_join(features)()

    def last_join(self, features: list[Tensor]) -> Callable[[], Tensor]:
        """What makes ``forward``'s maps of those at half the resolution and the finest features."""
        *skips, deep = features
        for skip, block in zip(skips[:0:-1], self.blocks, strict=True):
            deep = block(self.join(deep, skip))
        return partial(self.join, deep, skips[0])

    def join(self, deep: Tensor, skip: Tensor) -> Tensor:
        return torch.cat([F.interpolate(deep, scale_factor=2, mode=self.upsampling), skip], dim=1)


class FeatureDecoder(nn.Module):
    """D_g and D_l (LRC 2.1, 2.2), which end in D channels.

    The paper says no more of D_g than "randomly initialized" and that embeddings have as many
    dimensions as the local branch's. Ours is U-Net's decoder for both: the block at the finest map
    has ``base`` channels, each coarser one twice as many. Encoders whose finest map is coarser than
    the image (``stride``; ResNet's has half its side) get one more block at full size. The last
    convolution has neither normalisation nor ReLU: features in one orthant could not be told apart
    by more than a right angle.
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

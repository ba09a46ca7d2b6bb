"""The decoder: up-sample, concatenate the skip, two blocks; the last block is the branches'."""

import pytest
import torch
from torch import nn

from ldl.engine.profiles import WIDTHS
from ldl.models import Decoder, Encoder

TINY = [[(256, 128), (128, 64)], [(128, 64), (64, 32)], [(64, 32), (32, 16)]]


@pytest.mark.parametrize(("name", "factor"), [("tiny", 1), ("small", 2), ("full", 4)])
def test_channels_are_those_of_the_release(name, factor):
    decoder = Decoder(Encoder(16 * WIDTHS[name]).channels)
    for block, layers in zip(decoder.blocks, TINY, strict=True):
        found = [
            (part.in_channels, part.out_channels)
            for part in block.modules()
            if isinstance(part, nn.Conv2d)
        ]
        assert found == [(a * factor, b * factor) for a, b in layers]
    assert decoder.out_channels == 32 * factor


def features_of(size=(32, 48), batch=1):
    draw = torch.Generator().manual_seed(1)
    channels = [2, 4, 8, 16, 16]
    return channels, [
        torch.rand(batch, c, size[0] >> k, size[1] >> k, generator=draw)
        for k, c in enumerate(channels)
    ]


def test_the_output_ends_with_the_finest_skip_and_begins_with_nearest_upsampling():
    channels, features = features_of()
    out = Decoder(channels).eval()(features)
    assert out.shape == (1, 4, 32, 48)
    assert torch.equal(out[:, 2:], features[0])
    up = out[:, :2]
    assert torch.equal(up[:, :, 0::2, 0::2], up[:, :, 1::2, 1::2])
    assert torch.equal(up[:, :, 0::2, 1::2], up[:, :, 1::2, 0::2])
    assert torch.equal(up[:, :, 0::2, 0::2], up[:, :, 0::2, 1::2])


def test_it_is_the_loop_over_scales_written_out():
    channels, features = features_of()
    decoder = Decoder(channels).eval()
    one, two, three, four, deep = features
    for skip, block in zip((four, three, two), decoder.blocks, strict=True):
        deep = deep.repeat_interleave(2, 2).repeat_interleave(2, 3)
        deep = block(torch.cat([deep, skip], 1))
    deep = deep.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(decoder(features), torch.cat([deep, one], 1))


@pytest.mark.parametrize("level", range(5))
def test_every_skip_reaches_the_output(level):
    channels, features = features_of()
    features[level].requires_grad_()
    Decoder(channels).eval()(features).square().sum().backward()
    assert features[level].grad.abs().sum() > 0

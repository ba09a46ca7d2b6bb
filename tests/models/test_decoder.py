"""The decoder: up-sample, concatenate the skip, two blocks; the last block is the branches'.

D_g: U-Net's decoder behind any encoder.
"""

import pytest
import torch
from torch import nn

from ldl.engine.profiles import WIDTHS
from ldl.models import Decoder, Encoder
from ldl.models.blocks import FeatureDecoder

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


def maps(channels, stride=1, size=32, seed=1):
    draw = torch.Generator().manual_seed(seed)
    sides = [size // stride >> level for level in range(len(channels))]
    return [
        torch.randn(2, count, side, side, generator=draw)
        for count, side in zip(channels, sides, strict=True)
    ]


@pytest.mark.parametrize("channels", [[4, 8, 16], [2, 8, 16, 32, 64]])
@pytest.mark.parametrize("stride", [1, 2])
def test_it_ends_at_the_images_size_with_d_channels(channels, stride):
    net = FeatureDecoder(channels, 2, 10, stride)
    assert net(maps(channels, stride), (32, 32)).shape == (2, 10, 32, 32)
    assert net.out_channels == 10


def test_blocks_are_twice_as_wide_at_each_coarser_map():
    net = FeatureDecoder([64, 256, 512, 1024, 2048], 64, 64, 2)
    found = [(m.in_channels, m.out_channels) for m in net.modules() if isinstance(m, nn.Conv2d)]
    deep = [(2048 + 1024, 512), (512, 512), (512 + 512, 256), (256, 256)]
    fine = [(256 + 256, 128), (128, 128), (128 + 64, 64), (64, 64)]
    assert found == [*deep, *fine, (64, 64), (64, 64)]


@pytest.mark.parametrize("level", range(4))
def test_every_map_reaches_the_output(level):
    channels = [2, 4, 8, 16]
    given = maps(channels)
    given[level].requires_grad_()
    FeatureDecoder(channels, 2, 6, 1).eval()(given, (32, 32)).square().sum().backward()
    assert given[level].grad.abs().sum() > 0


def test_maps_that_do_not_divide_are_met_at_their_own_size():
    channels = [2, 4, 8]
    sides = [(19, 25), (10, 13), (5, 7)]
    given = [torch.randn(1, c, *side) for c, side in zip(channels, sides, strict=True)]
    assert FeatureDecoder(channels, 2, 6, 2)(given, (37, 50)).shape == (1, 6, 37, 50)


def test_the_last_layer_has_both_signs():
    found = FeatureDecoder([2, 4, 8], 2, 16, 1)(maps([2, 4, 8]), (32, 32))
    assert 0.2 < float((found > 0).float().mean()) < 0.8

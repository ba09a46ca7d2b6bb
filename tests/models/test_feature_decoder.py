"""D_g: U-Net's decoder behind any encoder."""

import pytest
import torch
from torch import nn

from ldl.models.decoder import FeatureDecoder


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

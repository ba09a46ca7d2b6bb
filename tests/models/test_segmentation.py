"""The downstream segmentation network (LDL section 6.1.2)."""

import pytest
import torch
from torch import nn

from ldl.models import Encoder, LocalDiscriminationNet, SegmentationNet


@pytest.mark.parametrize("channels", [1, 3])
def test_one_probability_a_pixel(channels):
    torch.manual_seed(1)
    out = SegmentationNet(2, channels)(torch.rand(2, channels, 32, 48))
    assert out.shape == (2, 1, 32, 48)
    assert out.dtype == torch.float32
    assert ((out > 0) & (out < 1)).all()


def test_its_decoder_has_one_more_block_and_a_convolution_to_one_channel():
    net = SegmentationNet(16, 3)
    convolutions = [part for part in net.head.modules() if isinstance(part, nn.Conv2d)]
    assert [(c.in_channels, c.out_channels) for c in convolutions] == [(32, 16), (16, 16), (16, 1)]
    assert all(c.kernel_size == (3, 3) for c in convolutions)


def test_a_pretrained_encoder_fits_without_a_name_to_spare():
    pretrained = LocalDiscriminationNet(2, 3, 6, 4)
    result = SegmentationNet(2, 3).encoder.load_state_dict(pretrained.encoder.state_dict())
    assert not result.missing_keys
    assert not result.unexpected_keys


def test_the_encoder_is_the_same_class_as_in_pretraining():
    assert type(SegmentationNet(2, 1).encoder) is Encoder


def test_every_weight_gets_a_gradient():
    torch.manual_seed(1)
    net = SegmentationNet(2, 3)
    net(torch.rand(2, 3, 32, 32)).sum().backward()
    dead = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert dead == []

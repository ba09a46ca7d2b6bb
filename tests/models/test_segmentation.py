"""The downstream segmentation network (LDL section 6.1.2).

What lies beyond the border: zeros as published, or the outermost values repeated.
"""

import pytest
import torch
from torch import nn

from ldl.models import Encoder, LocalDiscriminationNet, SegmentationNet
from ldl.models.blocks import ConvBlock
from ldl.models.organ_net import LocalUNet, OrganNet


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


def networks(**border):
    torch.manual_seed(1)
    return [
        Encoder(2, 3, **border).eval(),
        LocalDiscriminationNet(2, 3, 6, 4, **border).eval(),
        SegmentationNet(2, 3, **border).eval(),
        LocalUNet(2, 3, 5, **border).eval(),
        OrganNet("vgg", 2, 3, 2, 3, 5, **border).eval(),
    ]


def maps(out):
    return [out] if isinstance(out, torch.Tensor) else list(out)


@torch.no_grad()
@pytest.mark.parametrize("number", range(5))
def test_a_constant_image_has_constant_features_with_replicated_borders_only(number):
    image = torch.full((1, 3, 32, 48), 0.7)
    for border, constant in (("replicate", True), ("zeros", False)):
        net = networks(border=border)[number]
        spread = [float((m - m[..., :1, :1]).abs().max()) for m in maps(net(image))]
        assert all((value < 1e-5) == constant for value in spread), (border, spread)


def test_a_shifted_texture_has_shifted_features_up_to_the_border_with_replication():
    # Stripes go on beyond the border as they are when their last rows are repeated.
    image = torch.rand(1, 3, 1, 48).expand(1, 3, 32, 48).contiguous()
    deepest = networks(border="replicate")[0](image)[-1]
    torch.testing.assert_close(deepest, deepest[..., :1, :].expand_as(deepest))


def test_zeros_are_the_default_and_compute_what_they_did():
    torch.manual_seed(1)
    block, image = ConvBlock(3, 4).eval(), torch.rand(2, 3, 16, 16)
    by_hand = torch.nn.functional.conv2d(image, block[0].weight, padding=1)
    assert torch.equal(block(image), block[1](by_hand).relu())


def test_weights_are_drawn_alike_and_fit_either_way():
    for zeros, replicate in zip(networks(), networks(border="replicate"), strict=True):
        ours, theirs = zeros.state_dict(), replicate.state_dict()
        assert list(ours) == list(theirs)
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_only_the_border_differs():
    torch.manual_seed(1)
    zeros, replicate = ConvBlock(3, 4).eval(), ConvBlock(3, 4, "replicate").eval()
    replicate.load_state_dict(zeros.state_dict())
    image = torch.rand(1, 3, 16, 16)
    there, here = zeros(image), replicate(image)
    torch.testing.assert_close(there[..., 1:-1, 1:-1], here[..., 1:-1, 1:-1])
    assert not torch.allclose(there, here)

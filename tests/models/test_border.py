"""What lies beyond the border: zeros as published, or the outermost values repeated."""

import pytest
import torch

from ldl.models import Encoder, LocalDiscriminationNet, SegmentationNet
from ldl.models.blocks import ConvBlock
from ldl.models.organ_net import LocalUNet, OrganNet


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

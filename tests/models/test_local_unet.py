"""The local U-Net of LRC: shapes, skips, width, and features of both signs."""

import pytest
import torch
from torch import nn

from ldl.models.organ_net import LocalUNet


def slices(batch=2, channels=1, size=(32, 48), seed=1):
    return torch.randn(batch, channels, *size, generator=torch.Generator().manual_seed(seed))


def network(seed=1, **options):
    torch.manual_seed(seed)
    return LocalUNet(**({"base": 4} | options))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(32, 48), (16, 16), (37, 50)])
def test_features_have_the_slices_size_and_sixty_four_channels(channels, size):
    net = network(in_channels=channels)
    assert net(slices(2, channels, size)).shape == (2, 64, *size)
    assert net.out_channels == 64


# (in, out) of the convolutions at width 64, as in Ronneberger et al. 2015 without up-convolutions.
DOWN = [(1, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512), (512, 512)]
DEEP = [(512, 1024), (1024, 1024)]
UP = [(1536, 512), (512, 512), (768, 256), (256, 256), (384, 128), (128, 128), (192, 64), (64, 64)]


def test_width_64_has_u_nets_channels():
    net = LocalUNet()
    found = [(m.in_channels, m.out_channels) for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert found == [*DOWN, *DEEP, *UP, (64, 64)]
    blocks = sum(9 * a * b + 2 * b for a, b in found[:-1])
    assert sum(p.numel() for p in net.parameters()) == blocks + 9 * 64 * 64 + 64


def test_parameters_grow_with_the_square_of_the_width():
    counts = [sum(p.numel() for p in LocalUNet(base).parameters()) for base in (8, 16)]
    assert counts[1] / counts[0] == pytest.approx(4, rel=0.05)


def test_forward_is_the_decoder_of_the_encoders_features():
    net = network().eval()
    image = slices()
    features = net.encoder(image)
    assert [tuple(one.shape[1:]) for one in features] == [
        (4 << k, 32 >> k, 48 >> k) for k in range(5)
    ]
    assert torch.equal(net.decoder(features), net(image))


@pytest.mark.parametrize("level", range(5))
def test_every_skip_reaches_the_output(level):
    net = network().eval()
    features = [one.detach() for one in net.encoder(slices())]
    features[level].requires_grad_()
    net.decoder(features).square().sum().backward()
    assert features[level].grad.abs().sum() > 0


def test_every_parameter_learns():
    net = network()
    net(slices()).square().sum().backward()
    assert all(one.grad.abs().sum() > 0 for one in net.parameters())


def test_features_have_both_signs_and_are_not_normalised():
    features = network()(slices()).detach()
    assert 0.3 < (features > 0).float().mean() < 0.7
    assert features.norm(dim=1).std() > 0.01


def test_the_last_layer_is_a_plain_convolution_at_full_resolution():
    net = network()
    assert isinstance(net.decoder.last, nn.Conv2d)
    assert net.decoder.last.out_channels == 64
    assert net.decoder.last.kernel_size == (3, 3)


def test_a_pixel_sees_its_surroundings_far_away():
    net, image = network().eval(), slices(1, 1, (128, 128)).requires_grad_()
    net(image)[0, :, 64, 64].sum().backward()
    seen = image.grad[0, 0].abs() > 0
    assert seen.any(1).sum() > 100


def test_equal_seeds_build_equal_networks():
    one, again, other = network(1), network(1), network(2)
    image = slices()
    assert torch.equal(one(image), again(image))
    assert not torch.equal(one(image), other(image))

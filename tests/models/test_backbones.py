"""One door to all encoders: what each promises to the methods."""

import pytest
import torch

from ldl.errors import ConfigError
from ldl.models.backbones import backbone, pooled

STRIDES = {"vgg": [1, 2, 4, 8, 16], "resnet50": [2, 4, 8, 16, 32], "vit": [8]}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", STRIDES)
def test_features_have_the_channels_and_strides_that_are_announced(name, channels):
    encoder = backbone(name, 2, channels).eval()
    with torch.no_grad():
        features = encoder(torch.rand(2, channels, 64, 64))
    assert [each.shape[1] for each in features] == encoder.channels
    assert [64 // each.shape[-1] for each in features] == STRIDES[name]
    assert pooled(features).shape == (2, encoder.channels[-1])


@pytest.mark.parametrize("name", STRIDES)
def test_images_do_not_see_each_other_in_eval_mode(name):
    torch.manual_seed(0)
    encoder = backbone(name, 2, 3).eval()
    images = torch.rand(3, 3, 48, 48)
    with torch.no_grad():
        together, alone = pooled(encoder(images)), pooled(encoder(images[1:2]))
    torch.testing.assert_close(together[1:2], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", STRIDES)
def test_the_seed_decides_the_weights(name):
    states = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        states.append(list(backbone(name, 1, 3).parameters()))
    assert all(torch.equal(a, b) for a, b in zip(states[0], states[1], strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(states[0], states[2], strict=True))


@pytest.mark.parametrize("name", STRIDES)
def test_every_weight_has_a_gradient(name):
    net = backbone(name, 2, 3)
    sum(feature.square().sum() for feature in net(torch.rand(2, 3, 64, 64))).backward()
    assert [n for n, p in net.named_parameters() if p.grad is None] == []


def test_an_images_vector_is_the_mean_over_its_deepest_map():
    draw = torch.Generator().manual_seed(0)
    finer, deepest = (torch.randn(2, c, s, s, generator=draw) for c, s in ((3, 6), (5, 3)))
    vector = pooled([finer, deepest])
    for image in range(2):
        for channel in range(5):
            mean = sum(deepest[image, channel].flatten().tolist()) / 9
            assert float(vector[image, channel]) == pytest.approx(mean, rel=1e-5, abs=1e-6)


def test_another_name_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="'swin'; use 'vgg', 'resnet50', 'vit' or 'unet'"):
        backbone("swin", 4, 3)

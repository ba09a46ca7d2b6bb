"""Template matching and raw encoder features."""

import numpy as np
import pytest
import torch

from ldl.errors import ConfigError
from ldl.localize import TemplateMatcher, feature_embedder, find, fitted, localize, network_embedder
from ldl.models import Encoder, LocalDiscriminationNet
from ldl.rng import seed_everything


def correlation(first, second):
    """Mean over channels of the correlation coefficient of two windows (C, h, w)."""
    pairs = zip(first.reshape(len(first), -1), second.reshape(len(second), -1), strict=True)
    return float(np.mean([np.corrcoef(*pair)[0, 1] for pair in pairs]))


@pytest.mark.parametrize("channels", [1, 3])
def test_template_map_is_the_loop_over_positions(scene, channels):
    support, query = scene(0, 24, channels), scene(1, 24, channels)
    found = find(TemplateMatcher(), support, (10.4, 12.0), query, window=6)
    template = support[:, 7:14, 9:16].double().numpy()
    values = query.double().numpy()
    for row, column in [(3, 3), (10, 12), (20, 4), (12, 20)]:
        window = values[:, row - 3 : row + 4, column - 3 : column + 4]
        expected = correlation(template, window)
        assert found.similarity[row, column] == pytest.approx(expected, abs=1e-5)


def test_template_does_not_mind_brightness_and_contrast(scene):
    image = scene(2)
    darker = image * torch.tensor([0.4, 0.6, 0.5]).view(3, 1, 1) + 0.1
    found = find(TemplateMatcher(), image, (40, 60), darker, window=16)
    assert found.peak == (40, 60)
    assert found.similarity[40, 60] == pytest.approx(1, abs=1e-4)


def test_a_constant_template_is_like_nothing(scene):
    image = scene(2)
    image[:, 20:50, 20:50] = 0.5
    found = find(TemplateMatcher(), image, (35, 35), image, window=16)
    assert found.status == "absent"
    assert not found.similarity.any()


def network(channels=3):
    seed_everything(0, "localize")
    return LocalDiscriminationNet(base=4, in_channels=channels, embedding=8).eval()


@pytest.mark.parametrize("stride", [1, 4, 8, 16])
def test_raw_features_are_unit_at_every_pixel(scene, stride):
    images = scene(0, 40)[None]
    embedding = feature_embedder(network().encoder, stride=stride)(images)
    assert embedding.shape[0] == 1
    assert embedding.shape[2:] == (40, 40)
    length = embedding.norm(dim=1)
    silent = length == 0  # where no channel fires
    assert silent.float().mean() < 0.05
    torch.testing.assert_close(length, 1 - silent.float(), atol=1e-3, rtol=0)
    assert embedding.min() >= 0


def test_raw_features_lie_between_their_pixel_centres(scene):
    """A coarse feature belongs to the middle of its 8 x 8 pixels, not to their first one."""

    class Average(torch.nn.Module):
        def forward(self, image):
            return [torch.nn.functional.avg_pool2d(image.abs() + 1, 2**k) for k in range(5)]

    ramp = torch.linspace(0.5, 1, 64).expand(1, 3, 64, 64).clone()
    ramp[:, 0] = 0.5
    embedding = feature_embedder(Average(), stride=8)(ramp)
    exact = feature_embedder(Average(), stride=1)(ramp)
    torch.testing.assert_close(embedding[..., 8:-8], exact[..., 8:-8], atol=1e-3, rtol=0)


def test_unknown_stride_is_refused():
    with pytest.raises(ConfigError, match="stride is 32; use one of 1, 2, 4, 8, 16"):
        feature_embedder(Encoder(4), stride=32)


def test_fitted_pads_below_and_beside_and_cuts_back(scene):
    seen = []

    def embed(images):
        seen.append(images)
        return images

    image = scene(0, 40)[None, :, :37, :]
    assert torch.equal(fitted(embed)(image), image)
    assert seen[0].shape == (1, 3, 48, 48)
    assert torch.equal(seen[0][..., 37:, :40], image[..., -1:, :].expand(1, 3, 11, 40))


@pytest.mark.parametrize("make", [network_embedder, lambda net: feature_embedder(net.encoder)])
def test_networks_localize_images_of_any_size(scene, make):
    image = scene(7, 72)[:, :50]
    found = localize(make(network()), image, (20, 60), image, window=12)
    assert found.similarity.shape == (50, 72)
    assert found.similarity[20, 60] == pytest.approx(1, abs=1e-5)
    assert found.peak == (20, 60)

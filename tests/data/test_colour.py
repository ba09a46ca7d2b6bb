"""Colour augmentation, one draw an image."""

import pytest
import torch

from ldl.data.colour import jitter_colour, normalise, to_float

# ColorJitter(0.4, 0.4, 0.4, 0.02) and RandomGrayscale(0.2) of the release.
STRENGTH, HUE, GRAY = 0.4, 0.02, 0.2


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def images(count, channels, seed=5, low=0.0, high=1.0):
    return torch.rand(count, channels, 8, 8, generator=draw(seed)) * (high - low) + low


@pytest.mark.parametrize("channels", [1, 3])
def test_values_stay_in_0_to_1_and_shapes_stay(channels):
    given = images(64, channels)
    changed = jitter_colour(given, draw())
    assert changed.shape == given.shape
    assert changed.isfinite().all()
    assert changed.min() >= 0
    assert changed.max() <= 1


@pytest.mark.parametrize("channels", [1, 3])
def test_each_image_has_a_draw_of_its_own(channels):
    same = images(1, channels).expand(16, -1, -1, -1)
    changed = jitter_colour(same, draw())
    assert len(torch.unique(changed.flatten(1), dim=0)) == 16


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_does_not_depend_on_its_neighbours(channels):
    given = images(6, channels)
    other = given.clone()
    other[1:] = images(5, channels, seed=9)
    assert torch.equal(jitter_colour(given, draw())[0], jitter_colour(other, draw())[0])


def test_a_film_gets_brightness_and_contrast_about_its_mean_and_nothing_else():
    given = images(200, 1, low=0.45, high=0.55).double()
    changed = jitter_colour(given, draw())
    # Nothing is clipped here, so y = slope * (x - mean) + level with slope = b c, level = b mean.
    x, y = given.flatten(1), changed.flatten(1)
    mean, level = x.mean(1), y.mean(1)
    bright = level / mean
    centred = x - mean[:, None]
    contrast = ((y - level[:, None]) * centred).sum(1) / centred.square().sum(1) / bright
    fitted = (bright * contrast)[:, None] * centred + level[:, None]
    torch.testing.assert_close(y, fitted, atol=1e-6, rtol=0)
    for factor in (bright, contrast):
        assert factor.min() >= 1 - STRENGTH - 1e-5
        assert factor.max() <= 1 + STRENGTH + 1e-5
        assert factor.min() < 0.65
        assert factor.max() > 1.35
    assert abs(torch.corrcoef(torch.stack([bright, contrast]))[0, 1]) < 0.2


def test_one_colour_image_in_five_loses_its_colour():
    changed = jitter_colour(images(1000, 3), draw())
    spread = (changed.amax(1) - changed.amin(1)).flatten(1).amax(1)
    assert (spread == 0).float().mean().item() == pytest.approx(GRAY, abs=0.04)


def test_a_gray_image_stays_gray():
    gray = images(50, 1).expand(-1, 3, -1, -1)
    changed = jitter_colour(gray, draw())
    assert (changed.amax(1) - changed.amin(1)).max() < 1e-5


def test_hue_turns_by_at_most_seven_degrees():
    """0.02 of the circle is 7.2 degrees; a pure red shows it, as saturation cannot."""
    red = torch.tensor([0.6, 0.2, 0.2]).view(1, 3, 1, 1).expand(500, 3, 4, 4)
    changed = jitter_colour(red, draw())[:, :, 0, 0]
    r, g, b = changed.unbind(1)
    coloured = r - torch.minimum(g, b) > 1e-3
    hue = ((g - b) / (r - torch.minimum(g, b)) / 6)[coloured]
    assert (r >= torch.maximum(g, b))[coloured].all()
    assert hue.abs().max() <= HUE + 1e-4
    assert hue.max() > 0.8 * HUE
    assert hue.min() < -0.8 * HUE


def test_normalisation_is_imagenets_for_colour_and_a_half_for_films():
    colour = normalise(torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
    torch.testing.assert_close(colour, torch.zeros(1, 3, 1, 1))
    white = normalise(torch.ones(1, 3, 1, 1)).flatten()
    torch.testing.assert_close(white, torch.tensor([2.2489, 2.4286, 2.64]), atol=1e-4, rtol=0)
    assert normalise(torch.tensor([0.0, 0.5, 1.0]).view(3, 1, 1, 1)).flatten().tolist() == [
        -1,
        0,
        1,
    ]


def test_bytes_become_0_to_1():
    assert to_float(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == [0.0, 1.0]

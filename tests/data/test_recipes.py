"""Views of the comparison methods: geometry, colour, chance, each image on its own."""

import colorsys
import math
from dataclasses import replace

import pytest
import torch

from ldl.data.recipes import (
    BYOL_FIRST,
    BYOL_SECOND,
    INSTANCE,
    MOCO_V2,
    PLAIN,
    SIMCLR,
    Recipe,
    draw_view,
)

SIZE, CROP = 48, 32
RECIPES = {
    "instance": INSTANCE,
    "moco_v2": MOCO_V2,
    "simclr": SIMCLR,
    "byol_first": BYOL_FIRST,
    "byol_second": BYOL_SECOND,
    "plain": PLAIN,
}
BARE = Recipe(area=(1.0, 1.0), jitter=0.0, gray=0.0)
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


@pytest.fixture(params=list(RECIPES))
def recipe(request):
    return RECIPES[request.param]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(count, channels=3, size=SIZE, seed=1):
    shape = (count, channels, size, size)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator(seed))


def plain(image):
    """Values in 0..1 again."""
    return image * DEVIATION + MEAN if image.shape[1] == 3 else image * 0.5 + 0.5


def drawn(images, recipe, size=CROP, seed=0):
    view = draw_view(images, size, recipe, generator(seed))
    return plain(view.image), plain_of_geometry(images, view, size)


def plain_of_geometry(images, view, size):
    """What the view would show if its colours were left alone."""
    return view.affine.sample(images.float() / 255, size)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [16, 32, 96])
def test_views_are_normalised_floats_of_the_crop_within_range(recipe, channels, size):
    view = draw_view(noise(6, channels), size, recipe, generator()).image
    assert view.shape == (6, channels, size, size)
    assert view.dtype == torch.float32
    values = plain(view)
    assert values.min() >= -1e-5
    assert values.max() <= 1 + 1e-5


@pytest.mark.parametrize("level", [0, 1, 128, 255])
@pytest.mark.parametrize("channels", [1, 3])
def test_flat_images_give_no_nan(recipe, channels, level):
    images = torch.full((32, channels, SIZE, SIZE), level, dtype=torch.uint8)
    assert draw_view(images, CROP, recipe, generator()).image.isfinite().all()


def test_pure_colours_give_no_nan(recipe):
    images = torch.zeros(48, 3, SIZE, SIZE, dtype=torch.uint8)
    for channel in range(3):
        images[channel::3, channel] = 255
    assert draw_view(images, CROP, recipe, generator()).image.isfinite().all()


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_does_not_depend_on_the_pixels_of_the_others(recipe, channels):
    images, others = noise(8, channels), noise(8, channels, seed=2)
    alone = torch.cat([others[:3], images[3:4], others[4:] // 3])
    one, same = (draw_view(each, CROP, recipe, generator()) for each in (images, alone))
    torch.testing.assert_close(one.image[3], same.image[3], rtol=0, atol=1e-6)
    assert torch.equal(one.affine.matrix, same.affine.matrix)


def test_equal_seeds_give_equal_bits_and_others_do_not(recipe):
    images = noise(6)
    one, same, other = (draw_view(images, CROP, recipe, generator(seed)) for seed in (3, 3, 4))
    assert torch.equal(one.image, same.image)
    assert torch.equal(one.affine.matrix, same.affine.matrix)
    assert not torch.equal(one.image, other.image)


def test_each_image_has_a_draw_of_its_own(recipe):
    view = draw_view(noise(1).expand(16, -1, -1, -1), CROP, recipe, generator())
    assert len(torch.unique(view.image.flatten(1), dim=0)) == 16
    assert len(torch.unique(view.affine.matrix.flatten(1), dim=0)) == 16
    share = torch.linalg.det(view.affine.matrix[:, :, :2]).abs()
    assert recipe.area[0] - 1e-4 <= share.min() < share.max() <= recipe.area[1] + 1e-4


def test_the_given_images_are_not_changed(recipe):
    images = noise(4)
    before = images.clone()
    draw_view(images, CROP, recipe, generator())
    assert torch.equal(images, before)


@pytest.mark.parametrize("degrees", [0.0, 30.0])
@pytest.mark.parametrize("area", [(0.08, 1.0), (0.5, 0.9), (1.0, 1.0)])
def test_a_view_of_a_coordinate_image_says_where_its_pixels_come_from(area, degrees):
    """Red is x, green is y: bilinear sampling keeps what is linear, but for a byte's rounding."""
    line = (torch.arange(SIZE) + 0.5) / SIZE
    y, x = torch.meshgrid(line, line, indexing="ij")
    image = (torch.stack([x, y, torch.ones_like(x)]) * 255).round().to(torch.uint8)
    recipe = replace(BARE, area=area, degrees=degrees)
    view = draw_view(image.expand(20, -1, -1, -1), CROP, recipe, generator())
    line = (torch.arange(CROP) + 0.5) / CROP * 2 - 1
    row, column = torch.meshgrid(line, line, indexing="ij")
    place = torch.stack([column, row, torch.ones_like(row)])
    source = torch.einsum("bij,jhw->bihw", view.affine.matrix, place)
    seen = plain(view.image)
    inside = (seen[:, 2:] > 0.9999) & (source.abs() < 1 - 1 / SIZE).all(dim=1, keepdim=True)
    assert inside.float().mean() > 0.5
    wrong = (seen[:, :2] - (source + 1) / 2).abs().amax(1, keepdim=True)[inside]
    assert wrong.max() < 0.6 / 255


def test_colour_never_moves_a_pixel():
    """A film's jitter is affine in its values, so each view fits the resampled original."""
    images = (noise(12, 1) // 5 + 100).to(torch.uint8)
    seen, source = drawn(images, INSTANCE)
    for one, other in zip(seen.flatten(1), source.flatten(1), strict=True):
        line = torch.stack([other, torch.ones_like(other)], 1)
        fit = line @ torch.linalg.lstsq(line, one[:, None]).solution
        assert (fit[:, 0] - one).abs().max() < 1e-4


def test_without_colour_only_the_geometry_is_left():
    seen, source = drawn(noise(10), replace(BARE, area=(0.2, 1.0)))
    torch.testing.assert_close(seen, source, rtol=0, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_jitter_with_probability_one_changes_every_image(channels):
    seen, source = drawn(noise(40, channels), replace(BARE, jitter=1.0))
    assert (seen - source).flatten(1).abs().amax(1).min() > 1e-3


def colourfulness(values):
    return (values.amax(1) - values.amin(1)).flatten(1).amax(1)


@pytest.mark.parametrize(("gray", "share"), [(0.0, 0.0), (1.0, 1.0)])
def test_gray_with_probability_zero_and_one(gray, share):
    seen, source = drawn(noise(40), replace(BARE, gray=gray))
    lost = colourfulness(seen) < 1e-5
    assert lost.float().mean() == share
    if gray:
        weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
        luma = (source * weights).sum(1, keepdim=True).expand_as(seen)
        torch.testing.assert_close(seen, luma, rtol=0, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_solarisation_inverts_what_is_bright_and_nothing_else(channels):
    seen, source = drawn(noise(10, channels), replace(BARE, solarise=1.0))
    apart = (source - 0.5).abs() > 1e-4
    expected = torch.where(source > 0.5, 1 - source, source)
    torch.testing.assert_close(seen[apart], expected[apart], rtol=0, atol=1e-5)


def test_gray_images_stay_gray(recipe):
    images = noise(60, 1).expand(-1, 3, -1, -1)
    assert colourfulness(plain(draw_view(images, CROP, recipe, generator()).image)).max() < 1e-5


@pytest.mark.parametrize("size", [96, 224])
def test_the_blur_is_a_gaussian_whose_sigma_is_a_tenth_to_two_pixels_of_224(size):
    """One bright pixel shows the kernel; its first neighbour tells sigma: exp(-1 / 2 sigma^2)."""
    count = 300
    images = torch.zeros(count, 1, size, size, dtype=torch.uint8)
    images[:, :, size // 2, size // 2] = 255
    seen = drawn(images, replace(BARE, blur=1.0), size)[0][:, 0].double()
    place = seen.flatten(1).argmax(1)
    row, column = place // size, place % size
    each = torch.arange(count)
    peak, beside = seen[each, row, column], seen[each, row, column + 1]
    sigma = (-0.5 / (beside / peak).clamp_min(1e-30).log()).sqrt()
    low, high = (limit * size / 224 for limit in (0.1, 2.0))
    assert sigma.max() <= high * 1.001
    assert sigma.max() > 0.95 * high
    middle = (sigma < (low + high) / 2).double().mean().item()
    assert middle == pytest.approx(0.5, abs=4 * math.sqrt(0.25 / count))
    assert low < 0.15 or sigma.min() >= low * 0.99
    # The whole kernel of a wide one, and no light is lost.
    widest = int(sigma.argmax())
    torch.testing.assert_close(seen.sum((1, 2)), torch.ones(count).double(), rtol=0, atol=5e-3)
    for dy, dx in ((0, 2), (1, 1), (2, 1)):
        expected = peak[widest] * torch.exp(-(dy**2 + dx**2) / (2 * sigma[widest] ** 2))
        found = seen[widest, row[widest] + dy, column[widest] + dx]
        assert float(found) == pytest.approx(float(expected), rel=1e-3, abs=1e-6)


def test_the_blur_is_no_blur_on_a_flat_image():
    flat = torch.full((8, 3, SIZE, SIZE), 77, dtype=torch.uint8)
    seen, source = drawn(flat, replace(BARE, blur=1.0))
    torch.testing.assert_close(seen, source, rtol=0, atol=1e-5)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5, 0.8])
@pytest.mark.parametrize("change", ["jitter", "gray", "blur", "solarise"])
def test_each_change_comes_as_often_as_its_probability(change, share, monkeypatch):
    # A blur of small views can be too weak to be seen; this one cannot.
    monkeypatch.setattr("ldl.data.recipes._blur", lambda images, generator: 1 - images)
    count = 1500
    images = noise(count, size=8)
    seen, source = drawn(images, replace(BARE, **{change: share}), 8)
    changed = (seen - source).flatten(1).abs().amax(1) > 1e-3
    bound = 4 * math.sqrt(share * (1 - share) / count)
    assert changed.float().mean().item() == pytest.approx(share, abs=bound)


def test_changes_come_independently_of_each_other(monkeypatch):
    monkeypatch.setattr("ldl.data.recipes._jitter", lambda images, recipe, generator: images / 2)
    monkeypatch.setattr("ldl.data.recipes._blur", lambda images, generator: images + 0.2)
    count = 3000
    images = torch.full((count, 1, 8, 8), 204, dtype=torch.uint8)
    level = drawn(images, replace(BARE, jitter=0.8, blur=0.5), 8)[0][:, 0, 0, 0]
    for expected, share in ((0.4, 0.4), (0.6, 0.4), (0.8, 0.1), (1.0, 0.1)):
        found = ((level - expected).abs() < 0.001).float().mean().item()
        assert found == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / count))


@pytest.mark.parametrize(
    ("name", "strengths"),
    [
        ("instance", (1.0, 0.4, 0.4, 0.4, 0.4)),
        ("moco_v2", (0.8, 0.4, 0.4, 0.4, 0.1)),
        ("simclr", (0.8, 0.8, 0.8, 0.8, 0.2)),
        ("byol_first", (0.8, 0.4, 0.4, 0.2, 0.1)),
        ("byol_second", (0.8, 0.4, 0.4, 0.2, 0.1)),
    ],
)
def test_strengths_are_the_papers(name, strengths):
    recipe = RECIPES[name]
    given = (recipe.jitter, recipe.brightness, recipe.contrast, recipe.saturation, recipe.hue)
    assert given == strengths
    assert recipe.gray == 0.2


@pytest.mark.parametrize("strength", [0.4, 0.8])
def test_brightness_is_uniform_about_one_and_never_negative(strength):
    """On a flat film the contrast does nothing, so the level tells the factor."""
    images = torch.full((2000, 1, 8, 8), 102, dtype=torch.uint8)
    recipe = replace(BARE, jitter=1.0, brightness=strength, contrast=0.4)
    factor = drawn(images, recipe, 8)[0][:, 0, 4, 4] / 0.4
    assert factor.min() >= 1 - strength - 1e-4
    assert factor.max() <= 1 + strength + 1e-4
    assert factor.mean().item() == pytest.approx(1, abs=0.04)
    assert factor.std().item() == pytest.approx(strength / math.sqrt(3), rel=0.06)


@pytest.mark.parametrize("hue", [0.02, 0.1, 0.4])
def test_hue_turns_by_at_most_its_share_of_the_circle(hue):
    red = torch.tensor([153, 51, 51], dtype=torch.uint8).view(1, 3, 1, 1).expand(800, 3, 8, 8)
    still = replace(BARE, jitter=1.0, brightness=0.0, contrast=0.0, saturation=0.0, hue=hue)
    seen = drawn(red, still, 8)[0][:, :, 4, 4].tolist()
    turn = [(colorsys.rgb_to_hsv(*pixel)[0] + 0.5) % 1 - 0.5 for pixel in seen]
    assert -hue - 1e-4 <= min(turn) < -0.98 * hue
    assert 0.98 * hue < max(turn) <= hue + 1e-4
    assert sum(turn) / len(turn) == pytest.approx(0, abs=4 * hue / math.sqrt(3 * len(turn)))

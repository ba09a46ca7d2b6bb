"""Two views of an image and the geometry that brings their features into register."""

import math

import pytest
import torch

from ldl.data.sampling import ROTATIONS, apply_symmetry, undo_symmetry
from ldl.data.views import draw_labelled, draw_views

SIZE, CROP = 48, 32


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def smooth_film(count, low=0.4, high=0.6):
    """(count, 1, SIZE, SIZE) uint8: waves that have no symmetry, of middling gray."""
    line = torch.arange(SIZE) / SIZE
    y, x = torch.meshgrid(line, line, indexing="ij")
    waves = [torch.sin(5 * x + n) + torch.cos(9 * y - 3 * x + 2 * n) + y for n in range(count)]
    waves = torch.stack(waves)[:, None]
    share = (waves - waves.min()) / (waves.max() - waves.min())
    return ((low + share * (high - low)) * 255).round().to(torch.uint8)


def coordinates(count):
    line = (torch.arange(SIZE) + 0.5) / SIZE * 2 - 1
    return torch.stack(torch.meshgrid(line, line, indexing="xy")).expand(count, -1, -1, -1)


@pytest.mark.parametrize("channels", [1, 3])
def test_views_are_normalised_floats_of_the_crop(channels):
    images = torch.randint(0, 256, (5, channels, SIZE, SIZE), dtype=torch.uint8)
    views = draw_views(images, CROP, "rotations", generator())
    for view in (views.first, views.second):
        assert view.shape == (5, channels, CROP, CROP)
        assert view.dtype == torch.float32
        assert view.isfinite().all()
    assert views.symmetry.shape == (5,)
    assert views.symmetry.dtype == torch.int64


@pytest.mark.parametrize("symmetries", ["rotations", "dihedral"])
def test_the_geometry_returned_is_the_one_that_made_the_views(symmetries):
    """A film's colour change is affine, so each view must fit the resampled original exactly."""
    images = smooth_film(12)
    views = draw_views(images, CROP, symmetries, generator())
    upright = undo_symmetry(views.second, views.symmetry)
    for view, affine in [(views.first, views.first_affine), (upright, views.second_affine)]:
        original = affine.sample(images.float() / 255, CROP)
        inside = affine.sample(torch.ones(12, 1, SIZE, SIZE), CROP) > 0.999
        for seen, source, valid in zip(view, original, inside, strict=True):
            x, y = source[valid], seen[valid]
            line = torch.stack([x, torch.ones_like(x)], 1)
            fit = line @ torch.linalg.lstsq(line, y[:, None]).solution
            assert (fit[:, 0] - y).abs().max() < 1e-4


@pytest.mark.parametrize("symmetries", ["rotations", "dihedral"])
def test_features_of_the_second_view_come_back_into_register(symmetries):
    """Each view sees where its pixels come from; undone, both see the same but for the turns."""
    views = draw_views(smooth_film(64), CROP, symmetries, generator())
    places = coordinates(64)
    first = views.first_affine.sample(places, CROP)
    # What a network that answers with coordinates would say of the turned second view.
    second = apply_symmetry(views.second_affine.sample(places, CROP), views.symmetry)
    back = undo_symmetry(second, views.symmetry)
    seen = views.first_affine.sample(torch.ones(64, 1, SIZE, SIZE), CROP) > 0.999
    seen &= views.second_affine.sample(torch.ones(64, 1, SIZE, SIZE), CROP) > 0.999
    apart = ((first - back).norm(dim=1, keepdim=True))[seen]
    # Two turns of at most 2 degrees about the centre; the farthest corner is sqrt(2) away.
    assert apart.max() <= 2 * math.sin(math.radians(2)) * math.sqrt(2) * 1.06
    unmatched = ((first - second).norm(dim=1, keepdim=True))[seen]
    assert unmatched.max() > 1


def test_both_views_show_a_tenth_less_than_the_image_at_most():
    views = draw_views(smooth_film(1).expand(500, -1, -1, -1), 16, "rotations", generator())
    for affine in (views.first_affine, views.second_affine):
        area = torch.linalg.det(affine.matrix[:, :, :2]).abs()
        assert 0.9 - 1e-4 <= area.min() < 0.91
        assert 0.99 < area.max() <= 1 + 1e-4


def test_the_views_differ_by_turns_of_at_most_two_degrees_each_about_the_same_centre():
    views = draw_views(smooth_film(1).expand(2000, -1, -1, -1), 16, "rotations", generator())
    first, second = views.first_affine.matrix.double(), views.second_affine.matrix.double()
    torch.testing.assert_close(first[:, :, 2], second[:, :, 2])
    turn = torch.linalg.solve(first[:, :, :2], second[:, :, :2])
    torch.testing.assert_close(
        turn.mT @ turn, torch.eye(2, dtype=torch.float64).expand(2000, 2, 2), atol=1e-5, rtol=0
    )
    degrees = torch.rad2deg(torch.atan2(turn[:, 1, 0], turn[:, 0, 0]))
    assert degrees.abs().max() <= 4.001
    assert degrees.abs().max() > 3.5
    # The difference of two uniform turns of +-2 degrees.
    assert degrees.std().item() == pytest.approx(math.sqrt(2 * 16 / 12), rel=0.05)


def test_the_released_symmetries_are_the_four_rotations_and_dihedral_means_all_eight():
    film = smooth_film(1).expand(400, -1, -1, -1)
    drawn = draw_views(film, 16, "rotations", generator()).symmetry
    assert set(drawn.tolist()) == set(ROTATIONS)
    assert torch.bincount(drawn)[list(ROTATIONS)].min() > 70
    assert set(draw_views(film, 16, "dihedral", generator()).symmetry.tolist()) == set(range(8))


def test_each_image_has_geometry_and_colour_of_its_own():
    film = smooth_film(1).expand(16, -1, -1, -1)
    views = draw_views(film, CROP, "rotations", generator())
    for rows in (views.first_affine.matrix, views.second_affine.matrix, views.first, views.second):
        assert len(torch.unique(rows.flatten(1), dim=0)) == 16


def test_the_two_views_of_an_image_have_colours_of_their_own():
    flat = torch.full((16, 1, SIZE, SIZE), 128, dtype=torch.uint8)
    views = draw_views(flat, CROP, "rotations", generator())
    centre = CROP // 2
    levels = torch.stack([v[:, 0, centre, centre] for v in (views.first, views.second)])
    assert (levels[0] - levels[1]).abs().min() > 1e-4


def test_equal_seeds_give_equal_bits_and_others_do_not():
    images = smooth_film(4)
    one, same = (draw_views(images, CROP, "rotations", generator(3)) for _ in range(2))
    other = draw_views(images, CROP, "rotations", generator(4))
    for name in ("first", "second", "symmetry"):
        assert torch.equal(getattr(one, name), getattr(same, name))
    assert torch.equal(one.second_affine.matrix, same.second_affine.matrix)
    assert not torch.equal(one.first, other.first)


def test_films_stay_of_one_channel_and_colour_images_may_turn_gray():
    colour = torch.randint(0, 256, (60, 3, SIZE, SIZE), dtype=torch.uint8, generator=generator(1))
    views = draw_views(colour, CROP, "rotations", generator())
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    plain = views.first * deviation + mean
    assert plain.min() >= -1e-5
    assert plain.max() <= 1 + 1e-5
    gray = (plain.amax(1) - plain.amin(1)).flatten(1).amax(1) < 1e-4
    assert 0 < gray.sum() < 30


def test_the_given_images_are_not_changed():
    images = smooth_film(3)
    before = images.clone()
    draw_views(images, CROP, "rotations", generator())
    draw_labelled(images, images[:, 0] // 128, generator())
    assert torch.equal(images, before)


def blobs(count):
    masks = (smooth_film(count, 0, 1)[:, 0] > 128).to(torch.uint8)
    assert 0.1 < masks.float().mean() < 0.9
    return masks


def test_masks_stay_binary_and_turn_with_their_images():
    masks = blobs(40)
    images = (masks * 255)[:, None]
    turned, truth = draw_labelled(images, masks, generator())
    assert turned.shape == truth.shape == (40, 1, SIZE, SIZE)
    assert truth.dtype == torch.float32
    assert set(truth.unique().tolist()) == {0.0, 1.0}
    # Bilinear gives the nearest pixel at least a quarter of the weight.
    gray = turned * 0.5 + 0.5
    assert gray[truth == 1].min() >= 0.25 - 1e-4
    assert gray[truth == 0].max() <= 0.75 + 1e-4


def test_labelled_images_keep_their_scale_and_get_a_turn_of_their_own():
    disc = torch.zeros(30, SIZE, SIZE, dtype=torch.uint8)
    line = torch.arange(SIZE) - (SIZE - 1) / 2
    y, x = torch.meshgrid(line, line, indexing="ij")
    disc[:, (x - 8) ** 2 + y**2 < 64] = 1
    images, truth = draw_labelled((disc * 255)[:, None], disc, generator())
    area = truth.sum((1, 2, 3)) / disc[0].sum()
    torch.testing.assert_close(area, torch.ones(30), atol=0.06, rtol=0)
    assert len(torch.unique(images.flatten(1), dim=0)) == 30
    # Turned about the middle: the centre stays 8 pixels away from it, in all directions.
    weight = truth[:, 0] / truth.sum((1, 2, 3)).view(-1, 1, 1)
    cx, cy = (weight * x).sum((1, 2)), (weight * y).sum((1, 2))
    torch.testing.assert_close(torch.hypot(cx, cy), torch.full((30,), 8.0), atol=0.3, rtol=0)
    assert torch.histc(torch.atan2(cy, cx), 4, -math.pi, math.pi).min() > 1


def test_labelled_images_have_no_colour_change():
    flat = torch.full((4, 3, SIZE, SIZE), 128, dtype=torch.uint8)
    images, _ = draw_labelled(flat, torch.zeros(4, SIZE, SIZE, dtype=torch.uint8), generator())
    centre = images[:, :, SIZE // 2, SIZE // 2]
    expected = (128 / 255 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor(
        [0.229, 0.224, 0.225]
    )
    torch.testing.assert_close(centre, expected.expand(4, 3), atol=1e-4, rtol=0)


def test_labelled_draws_repeat_with_their_seed():
    masks = blobs(3)
    images = (masks * 200)[:, None]
    one, same = (draw_labelled(images, masks, generator(2)) for _ in range(2))
    assert torch.equal(one[0], same[0])
    assert torch.equal(one[1], same[1])
    assert not torch.equal(one[1], draw_labelled(images, masks, generator(3))[1])


def test_a_view_at_native_scale_has_as_many_pixels_as_its_window():
    views = draw_views(smooth_film(200), 16, "rotations", generator(), scale="native")
    assert views.first.shape == (200, 1, 16, 16)
    linear = views.first_affine.matrix[:, :, :2]
    # Pixels of the image a pixel of the view is wide: 0.95 to 1, within the aspect ratio allowed.
    pixels = linear.norm(dim=1) * SIZE / 16
    assert pixels.min() >= (0.9 * 0.9) ** 0.5 - 1e-5
    assert pixels.max() <= (1 / 0.9) ** 0.5 + 1e-5
    area = torch.linalg.det(linear).abs()
    assert float(area.min()) / (16 / SIZE) ** 2 + 1e-6 >= 0.9
    assert float(area.max()) / (16 / SIZE) ** 2 <= 1 + 1e-6
    # Windows lie everywhere, not in the middle alone.
    centre = views.first_affine.matrix[:, :, 2]
    assert centre.norm(dim=1).max() > 0.6


def test_a_whole_image_at_native_scale_is_the_whole_image():
    film = smooth_film(4)
    whole, native = (
        draw_views(film, SIZE, "rotations", generator(), scale=scale)
        for scale in ("whole", "native")
    )
    torch.testing.assert_close(whole.first, native.first)


def test_labelled_windows_keep_the_width_of_structures():
    disc = torch.zeros(60, SIZE, SIZE, dtype=torch.uint8)
    line = torch.arange(SIZE) - (SIZE - 1) / 2
    y, x = torch.meshgrid(line, line, indexing="ij")
    disc[:, x**2 + y**2 < 25] = 1
    images, truth = draw_labelled((disc * 255)[:, None], disc, generator(), 32)
    assert images.shape == truth.shape == (60, 1, 32, 32)
    assert images[:, 0][truth[:, 0] == 1].mean() > 0.8
    # Every window of 32 from 48 holds the middle's disc whole, at one pixel a pixel.
    inside = truth.sum((1, 2, 3)) / disc[0].sum()
    assert (inside[inside > 0.9] - 1).abs().max() < 0.06
    assert len(inside[inside > 0.9]) > 30

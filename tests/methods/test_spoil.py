"""Models Genesis' transformations: curves, shuffled tiles and painted windows."""

import itertools

import numpy as np
import pytest
import torch

from ldl.methods import genesis
from ldl.methods.genesis import (
    LEVELS,
    Genesis,
    apply_curves,
    bezier_curves,
    shuffle_tiles,
    spoil,
    windows,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def rates(intensity=0.9, shuffle=0.5, paint=0.9, outside=0.8):
    given = {"intensity": intensity, "shuffle": shuffle, "paint": paint, "outside": outside}
    return Genesis.Knobs(**given)


def bezier(inner, grey):
    """de Casteljau's construction, the place along the curve found by bisection."""

    def at(t):
        points = [np.zeros(2), *inner, np.ones(2)]
        while len(points) > 1:
            points = [(1 - t) * p + t * q for p, q in itertools.pairwise(points)]
        return points[0]

    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if at(middle)[0] < grey else (low, middle)
    return at(low)[1], at(1 - low)[1]


def test_curves_are_those_of_de_casteljau():
    inner = torch.rand(12, 2, 2, generator=generator()).transpose(1, 2).double().numpy()
    curves = bezier_curves(12, generator())
    for number, level in itertools.product(range(12), (1, 40, 128, 200, 254)):
        # The generator's inner points come as (x or y, first or second).
        rises, falls = bezier(inner[number], level / (LEVELS - 1))
        expected = falls if curves[number, 0] > 0.5 else rises
        assert float(curves[number, level]) == pytest.approx(expected, abs=2e-2)


def test_half_of_the_curves_rise_from_black_to_white_and_half_fall():
    curves = bezier_curves(400, generator())
    step = curves.diff(dim=1)
    rises = (step >= -1e-6).all(dim=1)
    falls = (step <= 1e-6).all(dim=1)
    assert bool((rises ^ falls).all())
    assert float(rises.float().mean()) == pytest.approx(0.5, abs=0.08)
    ends = torch.where(rises[:, None], curves[:, [0, -1]], curves[:, [-1, 0]])
    torch.testing.assert_close(ends, torch.tensor([0.0, 1.0]).expand(400, 2))


def test_curves_are_applied_between_levels_to_all_channels_alike():
    curves = bezier_curves(3, generator())
    images = torch.rand(3, 2, 5, 5, generator=generator(1))
    images[0, 0, 0, :2] = torch.tensor([0.0, 1.0])
    found = apply_curves(images, curves)
    for number in range(3):
        levels = np.linspace(0, 1, LEVELS)
        expected = np.interp(images[number].numpy(), levels, curves[number].numpy())
        np.testing.assert_allclose(found[number].numpy(), expected, atol=1e-4)


def coordinates(count, size):
    """Images that say where each of their pixels is."""
    row, column = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    return torch.stack([row, column]).float().expand(count, -1, -1, -1)


@pytest.mark.parametrize("largest", [2, 5, 9])
def test_pixels_move_within_tiles_only_and_none_is_lost(largest):
    before = coordinates(40, 24)
    after = shuffle_tiles(before, largest, generator())
    moved = (after - before).abs().amax(dim=(0, 2, 3))
    assert moved.tolist() == [largest - 1, largest - 1]
    number = (after[:, 0] * 24 + after[:, 1]).flatten(1)
    assert torch.equal(number.sort(dim=1).values, torch.arange(24.0**2).expand(40, -1))


def test_tiles_of_a_shuffled_image_are_blocks():
    """Rows and columns that pixels came from fall into runs that are permuted among themselves."""
    after = shuffle_tiles(coordinates(20, 24), 6, generator(3))
    for image in after:
        for axis, rows in ((0, image[0]), (1, image[1].T)):
            reach = (rows - torch.arange(24.0)[:, None]).abs().amax(dim=1)
            starts = [
                line
                for line in range(24)
                if rows[:line].numel() == 0 or rows[:line].max() < line <= rows[line:].min()
            ]
            lengths = np.diff([*starts, 24])
            assert lengths.max() <= 6, axis
            assert reach.max() < lengths.max()


def test_tiles_of_one_pixel_change_nothing():
    images = torch.rand(3, 3, 16, 16)
    assert torch.equal(shuffle_tiles(images, 1, generator()), images)


def test_a_single_window_is_a_rectangle_of_the_asked_sides(monkeypatch):
    monkeypatch.setattr(genesis, "ANOTHER", 0.0)
    masks = windows(300, 48, (8, 16), generator())[:, 0]
    heights, widths = masks.any(dim=2).sum(dim=1), masks.any(dim=1).sum(dim=1)
    assert torch.equal(masks.sum(dim=(1, 2)), heights * widths)
    for sides in (heights, widths):
        assert (int(sides.min()), int(sides.max())) == (8, 16)
    union = masks.any(dim=0)
    assert not union[:3].any()
    assert not union[-3:].any()
    assert union[3].any()
    assert union[-4].any()


def test_windows_come_up_to_five_at_a_time():
    """0.95 + 0.95^2 + ... more after the first."""
    masks = windows(400, 128, (1, 1), generator())
    expected = sum(genesis.ANOTHER**number for number in range(genesis.WINDOWS))
    assert float(masks.sum(dim=(1, 2, 3)).float().mean()) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("channels", [1, 3])
def test_nothing_chosen_changes_nothing(channels):
    images = torch.rand(4, channels, 32, 32)
    assert torch.equal(spoil(images, rates(0, 0, 0, 0), generator()), images)


@pytest.mark.parametrize(("outside", "most"), [(0.0, 0.6), (1.0, 0.9)])
def test_painting_leaves_the_rest_as_it_was(outside, most):
    images = torch.full((30, 3, 48, 48), 2.0)
    changed = spoil(images, rates(0, 0, 1, outside), generator()) != 2.0
    assert torch.equal(changed[:, 0], changed[:, 2])
    share = changed[:, 0].float().mean(dim=(1, 2))
    assert share.min() > 0
    assert share.max() < most
    # Outside painting covers the whole edge, inside painting never.
    edge = torch.cat([changed[:, 0, :3].flatten(1), changed[:, 0, :, -3:].flatten(1)], dim=1)
    assert bool(edge.all()) if outside else not bool(edge.any())


def test_each_change_comes_at_its_rate():
    images = torch.rand(1000, 1, 32, 32, generator=generator(2))
    for one in (rates(0.9, 0, 0, 0), rates(0, 0.5, 0, 0), rates(0, 0, 0.7, 0.8)):
        changed = (spoil(images, one, generator()) != images).flatten(1).any(dim=1)
        expected = one.intensity + one.shuffle + one.paint
        # Of the tiles of 1 to 3 pixels one in nine has a single pixel.
        expected *= 8 / 9 if one.shuffle else 1
        assert float(changed.float().mean()) == pytest.approx(expected, abs=0.04)


def test_values_stay_in_range_and_seeds_decide():
    images = torch.rand(20, 3, 32, 32, generator=generator(2))
    once, again, other = (spoil(images, rates(), generator(seed)) for seed in (5, 5, 6))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)
    assert once.min() >= 0
    assert once.max() <= 1

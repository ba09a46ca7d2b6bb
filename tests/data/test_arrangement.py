"""Neighbouring patches: where they lie, and that colour tells no place."""

import itertools

import pytest
import torch

from ldl.data.sampling import PLACES, draw_pair, sides, without_green

GEOMETRIES = [(0.5, 7 / 96, 0.6), (0.0, 0.0, 1.0), (0.25, 0.2, 0.9)]


def drawn(gap, jitter, smallest, count=2000):
    draw = torch.Generator().manual_seed(1)
    return draw_pair(count, gap=gap, jitter=jitter, smallest=smallest, generator=draw)


def half(affine):
    return affine.matrix[:, 0, 0]


def centre(affine):
    return affine.matrix[:, :, 2]


def test_places_are_the_eight_neighbours_in_reading_order():
    around = [(x, y) for y, x in itertools.product((-1, 0, 1), repeat=2) if (x, y) != (0, 0)]
    assert list(PLACES) == around


@pytest.mark.parametrize(("gap", "jitter", "smallest"), GEOMETRIES)
def test_both_patches_are_squares_of_one_size_within_the_image(gap, jitter, smallest):
    pair = drawn(gap, jitter, smallest)
    for affine in (pair.middle, pair.neighbour):
        assert torch.equal(half(affine), half(pair.middle))
        assert torch.equal(affine.matrix[:, 1, 1], half(affine))
        assert (centre(affine).abs() + half(affine)[:, None]).max() <= 1 + 1e-5
    share = half(pair.middle) * sides(gap, jitter)
    assert smallest - 1e-5 <= share.min()
    assert share.max() <= 1 + 1e-5


@pytest.mark.parametrize(("gap", "jitter", "smallest"), GEOMETRIES)
def test_the_neighbour_lies_where_its_place_says(gap, jitter, smallest):
    """One side and the gap away, up to what both were moved by, in sides of a patch."""
    pair = drawn(gap, jitter, smallest)
    away = (centre(pair.neighbour) - centre(pair.middle)) / (2 * half(pair.middle)[:, None])
    error = away - torch.tensor(PLACES)[pair.place] * (1 + gap)
    assert error.abs().max() <= 2 * jitter + 1e-4
    assert jitter == 0 or error.abs().max() > 1.5 * jitter


def test_every_place_is_as_likely_and_patches_do_not_touch():
    pair = drawn(0.5, 7 / 96, 0.6)
    counts = torch.bincount(pair.place, minlength=8)
    assert counts.min() > 200
    away = (centre(pair.neighbour) - centre(pair.middle)).abs().amax(dim=1)
    assert (away / (2 * half(pair.middle))).min() > 1.3


def test_without_green_is_the_projection_of_the_paper():
    """B = I - a'a / (aa') with a = [-1, 2, -1], pixel by pixel."""
    image = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    a = torch.tensor([[-1.0, 2.0, -1.0]], dtype=torch.float64)
    b = torch.eye(3, dtype=torch.float64) - a.T @ a / (a @ a.T)
    found = without_green(image)
    for n, y, x in itertools.product(range(2), range(4), range(4)):
        torch.testing.assert_close(found[n, :, y, x], image[n, :, y, x] @ b)
    torch.testing.assert_close(without_green(found), found)


def test_grey_stays_grey():
    grey = torch.rand(2, 1, 4, 4)
    torch.testing.assert_close(without_green(grey.expand(-1, 3, -1, -1)), grey.expand(-1, 3, 4, 4))
    assert torch.equal(without_green(grey), grey)

"""The elastic transform: one bounded, unfolded field for an image and its regions."""

import itertools
import math

import numpy as np
import pytest
import torch

from ldl.config import build
from ldl.data.elastic import Elastic, draw_elastic, random_elastic
from ldl.errors import ConfigError
from ldl.rng import generator
from ldl.runs.lrc import ElasticConfig

CONFIG = ElasticConfig()


def draw(*shape, seed=1):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def tiles(height, width, side=4):
    rows, columns = torch.arange(height) // side, torch.arange(width) // side
    return rows[:, None] * (width // side) + columns


def bent(count=3, config=CONFIG, seed=1):
    return random_elastic(count, config, generator(seed, "elastic"))


def extreme(config, seed=1):
    """Control points at the ends of their range only."""
    signs = torch.randint(2, bent(8, config).control.shape, generator=generator(seed, "signs"))
    return Elastic((2.0 * signs - 1) * config.strength)


@pytest.mark.parametrize("size", [(16, 16), (33, 20)])
def test_strength_nought_is_the_identity(size):
    images, regions = draw(2, 3, *size), torch.randint(-1, 9, (2, *size)).short()
    view = draw_elastic(images, regions, ElasticConfig(strength=0.0), generator(1, "x"))
    torch.testing.assert_close(view.images, images, atol=1e-5, rtol=0)
    assert torch.equal(view.regions, regions)
    assert not view.elastic.displacement(*size).any()


@pytest.mark.parametrize("size", [(64, 64), (48, 80)])
def test_image_and_regions_go_the_same_way(size):
    # Where all four neighbours of the source are one region, the map warped as an image has its id.
    regions = tiles(*size, side=8).expand(3, -1, -1)
    images = regions[:, None].float() + 1
    view = draw_elastic(images, regions, CONFIG, generator(1, "x"))
    away = (view.images[:, 0] - 1 - view.regions).abs()
    inner = view.regions >= 0
    assert (away[inner] < 1e-3).float().mean() > 0.6
    # Regions as one-hot images: the nearest pixel carries at least a quarter of the weight.
    hot = torch.nn.functional.one_hot(regions.long(), int(regions.max()) + 1).movedim(-1, 1)
    share = view.elastic.images(hot.float()).gather(1, view.regions.clamp_min(0)[:, None])[:, 0]
    assert share[inner].min() > 0.25 - 1e-3


def test_regions_are_the_nearest_pixels_of_grid_sample():
    elastic, regions = bent(), torch.randint(0, 2**20, (3, 40, 56), generator=generator(1, "ids"))
    source = elastic.displacement(40, 56).permute(0, 2, 3, 1)
    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(56.0), indexing="ij")
    grid = (2 * (source + torch.stack([x, y], -1)) + 1) / torch.tensor([56.0, 40.0]) - 1
    expected = torch.nn.functional.grid_sample(
        regions[:, None] + 1.0, grid, mode="nearest", align_corners=False
    )
    assert torch.equal(elastic.regions(regions), expected[:, 0].long() - 1)


def test_a_shift_by_whole_pixels_is_exact():
    elastic = Elastic(torch.zeros(1, 2, 9, 9))
    elastic.control[:, 0], elastic.control[:, 1] = 3 / 32, -2 / 16
    images, regions = draw(1, 2, 16, 32), torch.arange(16 * 32).view(1, 16, 32)
    moved, ids = elastic.images(images), elastic.regions(regions)
    torch.testing.assert_close(moved[..., 2:, :-3], images[..., :-2, 3:], atol=1e-5, rtol=0)
    assert torch.equal(ids[:, 2:, :-3], regions[:, :-2, 3:])
    assert (ids[:, :2] == -1).all()
    assert (ids[:, :, -3:] == -1).all()
    assert moved[..., :2, :].abs().max() < 1e-5


def naive_displacement(control, height, width):
    """The B-spline as its four weights of each axis, pixel by pixel."""
    cells = control.shape[-1] - 3
    field = np.zeros((2, height, width))
    for axis, row, column in np.ndindex(2, height, width):
        y, x = (row + 0.5) * cells / height, (column + 0.5) * cells / width
        for i, j in itertools.product(range(4), range(4)):
            field[axis, row, column] += (
                weight(i, y % 1) * weight(j, x % 1) * control[axis, int(y) + i, int(x) + j]
            )
        field[axis, row, column] *= (width, height)[axis]
    return field


def weight(number, u):
    return [(1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3][
        number
    ] / 6


def test_the_field_is_the_cubic_b_spline_of_the_control_points():
    control = draw(2, 2, 6, 6) - 0.5
    field = Elastic(control).displacement(12, 9)
    for n in range(2):
        np.testing.assert_allclose(field[n], naive_displacement(control[n].numpy(), 12, 9), 1e-4)


@pytest.mark.parametrize(("cells", "strength"), [(1, 0.4), (4, 0.05), (6, 0.08), (12, 0.04)])
def test_no_pixel_moves_further_than_the_strength(cells, strength):
    config = ElasticConfig(cells=cells, strength=strength)
    for elastic in (bent(8, config), extreme(config)):
        field = elastic.displacement(40, 60).abs()
        assert field[:, 0].max() <= strength * 60 * (1 + 1e-5)
        assert field[:, 1].max() <= strength * 40 * (1 + 1e-5)
    constant = Elastic(torch.full((1, 2, cells + 3, cells + 3), strength))
    assert float(constant.displacement(40, 60)[0, 0].min()) == pytest.approx(strength * 60)


@pytest.mark.parametrize("cells", [1, 4, 9])
def test_the_strongest_field_allowed_does_not_fold(cells):
    config = ElasticConfig(cells=cells, strength=math.floor(480 / cells) / 1000)
    field = extreme(config).displacement(256, 256)
    across, down = field.diff(dim=3)[:, :, :-1], field.diff(dim=2)[:, :, :, :-1]
    jacobian = (1 + across[:, 0]) * (1 + down[:, 1]) - across[:, 1] * down[:, 0]
    assert jacobian.min() > 0


def test_a_turn_is_a_rotation_about_the_centre_and_a_shift_moves_every_pixel_alike():
    config = ElasticConfig(strength=0.0, turn=30.0, shift=0.1)
    field = bent(6, config).displacement(32, 32).double()
    x, y = torch.meshgrid(torch.arange(32.0) - 15.5, torch.arange(32.0) - 15.5, indexing="xy")
    place = torch.stack([x, y]).double()
    moved = place + field
    shift = moved.mean(dim=(2, 3), keepdim=True)  # the centre's
    assert 0.5 < shift.abs().max() <= 3.2 * (1 + 1e-5)
    turned = moved - shift
    torch.testing.assert_close(
        turned.norm(dim=1), place.norm(dim=0).expand(6, 32, 32), atol=1e-4, rtol=1e-4
    )
    cross = (place[0] * turned[:, 1] - place[1] * turned[:, 0]) / place.square().sum(dim=0)
    angle = cross.asin().rad2deg()
    assert angle.std(dim=(1, 2)).max() < 1e-2
    means = angle.mean(dim=(1, 2))
    assert means.abs().max() <= 30
    assert means.std() > 5


def test_images_are_bent_each_its_own_way():
    field = bent(4).displacement(32, 32)
    assert (
        min((field[i] - field[j]).abs().max() for i, j in itertools.combinations(range(4), 2)) > 0.2
    )
    assert field.abs().amax(dim=(1, 2, 3)).min() > 0.5


def test_equal_seeds_bend_equally_and_the_first_images_do_not_depend_on_the_rest():
    one, again, other = bent(seed=3), bent(seed=3), bent(seed=4)
    assert torch.equal(one.control, again.control)
    assert not torch.equal(one.control, other.control)
    assert torch.equal(bent(5, seed=3).control[:3], one.control)


def test_ids_keep_their_meaning_and_none_arises():
    regions = tiles(64, 64).expand(8, -1, -1) * 7 - 1
    moved = bent(8).regions(regions)
    assert set(moved.unique().tolist()) <= {-1, *regions.unique().tolist()}
    y, x = (torch.arange(64.0).view(*shape).expand(8, 64, 64) for shape in ((64, 1), (1, 64)))
    for region in (7 * 100 - 1, 7 * 136 - 1):
        before, after = regions == region, moved == region
        for place in (y, x):
            gone = (place * after).sum((1, 2)) / after.sum((1, 2))
            came = (place * before).sum((1, 2)) / before.sum((1, 2))
            assert (gone - came).abs().max() < 0.06 * 64 + 1


@pytest.mark.parametrize("kind", [torch.int8, torch.int16, torch.int32, torch.int64])
def test_ids_keep_their_type_and_their_digits(kind):
    largest = torch.iinfo(kind).max
    moved = bent(1).regions(torch.full((1, 16, 16), largest, dtype=kind))
    assert moved.dtype == kind
    assert set(moved.unique().tolist()) <= {-1, largest}


def test_gradients_reach_the_image():
    images = draw(1, 1, 8, 8).requires_grad_()
    bent(1).images(images).sum().backward()
    assert images.grad.isfinite().all()
    assert bent(1).images(images.half()).dtype == torch.float32


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"strength": 0.09}, "folds the image; 6 cells allow 0.080"),
        ({"strength": -0.1}, "strength"),
        ({"cells": 0}, "cells"),
    ],
)
def test_parameters_that_fold_or_make_no_sense_get_one_line(fields, said):
    with pytest.raises(ConfigError) as caught:
        build(ElasticConfig, fields)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_maps_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match=r"\(1, 8, 9\) do not fit images \(1, 1, 8, 8\)"):
        draw_elastic(draw(1, 1, 8, 8), torch.zeros(1, 8, 9).long(), CONFIG, generator(1))
    with pytest.raises(ConfigError, match="uint8; use whole numbers with a sign"):
        bent(1).regions(torch.zeros(1, 8, 8, dtype=torch.uint8))

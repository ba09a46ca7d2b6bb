"""Drawing pixels of regions: uniform, within the region, of the right size, never in a loop."""

import numpy as np
import pytest
import torch
from scipy import stats

from ldl.losses import local_region_contrast
from ldl.losses.local_region import sampled_means, shared_regions, whole_means


def seeded(seed=5):
    return torch.Generator().manual_seed(seed)


def test_regions_are_numbered_as_they_appear():
    first = torch.tensor([[[7, 7, -1, 2], [2, 90, 90, 7]]])
    second = torch.tensor([[[2, 90, 7, 7], [2, 90, -1, -1]]])
    slots = shared_regions(first, second, 1)
    assert slots.first.tolist() == [[0, 0, 3, 1, 1, 2, 2, 0]]
    assert slots.second.tolist() == [[1, 2, 0, 0, 1, 2, 3, 3]]
    assert slots.present.tolist() == [[True, True, True]]


def test_small_and_vanished_regions_and_lonely_images_are_left_out():
    first = torch.tensor([[[0, 0, 1, 1, 2, 3, 3, 3]], [[0, 0, 0, 0, 0, 0, 1, 1]]])
    second = torch.tensor([[[0, 0, 0, 1, 2, 2, 3, 3]], [[0, 0, 0, 0, 0, 0, 0, 0]]])
    slots = shared_regions(first, second, 2)
    assert slots.present.tolist() == [[True, True], [False, False]]
    assert slots.first[0].tolist() == [0, 0, 2, 2, 2, 1, 1, 1]
    assert slots.second[0].tolist() == [0, 0, 0, 2, 2, 2, 1, 1]
    assert (slots.first[1] == 2).all()


def one_hot_pixels(height, width):
    """Features whose mean over drawn pixels is how often each of them was drawn."""
    return torch.eye(height * width, dtype=torch.float64).view(1, -1, height, width)


def test_draws_are_uniform_inside_each_region_and_nowhere_else():
    slots = torch.randint(4, (1, 48), generator=seeded(1))
    samples = 40_000
    often = sampled_means(one_hot_pixels(6, 8), slots, 3, samples, seeded())[0] * samples
    for region in range(3):
        inside = (slots[0] == region).numpy()
        counts = often[region].numpy().round()
        assert counts.sum() == samples
        assert not counts[~inside].any()
        assert stats.chisquare(counts[inside]).pvalue > 1e-3


def test_draws_are_independent_of_each_other_and_with_replacement():
    slots = torch.zeros(1, 16, dtype=torch.int64)
    features = one_hot_pixels(4, 4)
    draws = seeded()
    pairs = [
        sampled_means(features, slots, 1, 2, draws)[0, 0].nonzero().numel() for _ in range(800)
    ]
    # Two draws of sixteen pixels are the same pixel in one of sixteen cases.
    assert stats.binomtest(pairs.count(1), len(pairs), 1 / 16).pvalue > 1e-3


def test_one_pixel_is_drawn_every_time():
    slots = torch.tensor([[1, 1, 0, 1]])
    features = torch.arange(4.0).view(1, 1, 2, 2)
    assert sampled_means(features, slots, 2, 9, seeded())[0, 0].item() == 2.0


def test_whole_means_are_the_means():
    features = torch.randn(2, 3, 5, 6, generator=seeded(1), dtype=torch.float64)
    slots = torch.randint(4, (2, 30), generator=seeded(2))
    means = whole_means(features, slots, 3)
    for n, k in np.ndindex(2, 3):
        expected = features[n].flatten(1)[:, slots[n] == k].mean(1)
        torch.testing.assert_close(means[n, k], expected)


def work(largest, batch, side, samples, size=32):
    tiles = size // side
    ids = torch.arange(size) // side
    regions = (ids[:, None] * tiles + ids).expand(batch, -1, -1)
    query = torch.randn(batch, 8, size, size, generator=seeded(1)).requires_grad_()
    views = (query, query.flip(-1), regions, regions.flip(-1))
    options = {"samples": samples, "temperature": 0.1, "formulation": "paper"}
    with largest:
        local_region_contrast(*views, generator=seeded(), **options).backward()
    return query.numel()


@pytest.mark.parametrize("samples", [10, None])
def test_memory_is_that_of_the_maps_or_the_drawn_vectors(largest, samples):
    watch = largest()
    map_size = work(watch, 3, 4, samples)
    drawn = 3 * 64 * 8 * (samples or 0)
    assert watch.elements <= max(map_size, drawn) + 3 * 8 * 65


@pytest.mark.parametrize("samples", [10, None])
def test_the_number_of_operations_does_not_grow_with_regions_or_images(largest, samples):
    few, many = largest(), largest()
    work(few, 1, 16, samples)
    work(many, 4, 4, samples)
    assert few.calls == many.calls

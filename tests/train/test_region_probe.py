"""Whether regions are told apart: known answers and chance."""

import numpy as np
import pytest
import torch
from torch import nn

from ldl.runs.lrc import CtConfig, ElasticConfig, LocalRegionConfig
from ldl.train.device import Feed
from ldl.train.local_region import nearest_regions, region_retrieval

CT = CtConfig(region="abdomen", source="phantom", size=32)


def quarters(batch=1):
    """Four square regions a slice."""
    one = torch.arange(2).repeat_interleave(4)
    return (2 * one[:, None] + one[None, :]).repeat(batch, 1, 1)


def test_each_region_finds_the_one_it_looks_like():
    regions = quarters()
    colours = torch.eye(4)
    query = colours[regions].permute(0, 3, 1, 2)
    # In the second view the first two regions have swapped their colours.
    positive = colours[[1, 0, 2, 3]][regions].permute(0, 3, 1, 2)
    found, present = nearest_regions(query, positive, regions, regions, 1)
    assert found.tolist() == [[1, 0, 2, 3]]
    assert present.all()


def test_regions_that_are_not_there_are_never_the_nearest():
    regions = torch.stack([quarters()[0], (quarters()[0] == 3).long()])
    features = torch.eye(4)[quarters(2)].permute(0, 3, 1, 2)
    found, present = nearest_regions(features, features, regions, regions, 1)
    assert present.tolist() == [[True] * 4, [True, True, False, False]]
    assert found[1, :2].max() < 2


class Places(nn.Module):
    """Answers with the pixel's grey level, in several directions."""

    def forward(self, images):
        turn = torch.pi * images[:, 0]
        return torch.stack([turn.cos(), turn.sin()], dim=1)


class Same(nn.Module):
    def forward(self, images):
        return torch.ones_like(images).expand(-1, 3, -1, -1) + 1e-3 * torch.randn(3, 1, 1)


@pytest.fixture
def probe(fabric):
    greys = (10 + 55 * quarters(6).repeat_interleave(4, 1).repeat_interleave(4, 2)).byte()
    slices = Feed(greys[:, None].numpy(), torch.device("cpu"))
    maps = quarters(6).repeat_interleave(4, 1).repeat_interleave(4, 2).numpy().astype(np.int16)
    regions = Feed(maps, torch.device("cpu"))

    def run(net, **knobs):
        fields = {"elastic": ElasticConfig(strength=0.02), **knobs}
        config = LocalRegionConfig(data=CT, base=2, steps=1, batch=4, halve_every=0, **fields)
        return region_retrieval(net, slices, regions, list(range(6)), config, fabric)

    return run


def test_features_that_tell_regions_apart_find_all_of_them(probe):
    assert probe(Places()) == (1.0, 24)


def test_features_that_do_not_are_at_chance(probe):
    share, among = probe(Same())
    assert among == 24
    assert share == pytest.approx(0.25)


def test_too_small_regions_do_not_count(probe):
    assert probe(Places(), smallest=300) == (0.0, 0)


def test_the_network_is_left_in_its_mode_and_draws_do_not_depend_on_what_came_before(probe):
    net = Places().train()
    first = probe(net)
    torch.rand(3)
    assert probe(net) == first
    assert net.training

"""Pieces that several methods share."""

import pytest
import torch

from ldl.data.sampling import apply_symmetry, undo_symmetry
from ldl.losses import patch_vectors, unit
from ldl.methods import METHODS
from ldl.methods.base import embedding_network, mix_weights, paired_patches


def maps(count=8, size=12):
    return unit(torch.randn(count, 5, size, size, generator=torch.Generator().manual_seed(1)), 1)


@pytest.mark.parametrize("grid", [1, 2, 3, 4, 6, 12])
def test_patches_of_a_turned_view_come_back_to_their_partners(grid):
    first, codes = maps(), torch.arange(8)
    one, other = paired_patches(first, apply_symmetry(first, codes), codes, grid)
    assert one.shape == other.shape == (8, grid * grid, 5)
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    assert torch.equal(one, patch_vectors(first, grid))


def test_the_wrong_symmetry_leaves_them_apart():
    first, codes = maps(), torch.arange(8)
    one, other = paired_patches(first, apply_symmetry(first, codes), codes.roll(1), 4)
    assert ((one - other).abs().amax((1, 2)) > 0.1).all()


def test_turning_back_pooled_maps_is_turning_back_pixels():
    second, codes = maps(), torch.arange(8)

    _, quick = paired_patches(second, second, codes, 4)
    torch.testing.assert_close(quick, patch_vectors(undo_symmetry(second, codes), 4))


def test_half_precision_embeddings_give_single_patches():
    one, other = paired_patches(maps().half(), maps().half(), torch.arange(8), 4)
    assert one.dtype == other.dtype == torch.float32


def test_mixing_weights_fill_a_fifth_to_four_fifths():
    weight = mix_weights(2000, torch.Generator().manual_seed(1))
    assert weight.shape == (2000,)
    assert 0.2 <= weight.min() < 0.21
    assert 0.79 < weight.max() <= 0.8
    assert weight.mean().item() == pytest.approx(0.5, abs=0.02)


def test_the_papers_mixing_weights_fill_the_whole_of_0_to_1():
    weight = mix_weights(2000, torch.Generator().manual_seed(1), "paper")
    assert 0 <= weight.min() < 0.01
    assert 0.99 < weight.max() < 1


OWN = {name: method for name, method in METHODS.items() if not method.compared}


@pytest.mark.parametrize("method", OWN)
def test_a_network_is_sized_by_its_config(config_for, method):
    config = config_for(method, modality="xray", embedding=7)
    net = METHODS[method].network(config)
    embedding, assignment = net(torch.rand(1, 1, 32, 32))
    assert embedding.shape == (1, 7, 32, 32)
    assert (assignment is None) == (method != "rd")
    assert net.encoder.channels == [2, 4, 8, 16, 16]
    assert type(net) is type(embedding_network(config))


def test_every_method_says_what_it_is():
    assert list(OWN) == ["pd", "pd+mix", "rd", "pd+mix+ms", "pd+mix+ms+cs"]
    assert [method.title.lower() for method in OWN.values()] == list(OWN)
    levels = [method.level for method in OWN.values()]
    assert levels == ["patch", "patch", "region", "patch", "patch"]
    assert all("Eq." in method.paper for method in OWN.values())

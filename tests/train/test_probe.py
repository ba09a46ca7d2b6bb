"""What is found again: closed forms."""

import pytest
import torch
from torch import nn

from ldl.sphere import unit
from ldl.train.device import Feed
from ldl.train.pretrain import held_out_retrieval, retrieval_accuracy


def test_patches_that_agree_are_all_found():
    vectors = torch.eye(6)
    assert retrieval_accuracy(vectors, vectors) == 1.0
    assert retrieval_accuracy(vectors, 0.6 * vectors + 0.1) == 1.0


def test_a_derangement_finds_none_and_a_swap_all_but_two():
    vectors = torch.eye(6)
    assert retrieval_accuracy(vectors, vectors.roll(1, 0)) == 0.0
    swapped = vectors[[1, 0, 2, 3, 4, 5]]
    assert retrieval_accuracy(vectors, swapped) == pytest.approx(4 / 6)


def test_a_collapsed_embedding_finds_one():
    same = torch.ones(8, 3)
    assert retrieval_accuracy(same, same) == pytest.approx(1 / 8)
    zero = torch.zeros(8, 3)
    assert retrieval_accuracy(zero, zero) == pytest.approx(1 / 8)


def test_the_search_goes_from_the_second_view_to_the_first():
    def circle(*degrees):
        angle = torch.deg2rad(torch.tensor(degrees))
        return torch.stack([angle.cos(), angle.sin()], 1)

    first, second = circle(0.0, 60.0, 100.0), circle(10.0, 31.0, 81.0)
    # 10 -> 0, 31 -> 60, 81 -> 100: all their own. The other way round 60 -> 81 is wrong.
    assert retrieval_accuracy(first, second) == 1.0
    assert retrieval_accuracy(second, first) == pytest.approx(2 / 3)


class Painter(nn.Module):
    """Embeds a pixel as the random features of its colour, or all alike."""

    def __init__(self, collapsed=False):
        super().__init__()
        draw = torch.Generator().manual_seed(0)
        self.mix = nn.Parameter(torch.randn(16, 3, 1, 1, generator=draw))
        self.collapsed, self.modes = collapsed, []

    def forward(self, image):
        self.modes.append(self.training)
        features = torch.nn.functional.conv2d(image, self.mix).sin()
        return unit(features * 0 + 1 if self.collapsed else features, dim=1), None


def measured(net, image_bank, pretrain_config, fabric, rows=None):
    feed = Feed(image_bank(24).images, fabric.device)
    rows = rows or list(range(16, 24))
    return held_out_retrieval(net, feed, rows, pretrain_config(patch_grid=4), fabric)


def test_a_collapsed_network_retrieves_one_of_all_patches(image_bank, pretrain_config, fabric):
    share = measured(Painter(collapsed=True), image_bank, pretrain_config, fabric)
    # 2 groups of 2 images with 16 patches each.
    assert share == pytest.approx(1 / 64)


def test_a_network_that_sees_colours_retrieves_far_more(image_bank, pretrain_config, fabric):
    share = measured(Painter(), image_bank, pretrain_config, fabric)
    assert share > 0.1


def test_it_is_measured_in_eval_mode_twice_alike_and_the_mode_comes_back(
    image_bank, pretrain_config, fabric
):
    net = Painter()
    shares = [
        measured(net.train(mode), image_bank, pretrain_config, fabric) for mode in (True, False)
    ]
    assert shares[0] == shares[1]
    assert not net.training
    assert not any(net.modes)
    net.train()
    measured(net, image_bank, pretrain_config, fabric)
    assert net.training


def test_only_the_given_rows_are_looked_at(image_bank, pretrain_config, fabric):
    looked_at = set()

    class Watched(Feed):
        def __getitem__(self, rows):
            looked_at.update(rows.tolist())
            return super().__getitem__(rows)

    feed = Watched(image_bank(24).images, fabric.device)
    held_out_retrieval(Painter(), feed, [21, 22, 23], pretrain_config(), fabric)
    assert looked_at == {21, 22, 23}

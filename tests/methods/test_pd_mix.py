"""Pd+mix: patch discrimination with hypersphere mixup."""

import pytest
import torch

from ldl.losses import mixup_images, mixup_target, patch_discrimination, patch_vectors
from ldl.methods import METHODS
from ldl.methods.base import mix_weights

METHOD = METHODS["pd+mix"]


def generator():
    return torch.Generator().manual_seed(0)


def test_a_step_of_four_groups_sees_twenty_images(config_for, colours, views):
    eight = type(views)(
        views.first.repeat(2, 1, 1, 1),
        views.second.repeat(2, 1, 1, 1),
        views.symmetry.repeat(2),
        None,
        None,
    )
    net = colours()
    METHOD.losses(net, eight, config_for("pd+mix", groups=4), generator())
    assert [len(batch) for batch in net.seen] == [20]


def test_neighbours_are_mixed_before_the_network_with_one_weight_a_pair(config_for, views, colours):
    net = colours()
    METHOD.losses(net, views, config_for("pd+mix"), generator())
    weight = mix_weights(2, generator())
    expected = mixup_images(views.first[[0, 2]], views.first[[1, 3]], weight)
    assert torch.equal(net.seen[0][:4], views.first)
    assert torch.equal(net.seen[0][4:8], views.second)
    torch.testing.assert_close(net.seen[0][8:], expected)


@pytest.mark.parametrize("formulation", ["released", "paper"])
def test_the_losses_are_those_of_the_pairs(config_for, views, colours, formulation):
    config = config_for("pd+mix", formulation=formulation, patch_temperature=0.3)
    net = colours()
    losses = METHOD.losses(net, views, config, generator())
    assert list(losses) == ["patch", "mixup"]
    patch = METHODS["pd"].losses(net, views, config, generator())["patch"]
    torch.testing.assert_close(losses["patch"], patch, rtol=1e-5, atol=1e-6)
    weight = mix_weights(2, generator(), formulation)
    vectors = patch_vectors(net(views.first)[0], 4)
    target = mixup_target(vectors[[0, 2]], vectors[[1, 3]], weight)
    mixed = mixup_images(views.first[[0, 2]], views.first[[1, 3]], weight)
    expected = patch_discrimination(
        patch_vectors(net(mixed)[0], 4).flatten(0, 1),
        target.flatten(0, 1),
        temperature=0.3,
        formulation=formulation,
    )
    torch.testing.assert_close(losses["mixup"], expected, rtol=1e-5, atol=1e-6)


def test_the_mixup_loss_does_not_move_the_unmixed_views(config_for, views, colours):
    """Its target has no gradient; the mixed image is the only way to the first views."""
    embeddings = []

    class Watched(colours):
        def forward(self, image):
            embedding, none = super().forward(image)
            embeddings.append(embedding.requires_grad_())
            return embedding, none

    losses = METHOD.losses(Watched(), views, config_for("pd+mix"), generator())
    losses["mixup"].backward()
    moved = embeddings[0].grad.abs().sum((1, 2, 3)) > 0
    assert moved.tolist() == [False] * 8 + [True] * 2


def test_equal_draws_give_equal_losses(config_for, views, colours):
    one, same = (
        METHOD.losses(colours(), views, config_for("pd+mix"), generator()) for _ in range(2)
    )
    assert one == same
    other = METHOD.losses(colours(), views, config_for("pd+mix"), torch.Generator().manual_seed(1))
    assert other["mixup"] != one["mixup"]
    assert other["patch"] == one["patch"]

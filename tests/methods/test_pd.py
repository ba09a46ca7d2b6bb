"""Pd: patch discrimination alone."""

import pytest
import torch

from ldl.losses import patch_discrimination, patch_vectors
from ldl.methods import METHODS

PD = METHODS["pd"]


def generator():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("formulation", ["released", "paper"])
def test_a_network_that_sees_through_symmetries_pays_for_exact_pairs_only(
    config_for, views, colours, formulation
):
    """The second views are turned first views, so anchors and positives must coincide."""
    config = config_for("pd", formulation=formulation, patch_temperature=0.3)
    net = colours()
    losses = PD.losses(net, views, config, generator())
    exact = patch_vectors(net(views.first)[0], 4).flatten(0, 1)
    expected = patch_discrimination(exact, exact, temperature=0.3, formulation=formulation)
    assert list(losses) == ["patch"]
    torch.testing.assert_close(losses["patch"], expected, rtol=1e-4, atol=1e-4)


def test_the_printed_formulation_anchors_the_second_views(config_for, views, colours):
    """Only first views are candidates (Eq. 4-5); exchanging the views changes the loss."""
    config = config_for("pd", formulation="paper")
    changed = views.second + torch.randn(views.second.shape, generator=generator())
    pair = type(views)(views.first, changed, torch.zeros(4, dtype=torch.int64), None, None)
    net = colours()
    loss = PD.losses(net, pair, config, generator())["patch"]
    first, second = (patch_vectors(net(v)[0], 4).flatten(0, 1) for v in (pair.first, pair.second))
    right = patch_discrimination(second, first, formulation="paper")
    wrong = patch_discrimination(first, second, formulation="paper")
    torch.testing.assert_close(loss, right, rtol=1e-5, atol=1e-6)
    assert not torch.isclose(right, wrong)


def test_both_views_go_through_the_network_together(config_for, views, colours):
    net = colours()
    PD.losses(net, views, config_for("pd"), generator())
    assert len(net.seen) == 1
    assert torch.equal(net.seen[0], torch.cat([views.first, views.second]))


def test_the_gradient_reaches_every_weight(config_for, views):
    torch.manual_seed(0)
    net = PD.network(config_for("pd"))
    PD.losses(net, views, config_for("pd"), generator())["patch"].backward()
    assert [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []

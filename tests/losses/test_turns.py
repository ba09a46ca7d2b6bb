"""Rotation-invariant discrimination against a loop in float64, and its closed forms."""

import math

import pytest
import torch

from ldl.errors import ConfigError
from ldl.losses.instance import turn_discrimination
from ldl.losses.patch import patch_discrimination
from ldl.sphere import unit


def views(images, turns=4, dim=5, seed=0):
    draw = torch.Generator().manual_seed(seed)
    both = unit(torch.randn(2, images, turns, dim, generator=draw, dtype=torch.float64))
    return both[0], both[1]


def naive(first, second, tau):
    """Every vector once an anchor, every turn of the image's other view once its match."""
    names = [(v, b, t) for v in range(2) for b in range(len(first)) for t in range(first.shape[1])]
    vector = {(v, b, t): (first, second)[v][b, t] for v, b, t in names}
    total, count = 0.0, 0
    for anchor in names:
        others = [name for name in names if name != anchor]
        weights = {name: math.exp(float(vector[anchor] @ vector[name]) / tau) for name in others}
        share = {name: weights[name] / sum(weights.values()) for name in others}
        for turn in range(first.shape[1]):
            match = (1 - anchor[0], anchor[1], turn)
            total -= math.log(share[match])
            total -= sum(math.log(1 - share[name]) for name in others if name != match)
            count += 1
    return total / count


@pytest.mark.parametrize("tau", [0.1, 0.5])
@pytest.mark.parametrize(("images", "turns"), [(1, 4), (3, 4), (3, 2)])
def test_the_loss_is_that_of_a_loop(tau, images, turns):
    first, second = views(images, turns)
    loss = turn_discrimination(first, second, temperature=tau)
    assert float(loss) == pytest.approx(naive(first, second, tau), rel=1e-9)


def test_with_one_turn_it_is_instance_spreading():
    first, second = views(5, turns=1)
    torch.testing.assert_close(
        turn_discrimination(first, second, temperature=0.2),
        patch_discrimination(first[:, 0], second[:, 0], temperature=0.2),
    )


def test_it_does_not_care_which_turn_is_which_nor_which_view_is_first():
    first, second = views(4)
    loss = turn_discrimination(first, second)
    torch.testing.assert_close(turn_discrimination(first[:, [2, 0, 3, 1]], second), loss)
    torch.testing.assert_close(turn_discrimination(second, first), loss)


def test_collapsed_vectors_cost_what_the_closed_form_says():
    """P is 1/31 everywhere: one match, thirty misses."""
    ones = torch.ones(4, 4, 9) / 3
    expected = math.log(31) - 30 * math.log(30 / 31)
    assert float(turn_discrimination(ones, ones)) == pytest.approx(expected, rel=1e-5)


def test_candidates_carry_no_gradient():
    first, second = (each.requires_grad_() for each in views(2))
    turn_discrimination(first, second, temperature=1.0).backward()
    leaf = first.detach().clone()
    leaf[0, 0, 0] += 1e-6
    with torch.no_grad():
        whole = turn_discrimination(leaf, second, temperature=1.0) - turn_discrimination(
            first, second, temperature=1.0
        )
    assert abs(float(whole) / 1e-6 - float(first.grad[0, 0, 0])) > 1e-3


def test_faults_are_named():
    first, second = views(3)
    with pytest.raises(ConfigError, match="temperature"):
        turn_discrimination(first, second, temperature=0.0)
    with pytest.raises(ConfigError, match=r"\(B, T, D\)"):
        turn_discrimination(first, second[:, :2])

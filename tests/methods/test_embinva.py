"""EmbInva: instance spreading within the batch."""

import math

import pytest
import torch

from ldl.methods import METHODS
from ldl.methods.base import Batch
from ldl.sphere import unit

EMBINVA = METHODS["embinva"]


def loss_of(config, vectors):
    """The loss of a network that answers with ``vectors``, whatever it is shown."""
    count = len(vectors) // 2
    batch = Batch(torch.zeros(count, 3, 48, 48, dtype=torch.uint8), torch.arange(count))
    draw = torch.Generator().manual_seed(0)
    return EMBINVA.losses(lambda images: vectors, batch, config, draw).losses["contrast"]


def naive(vectors, tau):
    """Every view of both halves once an anchor, classified among all other views."""
    total, loss = len(vectors), 0.0
    for i in range(total):
        others = [k for k in range(total) if k != i]
        weights = {k: math.exp(float(vectors[i] @ vectors[k]) / tau) for k in others}
        share = {k: weights[k] / sum(weights.values()) for k in others}
        match = (i + total // 2) % total
        loss -= math.log(share[match])
        loss -= sum(math.log(1 - share[k]) for k in others if k != match)
    return loss / total


@pytest.mark.parametrize("tau", [0.1, 0.5])
@pytest.mark.parametrize("count", [2, 6])
def test_the_loss_is_that_of_a_loop(comparison_config, tau, count):
    draw = torch.Generator().manual_seed(count)
    vectors = unit(torch.randn(2 * count, 5, generator=draw, dtype=torch.float64))
    loss = loss_of(comparison_config("embinva", temperature=tau), vectors)
    assert float(loss) == pytest.approx(naive(vectors, tau), rel=1e-9)


def test_collapsed_views_cost_what_the_closed_form_says(comparison_config):
    """Every P is 1/(2B - 1): one right view, 2B - 2 wrong ones."""
    loss = loss_of(comparison_config("embinva"), torch.ones(16, 4) / 2)
    assert float(loss) == pytest.approx(math.log(15) - 14 * math.log(14 / 15), rel=1e-5)


def test_views_that_gather_and_spread_cost_nothing(comparison_config):
    vectors = torch.eye(8).repeat(2, 1)
    assert float(loss_of(comparison_config("embinva"), vectors)) < 0.01


def test_candidates_carry_no_gradient(comparison_config):
    """Moving another image's views changes the loss, but the anchor's gradient is its own only."""
    vectors = unit(torch.randn(8, 5, generator=torch.Generator().manual_seed(1)).double())
    leaf = vectors.clone().requires_grad_()
    loss_of(comparison_config("embinva"), leaf).backward()
    step = 1e-6
    shifted = vectors.clone()
    shifted[0, 0] += step
    config = comparison_config("embinva")
    everywhere = (loss_of(config, shifted) - loss_of(config, vectors)) / step
    assert abs(float(everywhere - leaf.grad[0, 0])) > 1e-3


def test_defaults_are_the_papers():
    assert EMBINVA.Knobs().model_dump() == {"dim": 128, "temperature": 0.1}


def test_the_gradient_reaches_every_weight_of_encoder_and_head(comparison_config, one_step):
    net, outcome = one_step(comparison_config("embinva"))
    outcome.losses["contrast"].backward()
    assert outcome.vectors.shape == (8, 128)
    assert [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_fifty_steps_lower_the_loss(comparison_config, trained):
    config = comparison_config("embinva", base=4, batch=16)
    rows = [sum(row) for row in trained(config).history.rows]
    assert sum(rows[-10:]) < sum(rows[:10])

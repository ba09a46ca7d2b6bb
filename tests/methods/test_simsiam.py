"""SimSiam: what it predicts, where the gradient stops, and that its outputs do not collapse."""

import math

import pytest
import torch

from ldl.methods import METHODS
from ldl.methods.base import Batch

SIMSIAM = METHODS["simsiam"]
SMALL = {"dim": 16, "bottleneck": 4}


def vectors(seed, count=6, dim=5):
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(count, dim, generator=draw, dtype=torch.float64)


def loss_of(config, one, other):
    count = len(one[0])
    batch = Batch(torch.zeros(count, 3, 48, 48, dtype=torch.uint8), torch.arange(count))
    generator = torch.Generator().manual_seed(0)
    outcome = SIMSIAM.losses(lambda first, second: (one, other), batch, config, generator)
    return outcome.losses["predict"]


def naive(predictions, projections):
    """Eq. 1, one vector at a time."""
    total = 0.0
    for p, z in zip(predictions.tolist(), projections.tolist(), strict=True):
        total -= sum(a * b for a, b in zip(p, z, strict=True)) / math.hypot(*p) / math.hypot(*z)
    return total / len(predictions)


@pytest.mark.parametrize("count", [1, 6])
def test_the_loss_is_that_of_a_loop_and_crosses_the_views(comparison_config, count):
    p1, z1, p2, z2 = (vectors(seed, count) for seed in range(4))
    loss = loss_of(comparison_config("simsiam"), (p1, z1), (p2, z2))
    assert loss.dtype == torch.float64
    assert float(loss) == pytest.approx((naive(p1, z2) + naive(p2, z1)) / 2, rel=1e-9)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_loss_lies_between_agreement_and_opposition(comparison_config, sign):
    same = vectors(0)
    loss = loss_of(comparison_config("simsiam"), (same, 2 * sign * same), (same, 3 * sign * same))
    assert float(loss) == pytest.approx(-sign, abs=1e-9)


def test_the_gradient_stops_at_the_projections(comparison_config):
    p1, z1, p2, z2 = (vectors(seed).requires_grad_() for seed in range(4))
    loss_of(comparison_config("simsiam"), (p1, z1), (p2, z2)).backward()
    assert p1.grad.any()
    assert p2.grad.any()
    assert z1.grad is None
    assert z2.grad is None


def test_the_gradient_reaches_every_weight_through_the_predictor(comparison_config, one_step):
    net, outcome = one_step(comparison_config("simsiam", **SMALL))
    outcome.losses["predict"].backward()
    assert [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_defaults_are_the_papers():
    assert SIMSIAM.Knobs().model_dump() == {"dim": 2048, "bottleneck": 512}


def test_the_last_layer_of_the_projection_is_normalised_without_scale(comparison_config):
    """Section 3: batch normalisation on the output, and no ReLU."""
    last = SIMSIAM.network(comparison_config("simsiam", **SMALL), 35).head.layers[-1]
    assert isinstance(last, torch.nn.BatchNorm1d)
    assert not last.affine


def fast(config):
    return config.model_copy(update={"learning_rate": 5e-3})


def test_fifty_steps_lower_the_loss_and_leave_the_outputs_apart(comparison_config, trained):
    result = trained(fast(comparison_config("simsiam", batch=16, **SMALL)))
    rows = [sum(row) for row in result.history.rows]
    assert sum(rows[-10:]) / 10 < sum(rows[:10]) / 10 - 0.04
    assert min(result.spread) > 0.7


def test_without_the_stopped_gradient_the_spread_tells_of_the_collapse(
    comparison_config, trained, monkeypatch
):
    """Figure 2 of the paper: the loss goes to -1 and the spread to 0."""

    def both(prediction, projection):
        return -torch.cosine_similarity(prediction, projection).mean()

    monkeypatch.setattr("ldl.methods.simsiam.negative_cosine", both)
    config = comparison_config("simsiam", batch=16, **SMALL)
    result = trained(config.model_copy(update={"learning_rate": 1e-2}))
    assert result.history.rows[-1][0] < -0.6
    assert result.spread[0] > 0.9
    assert sum(result.spread[-10:]) / 10 < 0.7

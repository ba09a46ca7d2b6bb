"""SimCLR: NT-Xent over both views of a batch."""

import math

import pytest
import torch

from ldl.methods import METHODS
from ldl.methods.base import Batch
from ldl.sphere import unit

SIMCLR = METHODS["simclr"]


def answering(vectors):
    """A network that answers with these vectors, whatever it is shown."""
    return lambda images: vectors[: len(images)]


def loss_of(config, vectors):
    images = torch.zeros(len(vectors) // 2, 3, 48, 48, dtype=torch.uint8)
    batch = Batch(images, torch.arange(len(images)))
    return SIMCLR.losses(
        answering(vectors), batch, config, torch.Generator().manual_seed(0)
    ).losses["contrast"]


def naive(vectors, tau):
    """Eq. 1 and Algorithm 1, one pair at a time."""
    total = len(vectors)
    losses = []
    for i in range(total):
        j = (i + total // 2) % total
        weights = [
            math.exp(float(vectors[i] @ vectors[k]) / tau) if k != i else 0.0 for k in range(total)
        ]
        losses.append(-math.log(weights[j] / sum(weights)))
    return sum(losses) / total


@pytest.mark.parametrize("tau", [0.05, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("count", [2, 7])
def test_the_loss_is_that_of_a_loop(comparison_config, tau, count):
    draw = torch.Generator().manual_seed(count)
    vectors = unit(torch.randn(2 * count, 5, generator=draw, dtype=torch.float64))
    loss = loss_of(comparison_config("simclr", temperature=tau), vectors)
    assert loss.dtype == torch.float64
    assert float(loss) == pytest.approx(naive(vectors, tau), rel=1e-9)


def test_collapsed_views_cost_the_log_of_all_the_others(comparison_config):
    """2B - 1 candidates that cannot be told apart."""
    loss = loss_of(comparison_config("simclr"), torch.ones(16, 4) / 2)
    assert float(loss) == pytest.approx(math.log(15), rel=1e-5)


def test_the_two_views_exchange_their_roles(comparison_config):
    vectors = unit(torch.randn(12, 5, generator=torch.Generator().manual_seed(1)))
    config = comparison_config("simclr")
    swapped = torch.cat([vectors[6:], vectors[:6]])
    torch.testing.assert_close(loss_of(config, vectors), loss_of(config, swapped))


def test_defaults_are_the_papers():
    assert SIMCLR.Knobs().model_dump() == {"dim": 128, "temperature": 0.1}


def test_both_views_are_strong_and_seen_at_once(comparison_config, photographs):
    seen = []

    def watch(images):
        seen.append(images)
        return unit(images.mean((2, 3)))

    batch = Batch(torch.from_numpy(photographs.images[:8]), torch.arange(8))
    SIMCLR.losses(watch, batch, comparison_config("simclr"), torch.Generator().manual_seed(0))
    assert [tuple(images.shape) for images in seen] == [(16, 3, 32, 32)]
    first, second = seen[0].chunk(2)
    assert all(
        not torch.allclose(one, other, atol=0.1) for one, other in zip(first, second, strict=True)
    )


def test_the_gradient_reaches_every_weight_of_encoder_and_head(comparison_config, one_step):
    net, outcome = one_step(comparison_config("simclr"))
    outcome.losses["contrast"].backward()
    assert outcome.vectors.shape == (8, 128)
    assert [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_fifty_steps_lower_the_loss(comparison_config, trained):
    config = comparison_config("simclr", base=4, crop=48, batch=16, seed=1, temperature=0.5)
    rows = [sum(row) for row in trained(config).history.rows]
    assert sum(rows[-10:]) < sum(rows[:10])

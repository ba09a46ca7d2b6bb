"""InfoNCE against a dictionary: naive softmax, closed forms, gradients on the query alone."""

import math

import pytest
import torch

from ldl.errors import ConfigError
from ldl.losses.instance import info_nce
from ldl.sphere import unit


def vectors(seed, count, dim, dtype=torch.float64):
    draw = torch.Generator().manual_seed(seed)
    return unit(torch.randn(count, dim, generator=draw, dtype=dtype))


def naive(query, key, negatives, tau):
    """One query at a time, one negative at a time."""
    total = 0.0
    for q, k in zip(query.tolist(), key.tolist(), strict=True):
        right = math.exp(sum(a * b for a, b in zip(q, k, strict=True)) / tau)
        wrong = [
            math.exp(sum(a * b for a, b in zip(q, n, strict=True)) / tau)
            for n in negatives.tolist()
        ]
        total -= math.log(right / (right + sum(wrong)))
    return total / len(query)


@pytest.mark.parametrize(("count", "length", "dim"), [(1, 1, 2), (1, 7, 3), (5, 1, 4), (6, 40, 8)])
@pytest.mark.parametrize("tau", [0.05, 0.07, 0.2, 1.0])
def test_it_is_the_naive_softmax(count, length, dim, tau):
    query, key, negatives = vectors(1, count, dim), vectors(2, count, dim), vectors(3, length, dim)
    loss = info_nce(query, key, negatives, temperature=tau)
    assert loss.dtype == torch.float64
    assert float(loss) == pytest.approx(naive(query, key, negatives, tau), rel=1e-10)


@pytest.mark.parametrize("length", [1, 10, 1000])
def test_where_all_vectors_are_one_it_is_the_log_of_the_number_of_candidates(length):
    one = vectors(0, 1, 5)
    loss = info_nce(one.expand(4, -1), one.expand(4, -1), one.expand(length, -1), temperature=0.07)
    assert float(loss) == pytest.approx(math.log(length + 1), rel=1e-9)


@pytest.mark.parametrize("tau", [0.07, 0.5])
def test_a_key_found_among_opposite_negatives_costs_the_least_possible(tau):
    query = vectors(0, 1, 3)
    loss = info_nce(query, query, -query.expand(9, -1), temperature=tau)
    assert float(loss) == pytest.approx(math.log1p(9 * math.exp(-2 / tau)), rel=1e-6)
    worst = info_nce(query, -query, query.expand(9, -1), temperature=tau)
    assert float(worst) == pytest.approx(2 / tau + math.log(9 + math.exp(-2 / tau)), rel=1e-9)


def test_the_order_of_the_negatives_does_not_matter_and_that_of_the_keys_does():
    query, key, negatives = vectors(1, 6, 4), vectors(2, 6, 4), vectors(3, 20, 4)
    loss = info_nce(query, key, negatives, temperature=0.1)
    torch.testing.assert_close(info_nce(query, key, negatives.flip(0), temperature=0.1), loss)
    assert not torch.isclose(info_nce(query, key.flip(0), negatives, temperature=0.1), loss)


def test_only_the_query_takes_a_gradient_and_it_is_the_softmaxs():
    query, key, negatives = (vectors(n, c, 4).requires_grad_() for n, c in ((1, 5), (2, 5), (3, 8)))
    info_nce(query, key, negatives, temperature=0.2).backward()
    assert key.grad is None
    assert negatives.grad is None
    candidates = torch.cat([key[:, None], negatives.expand(5, -1, -1)], dim=1).detach()
    share = (torch.einsum("bd,bnd->bn", query.detach(), candidates) / 0.2).softmax(dim=1)
    share[:, 0] -= 1
    expected = torch.einsum("bn,bnd->bd", share, candidates) / 0.2 / 5
    torch.testing.assert_close(query.grad, expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_at_a_small_temperature_is_computed_in_full(dtype):
    query, key, negatives = (vectors(n, c, 16, torch.float32) for n, c in ((1, 8), (2, 8), (3, 64)))
    rounded = [each.to(dtype) for each in (query, key, negatives)]
    loss = info_nce(*rounded, temperature=0.01)
    assert loss.dtype == torch.float32
    expected = info_nce(*(each.double() for each in rounded), temperature=0.01)
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("tau", [0.0, -0.1])
def test_a_temperature_not_above_zero_is_refused(tau):
    one = vectors(0, 2, 3)
    with pytest.raises(ConfigError, match="temperature") as caught:
        info_nce(one, one, one, temperature=tau)
    assert "\n" not in str(caught.value)

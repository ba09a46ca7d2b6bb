"""Instance discrimination: softmax and its estimate against loops in float64."""

import math

import pytest
import torch

from ldl.errors import ConfigError
from ldl.losses.instance import instance_nce, instance_softmax, partition
from ldl.sphere import unit


def draws(count, images, dim=4, noise=6, seed=0):
    draw = torch.Generator().manual_seed(seed)
    query = unit(torch.randn(count, dim, generator=draw, dtype=torch.float64))
    bank = unit(torch.randn(images, dim, generator=draw, dtype=torch.float64))
    rows = torch.randperm(images, generator=draw)[:count]
    return query, bank, rows, torch.randint(images, (count, noise), generator=draw)


@pytest.mark.parametrize("tau", [0.07, 0.5])
@pytest.mark.parametrize(("count", "images"), [(1, 2), (3, 9)])
def test_the_softmax_is_that_of_a_loop(tau, count, images):
    query, bank, rows, _ = draws(count, images)
    total = 0.0
    for vector, row in zip(query, rows, strict=True):
        weights = [math.exp(float(vector @ entry) / tau) for entry in bank]
        total -= math.log(weights[row] / sum(weights))
    loss = instance_softmax(query, bank, rows, temperature=tau)
    assert float(loss) == pytest.approx(total / count, rel=1e-9)


def test_entries_that_are_all_equal_cost_the_log_of_their_number():
    query, bank = torch.ones(3, 4) / 2, torch.ones(50, 4) / 2
    loss = instance_softmax(query, bank, torch.arange(3), temperature=0.07)
    assert float(loss) == pytest.approx(math.log(50), rel=1e-5)


@pytest.mark.parametrize("tau", [0.07, 0.5])
def test_noise_contrastive_estimation_is_that_of_a_loop(tau):
    query, bank, rows, noise = draws(3, 9)
    z = 21.5

    def own(vector, entry):
        probability = math.exp(float(vector @ entry) / tau) / z
        return probability / (probability + 6 / 9)

    total = 0.0
    for b in range(3):
        total -= math.log(own(query[b], bank[rows[b]]))
        total -= sum(math.log(1 - own(query[b], bank[row])) for row in noise[b])
    loss = instance_nce(query, bank, rows, noise, temperature=tau, constant=torch.tensor(z))
    assert float(loss) == pytest.approx(total / 3, rel=1e-6)


def test_the_partition_is_exact_when_every_entry_is_drawn():
    query, bank, _, _ = draws(3, 9)
    every = torch.arange(9).expand(3, 9)
    exact = (query @ bank.T / 0.07).exp().sum(dim=1).mean()
    torch.testing.assert_close(partition(query, bank, every, temperature=0.07), exact)


def test_with_much_noise_and_the_true_constant_the_gradients_agree():
    """NCE's promise (Gutmann & Hyvarinen 2010): for many noise draws it is the softmax."""
    query, bank, rows, _ = draws(1, 9, seed=3)
    noise = torch.randint(9, (1, 400_000), generator=torch.Generator().manual_seed(1))
    exact = (query @ bank.T / 0.5).exp().sum()
    gradients = []
    for loss_of in (
        lambda v: instance_softmax(v, bank, rows, temperature=0.5),
        lambda v: instance_nce(v, bank, rows, noise, temperature=0.5, constant=exact),
    ):
        leaf = query.clone().requires_grad_()
        loss_of(leaf).backward()
        gradients.append(leaf.grad)
    torch.testing.assert_close(*gradients, rtol=0.02, atol=0.02)


def test_the_bank_takes_no_gradient():
    query, bank, rows, noise = draws(3, 9)
    query.requires_grad_()
    bank.requires_grad_()
    constant = partition(query, bank, noise, temperature=0.1)
    assert not constant.requires_grad
    loss = instance_softmax(query, bank, rows, temperature=0.1) + instance_nce(
        query, bank, rows, noise, temperature=0.1, constant=constant
    )
    loss.backward()
    assert bank.grad is None
    assert (query.grad != 0).all()


def test_a_temperature_of_zero_is_refused():
    query, bank, rows, noise = draws(3, 9)
    with pytest.raises(ConfigError, match="temperature"):
        instance_softmax(query, bank, rows, temperature=0.0)
    with pytest.raises(ConfigError, match="temperature"):
        instance_nce(query, bank, rows, noise, temperature=0.0, constant=torch.ones(()))

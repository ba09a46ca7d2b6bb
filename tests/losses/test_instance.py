"""Instance discrimination of compared methods: InfoNCE, a memory bank, DenseCL's match."""

import math

import pytest
import torch

from ldl.data.recipes import Recipe, draw_view
from ldl.errors import ConfigError
from ldl.losses.instance import correspondence, info_nce, instance_nce, instance_softmax, partition
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


# Crops and flips only, so that a cell's colour says where in the image it lies.
GEOMETRY = Recipe(area=(0.3, 1.0), jitter=0.0, gray=0.0)
SIDE = 6


def test_it_is_the_arg_max_of_the_cosine_of_a_loop():
    draw = torch.Generator().manual_seed(0)
    one = torch.randn(3, 5, 4, generator=draw, dtype=torch.float64)
    other = torch.randn(3, 7, 4, generator=draw, dtype=torch.float64)
    match = correspondence(one, other)
    assert match.shape == (3, 5)
    assert match.dtype == torch.int64
    for b in range(3):
        for q in range(5):
            cosines = [
                float(one[b, q] @ other[b, k] / (one[b, q].norm() * other[b, k].norm()))
                for k in range(7)
            ]
            assert int(match[b, q]) == cosines.index(max(cosines))


def test_length_does_not_count_and_no_gradient_flows():
    one = torch.randn(2, 4, 3, requires_grad=True)
    scale = torch.tensor([0.1, 7.0, 1.0, 30.0])[:, None]
    assert torch.equal(correspondence(one, one * scale), torch.arange(4).expand(2, 4))
    assert not correspondence(one, one).requires_grad


def coordinates(count, size=96):
    """An image whose red grows to the right and whose green grows downwards."""
    line = torch.linspace(0, 255, size).round().to(torch.uint8)
    red, green = line.expand(size, size), line[:, None].expand(size, size)
    return torch.stack([red, green, torch.full_like(red, 128)]).expand(count, 3, size, size)


def encode(view):
    """A toy encoder that goes with every crop: a cell's mean colour, read as a place.

    Places far apart point in other directions: an angle each for x and y, below half a turn.
    """
    mean, std = torch.tensor([0.485, 0.456]), torch.tensor([0.229, 0.224])
    cells = torch.nn.functional.adaptive_avg_pool2d(view, SIDE).flatten(2).transpose(1, 2)
    angle = (cells[..., :2] * std + mean) * 3.0
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


def in_source(affine, points):
    """(S, 2) places of a view, -1..1, as places of the image it was cut from: (B, S, 2)."""
    return (
        torch.einsum("bij,sj->bsi", affine.matrix[:, :, :2], points) + affine.matrix[:, None, :, 2]
    )


def test_cells_of_two_views_land_within_one_cell():
    """The geometry that made the views says where each cell of the first lies in the second."""
    images = coordinates(64)
    draw = torch.Generator().manual_seed(5)
    first, second = (draw_view(images, 96, GEOMETRY, draw) for _ in range(2))
    match = correspondence(encode(first.image), encode(second.image))
    line = (torch.arange(SIDE) + 0.5) / SIDE * 2 - 1
    centres = torch.stack([line.repeat(SIDE), line.repeat_interleave(SIDE)], dim=1)
    offset = in_source(first.affine, centres) - second.affine.matrix[:, None, :, 2]
    true = torch.linalg.solve(second.affine.matrix[:, :, :2], offset.transpose(1, 2)).transpose(
        1, 2
    )
    inside = (true.abs() < 1).all(dim=2)
    assert inside.float().mean() > 0.5
    cell = 2 / SIDE
    away = (centres[match] - true).abs().amax(dim=2) / cell
    assert away[inside].max() < 1
    # A cell whose place is in the other view as a cell lands in that very cell, nearly always.
    assert (away[inside] <= 0.55).float().mean() > 0.9

"""The binary entropy of the clustering (LDL Eq. 29)."""

import itertools
import math

import pytest
import torch

from ldl.errors import ConfigError
from ldl.losses import cluster_entropy


def draw_assignment(batch, clusters, size, seed, dtype=torch.float64):
    draw = torch.Generator().manual_seed(seed)
    score = torch.rand(batch, clusters, size, size + 1, generator=draw, dtype=torch.float64)
    return (score / score.sum(1, keepdim=True)).to(dtype)


@pytest.mark.parametrize(
    ("batch", "clusters", "size", "base"),
    list(itertools.product((1, 3), (1, 2, 5), (1, 3), (2, math.e))),
)
def test_it_is_the_loop_over_n_c_h_w(batch, clusters, size, base):
    assignment = draw_assignment(batch, clusters, size, 1)
    terms = []
    for p in assignment.flatten().tolist():
        yes = p * math.log(p, base)
        terms.append(-yes - ((1 - p) * math.log(1 - p, base) if p < 1 else 0.0))
    expected = sum(terms) / len(terms)
    assert float(cluster_entropy(assignment, base=base)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("clusters", [2, 8, 16])
def test_an_even_assignment_costs_the_entropy_of_one_in_c(clusters):
    p = 1 / clusters
    expected = -p * math.log2(p) - (1 - p) * math.log2(1 - p)
    even = torch.full((2, clusters, 3, 3), p, dtype=torch.float64)
    assert float(cluster_entropy(even)) == pytest.approx(expected, rel=1e-12)


def test_a_coin_costs_one_bit_or_log_two_nats():
    coin = torch.full((1, 2, 2, 2), 0.5)
    assert float(cluster_entropy(coin)) == pytest.approx(1.0, abs=1e-7)
    assert float(cluster_entropy(coin, base=math.e)) == pytest.approx(math.log(2), abs=1e-7)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_hard_assignments_cost_nothing_and_have_a_finite_gradient(dtype):
    hard = torch.zeros(2, 4, 3, 3, dtype=dtype)
    hard[:, 1] = 1.0
    hard.requires_grad_()
    loss = cluster_entropy(hard)
    loss.backward()
    assert loss.item() == 0.0
    assert hard.grad.isfinite().all()


@pytest.mark.parametrize("share", [1e-30, 1e-8, 1 - 1e-7])
def test_the_gradient_is_finite_beside_the_edges(share):
    near = torch.full((1, 1, 1, 1), share, requires_grad=True)
    loss = cluster_entropy(near)
    loss.backward()
    assert loss.isfinite()
    assert 0 <= loss.item() < 1e-5
    assert near.grad.isfinite().all()


def test_the_gradient_is_that_of_the_value():
    assignment = draw_assignment(2, 3, 2, 1).requires_grad_()
    assert torch.autograd.gradcheck(cluster_entropy, (assignment,))


def test_order_of_images_clusters_and_pixels_does_not_matter():
    assignment = draw_assignment(3, 4, 5, 2)
    loss = cluster_entropy(assignment)
    for changed in (assignment[[2, 0, 1]], assignment[:, [3, 1, 0, 2]], assignment.flip(-1)):
        torch.testing.assert_close(loss, cluster_entropy(changed), rtol=1e-12, atol=0)
    # Binary entropy does not tell p from 1 - p.
    torch.testing.assert_close(loss, cluster_entropy(1 - assignment), rtol=1e-12, atol=0)


def test_half_precision_is_computed_in_single():
    assignment = draw_assignment(2, 4, 3, 1, torch.float16)
    assert cluster_entropy(assignment).dtype == torch.float32
    assert cluster_entropy(assignment) == cluster_entropy(assignment.float())


@pytest.mark.parametrize("base", [1, 0.5, 0, -2, math.nan])
def test_a_base_that_is_none_is_refused(base):
    with pytest.raises(ConfigError, match="base") as caught:
        cluster_entropy(torch.full((1, 2, 1, 1), 0.5), base=base)
    assert "\n" not in str(caught.value)

"""Projection onto the unit hypersphere."""

import pytest
import torch

from ldl.sphere import full_precision, unit


def draw(*shape, seed=1, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_vectors_have_norm_one_and_keep_their_direction(dim):
    vectors = draw(4, 5, 6)
    projected = unit(vectors, dim=dim)
    norms = vectors.norm(dim=dim, keepdim=True)
    torch.testing.assert_close(projected * norms, vectors, rtol=1e-9, atol=1e-12)


def test_projecting_twice_is_projecting_once():
    once = unit(draw(10, 8))
    torch.testing.assert_close(unit(once), once, rtol=1e-11, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_zero_stays_zero_with_a_finite_gradient(dtype):
    zero = torch.zeros(3, 4, dtype=dtype, requires_grad=True)
    projected = unit(zero)
    projected.sum().backward()
    assert torch.equal(projected, torch.zeros_like(projected))
    assert zero.grad.isfinite().all()


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3, 1e10])
def test_the_length_does_not_matter_in_single_precision(scale):
    vectors = draw(5, 7, dtype=torch.float32)
    torch.testing.assert_close(unit(scale * vectors), unit(vectors), rtol=2e-6, atol=2e-6)


def test_half_precision_is_computed_in_single():
    large = torch.full((2, 400), 60.0, dtype=torch.float16)
    projected = unit(large)
    assert projected.dtype == torch.float32
    torch.testing.assert_close(projected.norm(dim=-1), torch.ones(2))


def test_the_gradient_is_that_of_the_value():
    assert torch.autograd.gradcheck(unit, (draw(3, 4).requires_grad_(),))


def test_the_gradient_to_half_precision_saturates_and_others_are_left_alone():
    half = torch.zeros(2, dtype=torch.float16, requires_grad=True)
    (full_precision(half) * torch.tensor([1e9, -3.0])).sum().backward()
    assert half.grad.tolist() == [65504.0, -3.0]
    single = torch.zeros(2, requires_grad=True)
    assert full_precision(single) is single
    double = torch.zeros(2, dtype=torch.float64)
    assert full_precision(double) is double
    assert full_precision(torch.zeros(2, dtype=torch.bfloat16)).dtype == torch.float32


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_large_map_has_the_bits_of_its_parts(layout):
    maps = draw(5, 8, 128, 128, dtype=torch.float32).contiguous(memory_format=layout)
    gradient = draw(5, 8, 128, 128, seed=2, dtype=torch.float32).contiguous(memory_format=layout)
    whole, parts = maps.clone().requires_grad_(), maps.clone().requires_grad_()
    projected = unit(whole, dim=1)
    projected.backward(gradient)
    apart = [unit(part, dim=1) for part in parts.split(1)]
    torch.cat(apart).backward(gradient)
    assert type(projected.grad_fn).__name__ != type(apart[0].grad_fn).__name__
    assert torch.equal(projected, torch.cat(apart))
    assert torch.equal(whole.grad, parts.grad)
    assert whole.grad.is_contiguous(memory_format=layout)


def test_a_large_map_of_odd_rows_has_its_gradient():
    maps = draw(7, 2, 200, 200).requires_grad_()
    gradient = draw(7, 2, 200, 200, seed=2)
    ours = torch.autograd.grad(unit(maps, dim=1), maps, gradient)[0]
    norm = maps.norm(dim=1, keepdim=True)
    theirs = torch.autograd.grad(maps / norm, maps, gradient)[0]
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)

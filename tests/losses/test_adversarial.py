"""Eq. 31-34 and CycleGAN's least squares: closed forms, loops in float64, gradients' signs."""

import math

import pytest
import torch

from ldl.losses.adversarial import (
    fool_loss,
    judge_loss,
    reference_penalty,
    squares_fool,
    squares_judge,
)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize(("yes", "no"), [(1, 1), (3, 5), (4, 2)])
def test_judge_is_the_loop_of_equations_31_and_32(yes: int, no: int) -> None:
    draw = torch.Generator().manual_seed(yes * 10 + no)
    reference = 3 * torch.randn(yes, 1, generator=draw, dtype=torch.float64)
    made = 3 * torch.randn(no, 1, generator=draw, dtype=torch.float64)
    expected = -sum(math.log(sigmoid(float(x))) for x in reference) / yes
    expected -= sum(math.log(1 - sigmoid(float(x))) for x in made) / no
    assert judge_loss(reference, made).item() == pytest.approx(expected, rel=1e-12)


def test_a_judge_who_cannot_tell_pays_two_bits_of_nats() -> None:
    nothing = torch.zeros(4, 1, dtype=torch.float64)
    assert judge_loss(nothing, nothing).item() == pytest.approx(2 * math.log(2))
    assert fool_loss(nothing).item() == pytest.approx(math.log(2))


def test_fooling_is_minus_log_sigmoid_and_finite_where_the_judge_is_sure() -> None:
    scores = torch.tensor([[-2.0], [0.5]], dtype=torch.float64)
    expected = -sum(math.log(sigmoid(float(x))) for x in scores) / 2
    assert fool_loss(scores).item() == pytest.approx(expected, rel=1e-12)
    sure = torch.tensor([[-1e4]], requires_grad=True)
    fool_loss(sure).backward()
    assert fool_loss(sure).item() == pytest.approx(1e4)
    assert sure.grad is not None
    assert sure.grad.item() == pytest.approx(-1.0)


def test_both_pull_the_score_of_a_made_mask_apart() -> None:
    made = torch.zeros(2, 1, requires_grad=True)
    (up,) = torch.autograd.grad(fool_loss(made), made)
    (down,) = torch.autograd.grad(judge_loss(torch.zeros(2, 1), made), made)
    assert (up < 0).all()
    assert (down > 0).all()


def test_half_precision_is_computed_in_full() -> None:
    scores = torch.tensor([[-30.0], [30.0]], dtype=torch.float16)
    assert fool_loss(scores).dtype == torch.float32
    assert fool_loss(scores).item() == pytest.approx(15.0, rel=1e-4)


def test_least_squares_of_cyclegan() -> None:
    real = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    made = torch.tensor([[0.5, 0.0, 0.5]], dtype=torch.float64)
    assert squares_judge(real, made).item() == pytest.approx((0.5 + 0.5 / 3) / 2)
    assert squares_fool(made).item() == pytest.approx((0.25 + 1 + 0.25) / 3)


def test_the_penalty_is_the_squared_slope_of_a_masks_mean_score() -> None:
    masks = torch.zeros(2, 1, 2, 2, requires_grad=True)
    # Two scores a mask, whose mean is 3 times the sum over four pixels: slope 3 at each of them.
    total = masks.sum(dim=(1, 2, 3))
    scores = torch.stack([2 * total, 4 * total], dim=1)
    assert float(reference_penalty(scores, masks)) == pytest.approx(4 * 3**2)

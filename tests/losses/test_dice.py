"""The Dice loss (LDL Eq. 30), over the whole batch."""

import numpy as np
import pytest
import torch

from ldl.errors import ConfigError
from ldl.losses import dice_loss


def draw(shape, seed, dtype=torch.float64):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def mask(shape, seed):
    return (draw(shape, seed) > 0.6).double()


@pytest.mark.parametrize("shape", [(1, 1, 2, 2), (3, 1, 5, 4), (7,)])
@pytest.mark.parametrize("smooth", [0.1, 1.0, 10.0])
def test_it_is_the_loop_over_all_pixels_of_the_batch(shape, smooth):
    prediction, target = draw(shape, 1), mask(shape, 2)
    overlap = total = 0.0
    for p, t in zip(prediction.flatten().tolist(), target.flatten().tolist(), strict=True):
        overlap, total = overlap + p * t, total + p + t
    expected = 1 - (2 * overlap + smooth) / (total + smooth)
    loss = dice_loss(prediction, target, smooth=smooth)
    assert float(loss) == pytest.approx(expected, rel=1e-12)


def test_the_batch_is_one_sum_not_a_mean_over_images():
    prediction = torch.tensor([[1.0, 1, 1, 1], [1, 0, 0, 0]])
    target = torch.tensor([[1.0, 1, 1, 1], [0, 1, 1, 1]])
    # overlap 4; sums 5 and 7: 1 - 9/13
    assert float(dice_loss(prediction, target)) == pytest.approx(4 / 13)


def test_an_exact_prediction_costs_nothing_and_the_opposite_nearly_one():
    target = mask((2, 1, 8, 8), 1)
    assert float(dice_loss(target, target)) == 0.0
    assert float(dice_loss(1 - target, target)) == pytest.approx(1 - 1 / (128 + 1))


def test_a_batch_without_positives_is_scored_on_the_inverted_pair():
    prediction, empty = draw((2, 1, 4, 4), 1), torch.zeros(2, 1, 4, 4, dtype=torch.float64)
    negatives = float((1 - prediction).sum())
    expected = 1 - (2 * negatives + 1) / (negatives + 32 + 1)
    assert float(dice_loss(prediction, empty)) == pytest.approx(expected, rel=1e-12)
    assert float(dice_loss(empty, empty)) == 0.0


def test_an_empty_batch_pulls_the_prediction_down():
    prediction = torch.full((1, 1, 4, 4), 0.5, requires_grad=True)
    dice_loss(prediction, torch.zeros(1, 1, 4, 4)).backward()
    assert (prediction.grad > 0).all()


def test_the_gradient_is_that_of_the_value():
    prediction = draw((2, 1, 3, 3), 1).requires_grad_()
    for target in (mask((2, 1, 3, 3), 2), torch.zeros(2, 1, 3, 3, dtype=torch.float64)):
        assert torch.autograd.gradcheck(lambda p, t=target: dice_loss(p, t), (prediction,))


def test_pixels_may_be_reordered():
    prediction, target = draw((3, 1, 4, 4), 1), mask((3, 1, 4, 4), 2)
    turned = dice_loss(prediction.flip(-1)[[1, 0, 2]], target.flip(-1)[[1, 0, 2]])
    torch.testing.assert_close(dice_loss(prediction, target), turned, rtol=1e-12, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_half_precision_sums_do_not_overflow(dtype):
    prediction = torch.ones(1, 1, 400, 400, dtype=dtype, requires_grad=True)
    loss = dice_loss(prediction, torch.ones(1, 1, 400, 400, dtype=dtype))
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == 0.0
    assert prediction.grad.isfinite().all()


@pytest.mark.parametrize("kind", [torch.uint8, torch.bool, torch.int64])
def test_masks_may_be_whole_numbers(kind):
    prediction, target = draw((2, 1, 4, 4), 1), mask((2, 1, 4, 4), 2)
    assert dice_loss(prediction, target.to(kind)) == dice_loss(prediction, target)


def test_values_stay_in_0_to_1():
    for seed in range(20):
        loss = float(dice_loss(draw((2, 3, 3), seed), mask((2, 3, 3), seed + 100)))
        assert 0 <= loss <= 1


def test_other_shapes_are_refused_not_broadcast():
    with pytest.raises(ConfigError, match=r"\(2, 1, 4, 4\).*\(2, 4, 4\)"):
        dice_loss(torch.zeros(2, 1, 4, 4), torch.zeros(2, 4, 4))


def test_it_agrees_with_the_score_when_smoothing_is_small():
    prediction, target = mask((1, 16, 16), 1), mask((1, 16, 16), 2)
    yes, truth = prediction.numpy().astype(bool), target.numpy().astype(bool)
    score = 2 * np.logical_and(yes, truth).sum() / (yes.sum() + truth.sum())
    loss = dice_loss(prediction, target, smooth=1e-12)
    assert 1 - float(loss) == pytest.approx(score, rel=1e-9)

"""Hypersphere mixup (LDL Eq. 13-18)."""

import numpy as np
import pytest
import torch

from ldl.losses import mixup_images, mixup_target, patch_discrimination, unit


def draw(*shape, seed, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


WEIGHT = torch.tensor([0.2, 0.5, 0.8], dtype=torch.float64)


def test_each_pair_of_images_has_its_own_weight():
    first, second = draw(3, 2, 4, 5, seed=1), draw(3, 2, 4, 5, seed=2)
    mixed = mixup_images(first, second, WEIGHT)
    for n, share in enumerate(WEIGHT.tolist()):
        expected = share * first[n].numpy() + (1 - share) * second[n].numpy()
        np.testing.assert_allclose(mixed[n].numpy(), expected, rtol=1e-12)


def test_weight_one_is_the_first_image_and_zero_the_second():
    first, second = draw(2, 1, 3, 3, seed=1), draw(2, 1, 3, 3, seed=2)
    mixed = mixup_images(first, second, torch.tensor([1.0, 0.0]))
    assert torch.equal(mixed[0], first[0])
    assert torch.equal(mixed[1], second[1])


def test_the_target_is_the_same_mix_of_vectors_back_on_the_hypersphere():
    first, second = unit(draw(3, 4, 6, seed=1)), unit(draw(3, 4, 6, seed=2))
    target = mixup_target(first, second, WEIGHT)
    for n, p in np.ndindex(3, 4):
        share = float(WEIGHT[n])
        mixed = share * first[n, p].numpy() + (1 - share) * second[n, p].numpy()
        expected = mixed / np.linalg.norm(mixed)
        np.testing.assert_allclose(target[n, p].numpy(), expected, rtol=1e-9)


def test_exchanging_the_images_and_the_weights_changes_nothing():
    first, second = unit(draw(3, 4, 6, seed=1)), unit(draw(3, 4, 6, seed=2))
    one, other = mixup_target(first, second, WEIGHT), mixup_target(second, first, 1 - WEIGHT)
    torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)


def test_the_target_carries_no_gradient_and_the_mixed_patches_do():
    first, second = (unit(draw(3, 4, 6, seed=s)).requires_grad_() for s in (1, 2))
    mixed = unit(draw(3, 4, 6, seed=3)).requires_grad_()
    target = mixup_target(first, second, WEIGHT)
    assert not target.requires_grad
    patch_discrimination(mixed.flatten(0, 1), target.flatten(0, 1)).backward()
    assert first.grad is None
    assert second.grad is None
    assert mixed.grad.abs().sum() > 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_opposite_vectors_mix_to_zero_and_not_to_nan(dtype):
    first = torch.tensor([[[1.0, 0.0]]], dtype=dtype)
    target = mixup_target(first, -first, torch.tensor([0.5]))
    assert torch.equal(target, torch.zeros(1, 1, 2))
    loss = patch_discrimination(first.flatten(0, 1), target.flatten(0, 1), temperature=0.01)
    assert loss.isfinite()


def test_the_mixed_image_carries_the_gradient_of_its_share():
    first = draw(2, 1, 2, 2, seed=1).requires_grad_()
    mixup_images(first, draw(2, 1, 2, 2, seed=2), torch.tensor([0.25, 0.75])).sum().backward()
    assert first.grad[0].unique().tolist() == [0.25]
    assert first.grad[1].unique().tolist() == [0.75]

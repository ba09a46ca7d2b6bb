"""Rotation prediction: its answers are right, and it learns."""

import math

import pytest
import torch

from ldl.methods import METHODS
from ldl.methods.base import Batch
from ldl.methods.rotation import turned

ROTATION = METHODS["rotation"]


def loss_of(config, model, images):
    batch = Batch(images, torch.arange(len(images)))
    return ROTATION.losses(model, batch, config, torch.Generator().manual_seed(0))


def edges(images):
    """Which edge is brightest: bottom, right, top or left."""
    values = images.mean(dim=1)
    parts = (values[:, -1], values[:, :, -1], values[:, 0], values[:, :, 0])
    return torch.stack([part.mean(dim=1) for part in parts], dim=1), values.flatten(1)


def test_the_answers_are_the_turns(comparison_config):
    """Images bright at the bottom: counter-clockwise, the edge goes right, up and left."""
    ramp = torch.linspace(0, 255, 48).to(torch.uint8).view(1, 1, 48, 1).expand(5, 3, 48, 48)

    def model(images):
        scores, features = edges(images)
        return 100 * scores, features

    outcome = loss_of(comparison_config("rotation"), model, ramp)
    assert float(outcome.losses["rotation"]) < 1e-3


def test_the_loss_is_that_of_a_loop(comparison_config):
    scores = torch.randn(12, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    outcome = loss_of(
        comparison_config("rotation"),
        lambda images: (scores, scores),
        torch.zeros(3, 3, 48, 48, dtype=torch.uint8),
    )
    total = 0.0
    for number, row in enumerate(scores.tolist()):
        right = number // 3
        total -= math.log(math.exp(row[right]) / sum(map(math.exp, row)))
    assert float(outcome.losses["rotation"]) == pytest.approx(total / 12, rel=1e-9)
    assert len(outcome.vectors) == 3


def test_turns_are_exact_and_in_order():
    images = torch.rand(2, 3, 5, 5)
    once, twice = images.transpose(2, 3).flip(2), images.flip(2, 3)
    expected = [images, once, twice, once.flip(2, 3)]
    assert torch.equal(turned(images), torch.cat(expected))


def test_defaults_are_the_papers():
    assert ROTATION.Knobs().model_dump() == {"share": 0.875, "mirror": 0.5}


def test_the_gradient_reaches_every_weight(comparison_config, one_step):
    net, outcome = one_step(comparison_config("rotation"))
    outcome.losses["rotation"].backward()
    assert [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_fifty_steps_lower_the_loss_below_guessing(comparison_config, trained):
    result = trained(comparison_config("rotation", base=4))
    rows = [sum(row) for row in result.history.rows]
    assert sum(rows[-10:]) < 0.85 * sum(rows[:10])
    assert sum(rows[-10:]) / 10 < 0.85 * math.log(4)

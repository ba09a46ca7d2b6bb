"""Supervised: cross-entropy of the grades."""

import math

import numpy as np
import pytest
import torch

from ldl.errors import DataError
from ldl.methods import METHODS
from ldl.methods.base import Batch

SUPERVISED = METHODS["supervised"]
GRADES = np.arange(40) % 5


def generator():
    return torch.Generator().manual_seed(0)


def test_the_loss_is_that_of_a_loop(comparison_config):
    scores = torch.randn(6, 5, generator=generator(), dtype=torch.float64)
    labels = torch.tensor([0, 4, 2, 2, 1, 3])
    batch = Batch(torch.zeros(6, 3, 48, 48, dtype=torch.uint8), torch.arange(6), labels)
    config = comparison_config("supervised")
    outcome = SUPERVISED.losses(lambda images: (scores, scores), batch, config, generator())
    total = 0.0
    for row, label in zip(scores.tolist(), labels.tolist(), strict=True):
        total -= math.log(math.exp(row[label]) / sum(map(math.exp, row)))
    assert float(outcome.losses["grade"]) == pytest.approx(total / 6, rel=1e-9)


def test_without_grades_it_says_so(comparison_config, one_step, trained):
    with pytest.raises(DataError, match="needs a grade"):
        one_step(comparison_config("supervised"))
    assert SUPERVISED.labels
    with pytest.raises(DataError, match="supervised needs a label for each of 40 images, 0 given"):
        trained(comparison_config("supervised"))


def test_the_gradient_reaches_every_weight(comparison_config, one_step):
    labels = torch.from_numpy(GRADES[:8])
    net, outcome = one_step(comparison_config("supervised"), labels)
    outcome.losses["grade"].backward()
    assert outcome.vectors.shape == (8, 16)
    assert [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_fifty_steps_lower_the_loss(comparison_config, trained, photographs):
    """Grades that can be seen: how bright the picture is, in fifths."""
    bright = photographs.images.mean(axis=(1, 2, 3)).argsort().argsort() // 8
    config = comparison_config("supervised", base=4, batch=16)
    rows = [sum(row) for row in trained(config, bright).history.rows]
    assert sum(rows[-10:]) < 0.9 * sum(rows[:10])

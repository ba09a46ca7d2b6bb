"""Eq. 20-23: naive loops in float64, closed forms, and the sign of the weights."""

import math

import pytest
import torch

from ldl.errors import ConfigError
from ldl.losses.refinement import (
    clustered,
    pixel_weights,
    pseudo_labels,
    uncertainty,
    weighted_cross_entropy,
)
from ldl.sphere import unit


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("temperature", [0.2, 1.0])
def test_clustered_is_the_loop_of_equation_20(temperature: float) -> None:
    embedding, regions = unit(drawn(2, 5, 3, 4), dim=1), unit(drawn(2, 3, 5, seed=1))
    found = clustered(embedding, regions, temperature=temperature)
    for n in range(2):
        for h in range(3):
            for w in range(4):
                vector = embedding[n, :, h, w]
                parts = [math.exp(float(regions[n, c] @ vector) / temperature) for c in range(3)]
                for c in range(3):
                    assert found[n, c, h, w].item() == pytest.approx(parts[c] / sum(parts))


def test_a_pixel_on_one_of_orthogonal_prototypes() -> None:
    regions = torch.eye(3, dtype=torch.float64)[None]
    embedding = torch.eye(3, dtype=torch.float64)[None, :, :, None]
    found = clustered(embedding, regions)[0, 0, :, 0]
    assert found[0].item() == pytest.approx(1 / (1 + 2 * math.exp(-5)))
    assert found[1].item() == pytest.approx(1 / (2 + math.exp(5)))


def test_clustered_uses_the_prototypes_of_the_pixels_own_image() -> None:
    embedding, regions = unit(drawn(2, 4, 2, 2), dim=1), unit(drawn(2, 3, 4, seed=1))
    both = clustered(embedding, regions)
    alone = clustered(embedding[1:], regions[1:])
    torch.testing.assert_close(both[1:], alone)


def test_labels_are_the_mean_above_one_half() -> None:
    maps = torch.tensor([[0.9, 0.4, 0.5], [0.2, 0.4, 0.5]])
    assert pseudo_labels(maps).tolist() == [1.0, 0.0, 0.0]


def test_uncertainty_is_the_mean_binary_entropy() -> None:
    maps = torch.rand(4, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = torch.zeros(3, 3, dtype=torch.float64)
    for e in range(4):
        for h in range(3):
            for w in range(3):
                p = float(maps[e, h, w])
                expected[h, w] -= (p * math.log(p) + (1 - p) * math.log(1 - p)) / 4
    torch.testing.assert_close(uncertainty(maps), expected)


def test_certainty_is_exactly_zero_and_indifference_log_two() -> None:
    assert uncertainty(torch.tensor([[0.0, 1.0]])).tolist() == [0.0, 0.0]
    half = uncertainty(torch.full((3, 1), 0.5, dtype=torch.float64))
    assert half.item() == pytest.approx(math.log(2))
    # Augmentations that contradict each other with certainty are no doubt by Eq. 22.
    assert uncertainty(torch.tensor([[0.0], [1.0]])).item() == 0


def test_weights_have_the_sign_that_is_asked_for() -> None:
    doubt = torch.tensor([0.0, math.log(2) / 2, math.log(2)], dtype=torch.float64)
    for name, expected in {
        "even": [1.0, 1.0, 1.0],
        "uncertain": [0.0, 0.5, 1.0],
        "confident": [1.0, 0.5, 0.0],
    }.items():
        assert pixel_weights(doubt, name).tolist() == pytest.approx(expected), name
    with pytest.raises(ConfigError, match="confident"):
        pixel_weights(doubt, "certain")


def test_loss_is_the_loop_of_equation_23() -> None:
    scores, labels = drawn(2, 1, 3, 3), (drawn(2, 1, 3, 3, seed=1) > 0).double()
    weights = drawn(2, 1, 3, 3, seed=2).abs()
    expected = 0.0
    for s, y, u in zip(scores.flatten(), labels.flatten(), weights.flatten(), strict=True):
        p = 1 / (1 + math.exp(-float(s)))
        expected -= float(u) * (float(y) * math.log(p) + (1 - float(y)) * math.log(1 - p))
    found = weighted_cross_entropy(scores, labels, weights)
    assert found.item() == pytest.approx(expected / 18, rel=1e-12)


def test_pixels_without_weight_have_no_gradient() -> None:
    scores = torch.zeros(1, 1, 2, 2, requires_grad=True)
    weights = torch.tensor([[[[1.0, 0.0], [0.0, 0.5]]]])
    weighted_cross_entropy(scores, torch.ones(1, 1, 2, 2), weights).backward()
    assert scores.grad is not None
    assert scores.grad.flatten().tolist() == pytest.approx([-1 / 8, 0, 0, -1 / 16])


def test_shapes_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ConfigError, match="differ in shape"):
        weighted_cross_entropy(torch.zeros(2, 1), torch.zeros(2), torch.zeros(2, 1))
    with pytest.raises(ConfigError, match=r"\(B, C, K\)"):
        clustered(torch.zeros(2, 4, 3, 3), torch.zeros(2, 3, 5))
    with pytest.raises(ConfigError, match="temperature"):
        clustered(torch.zeros(1, 4, 3, 3), torch.zeros(1, 3, 4), temperature=0)

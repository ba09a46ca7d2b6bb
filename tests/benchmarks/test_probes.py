"""Probes count what they say: against all choices, a solver of its own, and what is known."""

from itertools import combinations

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.probing import probes
from benchmarks.probing.probes import Answers, among, explained, gain_interval, recognised
from ldl.rng import generator


def test_the_share_found_is_the_mean_over_all_choices_of_the_others():
    similarity = torch.rand(7, 7, generator=generator(0, "test"))
    for row, found in enumerate(among(similarity, 4).tolist()):
        others = [column for column in range(7) if column != row]
        wins = [
            all(similarity[row, row] > similarity[row, other] for other in chosen)
            for chosen in combinations(others, 3)
        ]
        assert found == pytest.approx(sum(wins) / len(wins))


def test_chance_finds_one_in_sixteen_and_equal_features_none():
    similarity = torch.rand(400, 400, generator=generator(1, "test"))
    assert float(among(similarity).mean()) == pytest.approx(1 / 16, abs=0.02)
    assert among(torch.ones(20, 20)).tolist() == [0.0] * 20


def test_an_eye_is_recognised_by_its_own_features():
    features = torch.rand(40, 8, generator=generator(2, "test"), dtype=torch.float64)
    assert recognised(features, 3 * features + 1).score == pytest.approx(1)
    assert recognised(features, features.flip(0)).score < 0.2


def test_ridge_explains_what_is_linear_and_nothing_of_noise():
    draw = generator(3, "test")
    features = torch.randn(80, 3, 5, generator=draw, dtype=torch.float64)
    answers = features @ torch.randn(5, 2, generator=draw, dtype=torch.float64) + 4
    # New rows keep within the range of the known ones.
    assert explained(features, answers).score > 0.99
    noise = torch.randn(80, 3, 2, generator=draw, dtype=torch.float64)
    assert abs(explained(features, noise).score) < 0.1


def test_ridge_agrees_with_least_squares_on_stacked_rows(monkeypatch):
    monkeypatch.setattr(probes, "PENALTIES", (7.0,))
    draw = generator(4, "test")
    features = torch.rand(20, 1, 4, generator=draw, dtype=torch.float64)
    answers = torch.rand(20, 1, 1, generator=draw, dtype=torch.float64)
    x, y = features[:10, 0].numpy(), answers[:10, 0].numpy()
    scaled = (x - x.mean(0)) / x.std(0, ddof=1)
    rows = np.concatenate([scaled, 7**0.5 * np.eye(4)])
    weights = np.linalg.lstsq(rows, np.concatenate([y - y.mean(), np.zeros((4, 1))]), rcond=None)[0]
    new = np.clip(features[10:, 0].numpy(), x.min(0), x.max(0))
    errors = answers[10:, 0].numpy() - y.mean() - (new - x.mean(0)) / x.std(0, ddof=1) @ weights
    found = explained(features, answers)
    np.testing.assert_allclose(found.missed, errors[:, 0] ** 2, rtol=1e-4)
    np.testing.assert_allclose(found.total, (answers[10:, 0, 0].numpy() - y.mean()) ** 2)


def test_a_filter_that_was_silent_in_the_fit_does_not_blow_up():
    draw = generator(5, "test")
    features = torch.rand(40, 1, 3, generator=draw, dtype=torch.float64)
    answers = features[..., :1].clone()
    features[..., 2] = 0
    features[3, 0, 2], features[30, 0, 2] = 1e-4, 50.0
    assert explained(features, answers).score > 0.9


def test_the_interval_holds_the_mean_gain_and_is_of_images():
    draw = np.random.default_rng(0)
    before = [Answers(draw.random(200), np.ones(200)) for _ in range(3)]
    after = [Answers(each.missed / 2, each.total) for each in before]
    low, high = gain_interval(before, after)
    gain = np.mean([a.score - b.score for a, b in zip(after, before, strict=True)])
    assert low < gain < high
    assert high - low == pytest.approx(2 * 1.96 * 0.5 * 12**-0.5 / 600**0.5, rel=0.25)
    assert gain_interval(before, before) == (0.0, 0.0)


def test_features_are_taken_in_eval_mode_and_without_gradient():
    class Net(nn.Sequential):
        def forward(self, images):
            return [images, super().forward(images)]

    net = Net(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.Dropout(0.5)).train()
    images = torch.rand(100, 1, 4, 4, generator=generator(6, "test"))
    once = probes.deepest(net, images)
    assert once.dtype == torch.float64
    assert not once.requires_grad
    assert torch.equal(once, probes.deepest(net, images))

"""The probe counts what it says, and a method that works beats its own start on it."""

import importlib
import math
import sys
from itertools import combinations
from pathlib import Path

import pytest
import torch


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    yield importlib.import_module("benchmarks.probe_methods")
    for name in [name for name in sys.modules if name.split(".")[0] == "benchmarks"]:
        del sys.modules[name]


def test_the_share_found_is_the_mean_over_all_choices_of_the_others(bench):
    similarity = torch.rand(7, 7, generator=torch.Generator().manual_seed(0))
    for row, found in enumerate(bench.among(similarity, 4).tolist()):
        others = [column for column in range(7) if column != row]
        wins = [
            all(similarity[row, row] > similarity[row, other] for other in chosen)
            for chosen in combinations(others, 3)
        ]
        assert found == pytest.approx(sum(wins) / len(wins))


def test_an_encoder_that_says_the_same_of_all_finds_none_and_a_perfect_one_all(bench):
    assert bench.among(torch.ones(20, 20)).tolist() == [0.0] * 20
    assert bench.among(torch.eye(20)).tolist() == [1.0] * 20


def test_chance_finds_one_in_sixteen(bench):
    similarity = torch.rand(400, 400, generator=torch.Generator().manual_seed(1))
    assert float(bench.among(similarity).mean()) == pytest.approx(1 / 16, abs=0.02)


def test_the_interval_is_students(bench):
    low, high = bench.interval([0.1, 0.2, 0.3])
    assert (low + high) / 2 == pytest.approx(0.2)
    assert (high - low) / 2 == pytest.approx(4.303 * 0.1 / math.sqrt(3), rel=1e-3)

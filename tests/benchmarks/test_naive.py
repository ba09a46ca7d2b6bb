"""What is measured against is the same function, only made another way."""

import importlib
import sys
from pathlib import Path

import pytest
import torch

from ldl.losses import region_vectors, unit


@pytest.fixture
def naive(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    yield importlib.import_module("benchmarks.naive")
    for name in [name for name in sys.modules if name.split(".")[0] == "benchmarks"]:
        del sys.modules[name]


def test_both_formulations_have_the_same_value_and_gradient(naive):
    draw = torch.Generator().manual_seed(0)
    embedding = unit(torch.randn(2, 5, 6, 7, generator=draw, dtype=torch.float64), 1)
    assignment = torch.rand(2, 3, 6, 7, generator=draw, dtype=torch.float64)
    weight = torch.randn(2, 3, 5, generator=draw, dtype=torch.float64)
    results = []
    for function in (region_vectors, naive.region_vectors):
        inputs = [part.clone().requires_grad_() for part in (embedding, assignment)]
        vectors = function(*inputs)
        results.append([vectors, *torch.autograd.grad((vectors * weight).sum(), inputs)])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)

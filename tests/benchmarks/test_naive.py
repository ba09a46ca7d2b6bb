"""What is measured against is the same function, only made another way."""

import importlib
import pkgutil
import sys
from pathlib import Path

import pytest
import torch


@pytest.fixture
def naive(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    yield importlib.import_module("benchmarks.naive")
    for name in [name for name in sys.modules if name.split(".")[0] == "benchmarks"]:
        del sys.modules[name]


CASES = {
    "unit": ((2, 5, 6, 7),),
    "region_vectors": ((2, 5, 6, 7), (2, 3, 6, 7)),
    "cluster_entropy": ((2, 3, 6, 7),),
    "joint_negative_log": ((4, 6),),
}
EXTRA = {"unit": (1,), "joint_negative_log": (torch.tensor([0, 5, 2, 2]),)}


def test_nothing_is_replaced_that_is_not_compared(naive):
    assert {function.__name__ for function in naive.INSTEAD.values()} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_both_formulations_have_the_same_value_and_gradient(naive, name):
    draw = torch.Generator().manual_seed(0)
    inputs = [torch.rand(*shape, generator=draw, dtype=torch.float64) for shape in CASES[name]]
    ours = next(pkgutil.resolve_name(path) for path in naive.INSTEAD if path.endswith(f".{name}"))
    results = []
    for function in (ours, getattr(naive, name)):
        given = [part.clone().requires_grad_() for part in inputs]
        value = function(*given, *EXTRA.get(name, ()))
        weight = torch.linspace(-1, 1, value.numel(), dtype=torch.float64).view_as(value)
        results.append([value, *torch.autograd.grad((value * (weight + 2)).sum(), given)])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10)

"""The script for a GPU runs on the CPU at a tiny size, so that it runs when one is at hand."""

import json
from contextlib import redirect_stdout
from io import StringIO

import pytest

from benchmarks import gpu

TINY = ["--device", "cpu", "--size", "32", "--base", "2", "--groups", "1", "--repeats", "1"]


@pytest.fixture(scope="module")
def said():
    text = StringIO()
    with redirect_stdout(text):
        gpu.main(TINY)
    return text.getvalue()


def test_it_compares_with_the_cpu_and_times_every_way_that_needs_no_compiler(said):
    result = json.loads(said.splitlines()[-1])
    assert [one["right"] for one in result["numbers"]] == [True] * 4
    exact = [one for one in result["numbers"] if one["precision"] == "float32"]
    assert all(one["loss_off_by"] < 1e-6 for one in exact)
    assert result["waits"] == ""
    assert [one["name"] for one in result["ways"]] == [w.name for w in gpu.WAYS if not w.compiled]
    assert all(one["ms"] > 0 for one in result["ways"])


def test_wrong_numbers_are_called_so(monkeypatch):
    options = gpu.parse(TINY)
    true = gpu._first_step

    def spoiled(config, way, device):
        losses, gradient = true(config, way, device)
        return (losses, gradient) if way.name == "CPU" else (losses * 1.2, gradient)

    monkeypatch.setattr(gpu, "_first_step", spoiled)
    assert not any(one["right"] for one in gpu.numbers(options))


def test_one_way_that_fails_does_not_end_the_others():
    def broken():
        raise RuntimeError("no such kernel\nlong trace")

    assert gpu.attempt(broken, "odd")["failed"] == "RuntimeError: no such kernel"

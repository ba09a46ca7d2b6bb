"""The benchmarks run on a small setting, and their numbers add up."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = {
    "size": 32,
    "base": 2,
    "groups": 1,
    "clusters": 4,
    "grid": 4,
    "threads": 1,
    "warmup": 1,
    "repeats": 3,
}


def call(module, *options):
    settings = [f"--{name}={value}" for name, value in SMALL.items()]
    done = subprocess.run(
        [sys.executable, "-m", module, *settings, *options],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def numbers():
    return json.loads(call("benchmarks.pretrain_step", "--json"))


def test_the_parts_add_up_to_the_step(numbers):
    assert list(numbers["parts"]) == ["data", "forward", "loss", "backward", "optimizer"]
    assert all(seconds > 0 for seconds in numbers["parts"].values())
    total = sum(numbers["parts"].values())
    assert 0.5 * numbers["seconds"] <= total <= numbers["seconds"]
    assert numbers["seconds"] <= numbers["median_seconds"]


def test_images_are_two_views_of_each_and_a_mixed_one_a_pair(numbers):
    assert numbers["images"] == 5
    assert numbers["images_a_second"] == pytest.approx(5 / numbers["seconds"])


def test_memory_and_arithmetic_are_plausible(numbers):
    assert numbers["before_mib"] <= numbers["peak_mib"] + 1
    assert 100 < numbers["peak_mib"] < 4000
    # The embedding branch's two convolutions alone, forward and backward: 4 to 6 and back.
    least = 3 * 2 * 5 * 32 * 32 * 9 * (4 * 4 + 4 * 6) / 1e9
    assert least < numbers["gigaflop"] < 100 * least
    assert numbers["kept_mib"] > 5 * 32 * 32 * 4 * 6 / 2**20


def test_the_table_shows_them_and_so_does_the_comparison():
    shown = call("benchmarks.against_naive")
    for word in ("network alone", "ours", "as read", "seconds a step", "MiB at the peak"):
        assert word in shown
    kept = next(line for line in shown.splitlines() if "kept" in line).split()
    # 4 views x 4 clusters x 32 x 32 x 32 floats are 2 MiB that only the written-out product keeps.
    alone, ours, as_read = map(float, kept[-5:-2])
    assert as_read >= ours > alone

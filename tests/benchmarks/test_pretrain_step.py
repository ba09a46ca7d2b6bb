"""The benchmarks run on a small setting, and their numbers add up."""

from typing import Any

import pytest

from benchmarks import against_naive

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
WAYS = {"ours": (), "as read": ("--naive",), "alone": ("--alone",)}


@pytest.fixture(scope="module")
def ways() -> dict[str, dict[str, Any]]:
    """The numbers of each way to write the step, each from a process of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        settings = [f"--{name}={value}" for name, value in SMALL.items()]
        return {name: against_naive.measured(*settings, *more) for name, more in WAYS.items()}


@pytest.fixture
def numbers(ways: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return ways["ours"]


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


def test_the_command_shows_all_three_side_by_side(
    ways: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    found = {("--size=32", *more): ways[name] for name, more in WAYS.items()}
    monkeypatch.setattr(against_naive, "measured", lambda *given: found[given])
    against_naive.main(["--size=32"])
    shown = capsys.readouterr().out
    for word in ("network alone", "ours", "as read", "seconds a step", "MiB at the peak"):
        assert word in shown
    # 4 views x 4 clusters x 32 x 32 x 32 floats are 2 MiB that only the written-out product keeps.
    kept = [ways[name]["kept_mib"] for name in ("alone", "ours", "as read")]
    shown_kept = next(line for line in shown.splitlines() if "kept" in line).split()
    assert shown_kept[-5:-2] == [f"{one:.0f}" for one in kept]
    alone, ours, as_read = kept
    assert as_read >= ours > alone

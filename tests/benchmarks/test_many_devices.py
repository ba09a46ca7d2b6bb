"""The plan of many devices is bounded by one device's hours and by the longest chain."""

import pytest

from benchmarks.many_devices import DEVICES, planned
from ldl.engine.profiles import profile_named
from ldl.tables import runs_of


def test_hours_lie_between_an_even_share_and_the_longest_chain() -> None:
    runs = runs_of("table2", profile_named("smoke"), "pd/stare,scratch/stare")
    found = planned(runs, rate=1e6)
    hours = [found["hours"][str(n)] for n in DEVICES]
    assert hours[0] == pytest.approx(found["flop"] / 1e6 / 3600)
    assert sorted(hours, reverse=True) == hours
    assert hours[-1] == found["chain"] < hours[0]
    half = planned(runs, rate=2e6)
    assert half["hours"]["1"] == pytest.approx(hours[0] / 2)

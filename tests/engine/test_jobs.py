"""A plan on several devices ends when its longest chain, or all its work, has been done."""

import pytest

from ldl.engine.jobs import makespan
from ldl.engine.profiles import profile_named
from ldl.tables import runs_of


@pytest.fixture(scope="module")
def runs():
    return runs_of("table2", profile_named("smoke"), "rd/,pd+mix/,scratch/stare")


def longest_chain(runs, seconds):
    def of(run):
        return seconds[run.run_id()] + max(map(of, run.needs()), default=0.0)

    return max(of(run) for run in runs.values())


@pytest.mark.parametrize("devices", [1, 2, 3, 8, 1000])
def test_it_lies_within_the_bounds_of_list_scheduling(runs, devices):
    seconds = {id: 1.0 + (k * 7) % 5 for k, id in enumerate(runs)}
    work, chain = sum(seconds.values()), longest_chain(runs, seconds)
    end = makespan(runs, seconds, devices)
    # Graham 1966: never beyond work / n + (1 - 1 / n) chain.
    assert max(work / devices, chain) <= end <= work / devices + chain * (1 - 1 / devices) + 1e-9
    assert devices > 1 or end == work
    assert devices < 1000 or end == chain


def test_longer_chains_go_first(runs):
    """Step 1 of Rd takes most of the time: on two devices nothing may begin before it."""
    seconds = dict.fromkeys(runs, 1.0)
    first = next(id for id in runs if id.startswith("pretrain-pd-mix-fundus"))
    seconds[first] = 50.0
    others = sum(seconds.values()) - 50.0
    after = sum(1 for run in runs.values() if first in {one.run_id() for one in run.needs()})
    assert makespan(runs, seconds, 2) < 50.0 + max(after, others / 2) + 2
    assert makespan({}, {}, 2) == 0.0

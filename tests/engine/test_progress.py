"""The time left is learned from the runs that end; one table is made after the other."""

import pytest

from ldl.engine.profiles import profile_named
from ldl.engine.progress import TimeLeft, by_table, expected_seconds
from ldl.engine.runner import run_all
from ldl.engine.store import RunStore
from ldl.tables.plan import by_table as runs_by_table
from ldl.tables.plan import runs_of


@pytest.fixture(scope="module")
def demo():
    return runs_of("all", profile_named("demo"))


@pytest.mark.parametrize("profile", ["smoke", "demo", "open", "paper"])
def test_every_run_of_every_profile_has_an_expectation(profile):
    for run in runs_of("all", profile_named(profile)).values():
        assert 0 < expected_seconds(run) < 1e9


def test_longer_wider_and_larger_runs_are_expected_to_take_longer(demo):
    run = next(run for run in demo.values() if run.kind == "pretrain")
    for change in ({"steps": 2 * run.steps}, {"base": 2 * run.base}, {"groups": 2 * run.groups}):
        assert expected_seconds(run.model_copy(update=change)) > expected_seconds(run)


@pytest.mark.parametrize("slower", [0.2, 1.0, 5.0])
def test_after_some_runs_the_time_left_is_right_whatever_the_machine(demo, slower):
    """Each kind has its own factor, within which its runs are as expected."""
    factor = {
        kind: slower * (0.5 + k / 3) for k, kind in enumerate({r.kind for r in demo.values()})
    }
    truth = {id: factor[run.kind] * expected_seconds(run) for id, run in demo.items()}
    left = TimeLeft(demo, workers=2)
    # Every fifth run is to come, so that all kinds have been seen.
    coming = set(list(demo)[::5])
    for id in demo:
        if id not in coming:
            left.ended(id, truth[id])
    assert left.seconds() == pytest.approx(sum(truth[id] for id in coming) / 2, rel=0.15)
    assert left.done == pytest.approx(0.8, abs=0.15)
    for id in coming:
        left.ended(id, truth[id])
    assert left.seconds() == 0
    assert left.done == 1


def test_failed_runs_teach_nothing_and_leave(demo):
    left = TimeLeft(demo, workers=1)
    before = left.seconds()
    for id in list(demo)[:100]:
        left.ended(id)
    assert 0 < left.seconds() < before


def test_what_was_made_before_counts(demo):
    left = TimeLeft(demo, workers=2)
    before = left.seconds()
    for run in list(demo.values())[:200]:
        left.known(run, 10 * expected_seconds(run))
    assert left.seconds() > 4 * before


def test_tables_follow_each_other():
    assert by_table("abcde", {"first": {"d", "b"}, "second": {"b", "a"}}) == list("bdace")


def test_a_table_is_said_to_be_complete_when_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("LDL_CACHE", str(tmp_path))
    smoke, only = profile_named("smoke"), "scratch/stare,scratch/hrf"
    runs = runs_of("all", smoke, only)
    said: list[str] = []
    outcome = run_all(
        runs,
        RunStore(tmp_path / "runs", tmp_path / "none"),
        workers=1,
        device="cpu",
        progress=False,
        say=said.append,
        tables=runs_by_table("all", smoke, only),
    )
    assert set(outcome.made) == set(runs)
    complete = [name for name, ids in runs_by_table("all", smoke, only).items() if ids]
    assert sorted(said) == sorted(f"{name}: complete" for name in complete)

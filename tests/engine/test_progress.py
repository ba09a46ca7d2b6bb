"""What runs are expected to take; one table is made after the other."""

from concurrent.futures import Future

import pytest

from ldl.engine import runner
from ldl.engine.profiles import profile_named
from ldl.engine.runner import expected_seconds
from ldl.tables import by_table as runs_by_table
from ldl.tables import runs_of


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


class Done:
    """A pool whose work is done at once."""

    def submit(self, *_):
        future = Future()
        future.set_result(None)
        return future


def test_a_table_is_said_to_be_complete_when_it_is():
    smoke, only = profile_named("smoke"), "scratch/stare,scratch/chase"
    runs, tables = runs_of("all", smoke, only), runs_by_table("all", smoke, only)
    outcome, said = runner.Outcome(), list[str]()
    show = runner._Shown(runs, tables, progress=False)
    runner._drain(runs, outcome, Done(), "cpu", show, said.append, 1)
    assert set(outcome.made) == set(runs)
    assert sorted(said) == sorted(f"{name}: complete" for name, ids in tables.items() if ids)


def test_what_follows_a_complete_table_does_not_follow_the_last(demo):
    todo = dict(list(demo.items())[:9])
    tables = {"one": set(list(todo)[:5]), "two": set(list(todo)[5:])}
    said, ended = list[str](), list[str]()
    show = runner._Shown(todo, tables, progress=False)
    then = lambda: ended.append(said[-1])  # noqa: E731
    runner._drain(todo, runner.Outcome(), Done(), "cpu", show, said.append, 2, then)
    assert said == ["one: complete", "two: complete"]
    assert ended == ["one: complete"]

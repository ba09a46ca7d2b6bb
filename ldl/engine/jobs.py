"""Runs in the order they need each other, and grouped as jobs: one encoder, all that is on it."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ldl.errors import ConfigError
from ldl.runs.base import Run


class HasRuns(Protocol):
    """A cell of a table, or whatever else is the mean of some runs."""

    @property
    def runs(self) -> Sequence[Run]: ...


@dataclass(frozen=True)
class Job:
    """One pretrained encoder (None: from scratch) and all that is measured on it.

    ``parents`` are jobs whose networks this one's start from (step 1 of Rd) or take in (the local
    branch beside a global encoder).
    """

    id: str
    parents: tuple[str, ...]
    encoder: Run | None
    transfers: tuple[Run, ...]

    def members(self) -> list[Run]:
        """Its runs in order, the pretraining first."""
        before: list[Run] = [self.encoder] if self.encoder else []
        return [*before, *self.transfers]


def ordered(cells: Iterable[HasRuns]) -> dict[str, Run]:
    """All runs of ``cells`` and what they need, each once, needed ones first, by id."""
    runs: dict[str, Run] = {}

    def add(run: Run) -> None:
        for before in run.needs():
            add(before)
        runs.setdefault(run.run_id(), run)

    measured = [run for cell in cells for run in cell.runs]
    for one in [*(before for run in measured for before in run.needs()), *measured]:
        add(one)
    return runs


def jobs(cells: Iterable[HasRuns]) -> list[Job]:
    """The runs of ``cells`` as jobs, each after its parents."""
    members: dict[str, dict[str, Run]] = {}
    encoders: dict[str, Run | None] = {}
    parents: dict[str, set[str]] = {}

    def open_job(id: str, encoder: Run | None) -> None:
        members.setdefault(id, {})
        encoders.setdefault(id, encoder)
        before = encoder.needs() if encoder else ()
        parents.setdefault(id, set()).update(one.run_id() for one in before)
        for one in before:
            open_job(one.run_id(), one)

    for run in (run for cell in cells for run in cell.runs):
        before = run.needs()
        # The job of a measurement is that of the first run it needs.
        id = before[0].run_id() if before else run.home()
        open_job(id, before[0] if before else None)
        for other in before[1:]:
            open_job(other.run_id(), other)
            parents[id].add(other.run_id())
        members[id][run.run_id()] = run

    def depth(id: str) -> int:
        return 1 + max(map(depth, parents[id]), default=-1)

    return [
        Job(id, tuple(sorted(parents[id])), encoders[id], tuple(members[id].values()))
        for id in sorted(members, key=depth)
    ]


def job_named(id: str, cells: Iterable[HasRuns]) -> Job:
    named = {job.id: job for job in jobs(cells)}
    if id not in named:
        raise ConfigError(f"no job {id!r} in this table and profile; `ldl jobs` lists them")
    return named[id]


def makespan(runs: Mapping[str, Run], seconds: Mapping[str, float], devices: int) -> float:
    """When the last of runs (`ordered`) ends, if each free device takes what most waits for."""
    before = {
        id: [needed for one in run.needs() if (needed := one.run_id()) in runs]
        for id, run in runs.items()
    }
    after: dict[str, list[str]] = {id: [] for id in runs}
    for id, each in before.items():
        for one in each:
            after[one].append(id)
    chain: dict[str, float] = {}  # seconds from a run's start to the end of all that waits for it
    for id in reversed(list(runs)):
        chain[id] = seconds[id] + max((chain[one] for one in after[id]), default=0.0)
    missing = {id: len(needed) for id, needed in before.items()}
    ready = [(-chain[id], id) for id, count in missing.items() if not count]
    heapq.heapify(ready)
    running: list[tuple[float, str]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < devices:
            _, id = heapq.heappop(ready)
            heapq.heappush(running, (now + seconds[id], id))
        now, id = heapq.heappop(running)
        for one in after[id]:
            missing[one] -= 1
            if not missing[one]:
                heapq.heappush(ready, (-chain[one], one))
    return now

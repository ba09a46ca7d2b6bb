"""Runs in the order they need each other, and grouped as jobs: one encoder, all that is on it."""

from collections.abc import Iterable
from dataclasses import dataclass

from ldl.config import TransferConfig
from ldl.config_localize import LocalizeConfig
from ldl.config_lrc import OrganConfig
from ldl.errors import ConfigError
from ldl.experiments.rows import Cell
from ldl.experiments.store import Run

# Fields of configs that name a run which must be there first; the first one is the run's home job.
_BEFORE = ("step1", "encoder", "guide", "local", "second")


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


def needs(run: Run) -> tuple[Run, ...]:
    """The runs that must be finished before ``run`` can start."""
    found = (getattr(run, field, None) for field in _BEFORE)
    return tuple(before for before in found if before is not None)


def ordered(cells: Iterable[Cell]) -> dict[str, Run]:
    """All runs of ``cells`` and what they need, each once, needed ones first, by id."""
    runs: dict[str, Run] = {}

    def add(run: Run) -> None:
        for before in needs(run):
            add(before)
        runs.setdefault(run.run_id(), run)

    measured = [run for cell in cells for run in cell.runs]
    for run in measured:
        for before in needs(run):
            add(before)
    for run in measured:
        add(run)
    return runs


def job_id(run: Run) -> str:
    """The job a measurement belongs to: that of the first run it needs."""
    before = needs(run)
    if before:
        return before[0].run_id()
    if isinstance(run, LocalizeConfig):
        return f"localize-{run.method}-{run.modality}-{run.data.source}-{run.data.size}"
    if isinstance(run, OrganConfig):
        return f"organs-scratch-{run.data.region}-{run.data.source}-{run.data.size}"
    if not isinstance(run, TransferConfig):
        return f"alone-{run.run_id()}"
    modality = "xray" if run.task.startswith(("scr_", "siim_")) else "fundus"
    return f"scratch-{modality}-{run.data.source}-b{run.base}-e{run.full_epochs}"


def jobs(cells: Iterable[Cell]) -> list[Job]:
    """The runs of ``cells`` as jobs, each after its parents."""
    members: dict[str, dict[str, Run]] = {}
    encoders: dict[str, Run | None] = {}
    parents: dict[str, set[str]] = {}

    def open_job(id: str, encoder: Run | None) -> None:
        members.setdefault(id, {})
        encoders.setdefault(id, encoder)
        before = needs(encoder) if encoder else ()
        parents.setdefault(id, set()).update(one.run_id() for one in before)
        for one in before:
            open_job(one.run_id(), one)

    for run in (run for cell in cells for run in cell.runs):
        before = needs(run)
        id = job_id(run)
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


def job_named(id: str, cells: Iterable[Cell]) -> Job:
    """The job of that id.

    Raises:
        ConfigError: no job of these cells has it.
    """
    for job in jobs(cells):
        if job.id == id:
            return job
    raise ConfigError(f"no job {id!r} in this table and profile; `ldl jobs` lists them")

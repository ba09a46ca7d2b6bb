"""Runs in the order they need each other, and grouped as jobs: one encoder, all that is on it."""

from collections.abc import Iterable
from dataclasses import dataclass

from ldl.config import EncoderConfig, TransferConfig
from ldl.config_localize import LocalizeConfig
from ldl.errors import ConfigError
from ldl.experiments.plan import Cell
from ldl.experiments.store import Run

Measurement = TransferConfig | LocalizeConfig


@dataclass(frozen=True)
class Job:
    """One pretrained encoder (None: from scratch) and all that is measured on it.

    ``parent`` is the job whose encoder this one's training starts from (step 1 of Rd).
    """

    id: str
    parent: str | None
    encoder: EncoderConfig | None
    transfers: tuple[Measurement, ...]

    def members(self) -> list[Run]:
        """Its runs in order, the pretraining first."""
        before: list[Run] = [self.encoder] if self.encoder else []
        return [*before, *self.transfers]


def needs(run: Run) -> EncoderConfig | None:
    """The run that must be finished before ``run`` can start."""
    return run.encoder if isinstance(run, (TransferConfig, LocalizeConfig)) else run.step1


def ordered(cells: Iterable[Cell]) -> dict[str, Run]:
    """All runs of ``cells`` and what they need, each once, needed ones first, by id."""
    runs: dict[str, Run] = {}

    def add(run: Run) -> None:
        before = needs(run)
        if before:
            add(before)
        runs.setdefault(run.run_id(), run)

    transfers = [run for cell in cells for run in cell.runs]
    for run in transfers:
        if run.encoder:
            add(run.encoder)
    for run in transfers:
        add(run)
    return runs


def job_id(run: Measurement) -> str:
    """The job a measurement belongs to."""
    if run.encoder:
        return run.encoder.run_id()
    if isinstance(run, LocalizeConfig):
        return f"localize-{run.method}-{run.modality}-{run.data.source}-{run.data.size}"
    modality = "xray" if run.task.startswith(("scr_", "siim_")) else "fundus"
    return f"scratch-{modality}-{run.data.source}-b{run.base}-e{run.full_epochs}"


def jobs(cells: Iterable[Cell]) -> list[Job]:
    """The runs of ``cells`` as jobs, parents first."""
    groups: dict[str, dict[str, Measurement]] = {}
    encoders: dict[str, EncoderConfig | None] = {}
    for run in (run for cell in cells for run in cell.runs):
        step1 = run.encoder.step1 if run.encoder else None
        if step1:
            groups.setdefault(step1.run_id(), {})
            encoders[step1.run_id()] = step1
        groups.setdefault(job_id(run), {})[run.run_id()] = run
        encoders[job_id(run)] = run.encoder
    made = []
    for id, members in groups.items():
        encoder = encoders[id]
        parent = encoder.step1.run_id() if encoder and encoder.step1 else None
        made.append(Job(id, parent, encoder, tuple(members.values())))
    return sorted(made, key=lambda job: job.parent is not None)


def job_named(id: str, cells: Iterable[Cell]) -> Job:
    """The job of that id.

    Raises:
        ConfigError: no job of these cells has it.
    """
    for job in jobs(cells):
        if job.id == id:
            return job
    raise ConfigError(f"no job {id!r} in this table and profile; `ldl jobs` lists them")

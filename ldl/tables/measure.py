"""From records to numbers: the scores of a cell, and a table as one long frame."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ldl.engine.profiles import Profile, profile_named
from ldl.engine.store import Record, RunStore
from ldl.metrics import far_enough, late_gain
from ldl.runs.base import Run
from ldl.runs.lrc import GlobalConfig, LocalRegionConfig, ProbeConfig
from ldl.stats import seeds_by_images
from ldl.tables import TABLES
from ldl.tables.base import Cell, Column, Row, Table

Array = NDArray[np.float64]
Repeats = tuple[int | None, ...]
NAN = float("nan")


@dataclass(frozen=True)
class Measured:
    """The scores behind one number.

    Attributes:
        parts: one (S K, N) float64 array for each column that the number is the mean of: S seeds of
            K draws (support images; else one), N cases; nan where there is no answer.
        records: one a seed, part by part.
        repeats: (S,) the seeds of each part, `Run.repeat`.
        stale: whether a record is of another version.
        trained: whether the pretraining behind it was long enough; None without one.
    """

    parts: tuple[Array, ...]
    records: tuple[Record, ...]
    repeats: Repeats
    stale: bool
    trained: bool | None

    @property
    def seeds(self) -> int:
        return len(self.repeats)

    def only(self, repeats: Repeats) -> "Measured":
        """The same over these seeds, in that order."""
        if repeats == self.repeats:
            return self
        places = [self.repeats.index(one) for one in repeats]
        parts = (part[places] for part in self.by_draw())
        records = (
            self.records[start + place]
            for start in range(0, len(self.records), self.seeds)
            for place in places
        )
        return replace(
            self,
            parts=tuple(part.reshape(-1, part.shape[2]) for part in parts),
            records=tuple(records),
            repeats=repeats,
        )

    def by_draw(self) -> Iterator[Array]:
        """The parts as (S, K, N)."""
        return (part.reshape(self.seeds, -1, part.shape[1]) for part in self.parts)

    @property
    def value(self) -> float:
        """Mean over parts of the mean over seeds and cases."""
        return float(np.mean([np.nanmean(part) for part in self.parts]))

    @cached_property
    def interval(self) -> tuple[float, float]:
        """95 %, for other seeds and other cases; with one seed for other cases alone."""
        return seeds_by_images(self.parts, seeds=self.seeds)

    @property
    def draws(self) -> Array:
        """(S,) the number of each seed (or support image) by itself."""
        return np.mean([np.nanmean(part, axis=1) for part in self.parts], axis=0)

    @property
    def cases(self) -> int:
        """Images, volumes or queries, over all parts."""
        return sum(part.shape[1] for part in self.parts)

    @property
    def deviation(self) -> float:
        """Standard deviation over the draws; nan with one."""
        return float(self.draws.std(ddof=1)) if len(self.draws) > 1 else NAN


def measure(table: Table, cell: Cell, store: RunStore, value: str = "score") -> Measured | None:
    """The scores of ``cell`` by the seeds that have a record; None as long as there is none."""
    made = [(run, record) for run in cell.runs if (record := store.record(run))]
    if not made:
        return None
    runs, records = [run for run, _ in made], tuple(record for _, record in made)
    read = table.scores[value]
    scores = [np.atleast_2d(read(record, cell.column)) for record in records]
    before = [other for run in runs for other in run.needs()]
    known = [record for other in before if (record := pretraining_record(other, store))]
    trained = [record["trained"] for record in known if "trained" in record]
    return Measured(
        parts=(np.concatenate(scores),),
        records=records,
        repeats=tuple(run.repeat for run in runs),
        stale=any(store.status(run) == "stale" for run in runs),
        trained=all(trained) if before and len(known) == len(before) and trained else None,
    )


def pretraining_record(run: Run, store: RunStore) -> Record | None:
    """The record of a pretraining; on CT with what tells whether it was far enough.

    The views that tell images apart elsewhere (crops, flips, other grey values) make any CT slice
    look like its neighbour's. There a global method is asked its own question, see `ProbeConfig`;
    LRC's record has the regions found again.
    """
    record = store.record(run)
    if record is None or not isinstance(run, GlobalConfig | LocalRegionConfig):
        return record
    if isinstance(run, LocalRegionConfig):
        record = {**record, "late_gain": late_gain(record["losses"]["local"])}
    elif probe := store.record(ProbeConfig(encoder=run)):
        record = {**record, "own": probe["own"], "own_fall": probe["own_fall"]}
    return {**record, "trained": far_enough(record)}


def mean_of(found: Iterable[Measured | None]) -> Measured | None:
    """One number for several columns, each weighing alike, over the seeds that all of them have.

    None while a column lacks, or where they have no seed in common.
    """
    parts = list(found)
    there = [part for part in parts if part is not None]
    if not there or len(there) < len(parts):
        return None
    common = tuple(one for one in there[0].repeats if all(one in part.repeats for part in there))
    if not common:
        return None
    there = [part.only(common) for part in there]
    trained = [part.trained for part in there if part.trained is not None]
    return Measured(
        parts=tuple(each for part in there for each in part.parts),
        records=tuple(record for part in there for record in part.records),
        repeats=common,
        stale=any(part.stale for part in there),
        trained=all(trained) if trained else None,
    )


@dataclass(frozen=True)
class Shown:
    """A table under a profile: gathered once, nothing is run.

    Attributes:
        cells: (row, column) -> what was measured, means included.
        runs: (row, column) of every cell that is planned.
    """

    table: Table
    profile: Profile
    cells: dict[tuple[str, str], Measured]
    runs: dict[tuple[str, str], tuple[Run, ...]]
    store: RunStore

    @property
    def measured(self) -> bool:
        """Whether there is any number at all."""
        return bool(self.cells)

    @property
    def phantom(self) -> bool:
        """Whether its images are phantoms, whose numbers are no evidence about a paper."""
        runs = next(iter(self.runs.values()))
        return bool(runs[0].data.source == "phantom")

    @cached_property
    def fair(self) -> bool:
        """Whether rows may be held against each other: real images, not every record in doubt."""
        return not self.phantom and not all(map(self.table.doubt, self.records))

    @property
    def kind(self) -> str:
        return "phantoms" if self.phantom else "real images"

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """Of all its runs, each once."""
        found = {one["run_id"]: one for cell in self.cells.values() for one in cell.records}
        return tuple(found.values())

    @cached_property
    def encoders(self) -> tuple[Record, ...]:
        """Of all pretrainings that its runs rest on, each once."""
        before = {
            other.run_id(): other
            for runs in self.runs.values()
            for run in runs
            for other in run.needs()
        }
        found = (pretraining_record(run, self.store) for run in before.values())
        return tuple(record for record in found if record)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One line for each row and column, means included.

        Columns: row, label, column, head, group, paper, ours, low, high, difference (ours - paper),
        cases, seeds, draws, deviation (over draws), stale, trained, measured, planned. A number
        that is not there is nan.
        """
        return pd.DataFrame(
            _line(self, row, column)
            for row in self.table.rows(self.profile)
            for column in self.table.columns(self.profile)
        )

    def number(self, row: str, column: str) -> float:
        """Ours, nan where it is not there."""
        found = self.cells.get((row, column))
        return found.value if found else NAN


def show(name: str, profile: str | Profile, store: RunStore, value: str = "score") -> Shown:
    """Table ``name`` under ``profile``, from the records that are there."""
    table = TABLES[name]
    budget = profile_named(profile) if isinstance(profile, str) else profile
    planned = table.cells(budget)
    found = {
        (cell.row.key, cell.column.key): measured
        for cell in planned
        if (measured := measure(table, cell, store, value))
    }
    runs = {(cell.row.key, cell.column.key): cell.runs for cell in planned}
    for row in table.rows(budget):
        for column in table.columns(budget):
            members = [key for key in column.members if (row.key, key) in runs]
            mean = mean_of(found.get((row.key, key)) for key in members)
            if mean:
                found[row.key, column.key] = mean
    return Shown(table, budget, found, runs, store)


def _line(shown: Shown, row: Row, column: Column) -> dict[str, object]:
    found = shown.cells.get((row.key, column.key))
    paper = shown.table.paper(row, column, shown.profile)
    low, high = found.interval if found else (NAN, NAN)
    members = column.members or (column.key,)
    return {
        "row": row.key,
        "label": row.label,
        "column": column.key,
        "head": column.label,
        "group": column.group,
        "paper": paper,
        "ours": found.value if found else NAN,
        "low": low,
        "high": high,
        "difference": found.value - paper if found else NAN,
        "cases": found.cases if found else 0,
        "seeds": found.seeds if found else 0,
        "draws": len(found.draws) if found else 0,
        "deviation": found.deviation if found else NAN,
        "stale": found.stale if found else False,
        "trained": found.trained if found else None,
        "measured": found is not None,
        "planned": any((row.key, key) in shown.runs for key in members),
    }

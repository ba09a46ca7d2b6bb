"""The time left of many runs: what each costs, and how long those that ended took."""

import math
from collections.abc import Iterable, Mapping, Set
from typing import Any

from ldl.runs.base import Run

# Seconds on one core of 2.5 GHz: of a run beside its updates, of an update beside its maps, and of
# an image's pixel and channel of the first stage, forward and backward.
_A_RUN, _AN_UPDATE, _A_VALUE = 0.3, 0.006, 1.8e-7
# Before so many seconds of runs have ended, the expectation above counts for most.
_TRUSTED = 10.0


def expected_seconds(run: Run) -> float:
    """What ``run`` takes, needed runs left out, right within a factor of a few."""
    fields: Any = run
    if run.kind == "transfer":
        train = getattr(run.data, "train", None) or 20
        batches = math.ceil(max(1, train * fields.label_fraction) / fields.batch_size)
        updates = batches * (fields.frozen_epochs + fields.full_epochs)
        return _of(updates, fields.batch_size, fields.crop or run.data.size, fields.base)
    if run.kind == "guide":
        region = fields.region
        return _of(region.steps, 8 * region.groups, region.crop, region.base)
    if run.kind == "shape":
        return _of_shape(fields)
    if run.kind == "organs":
        return _of(fields.steps, 2 * fields.batch, run.data.size, fields.base + fields.local_base)
    if run.kind == "pretrain":
        return _of(fields.steps, 5 * fields.groups, fields.crop, fields.base)
    if hasattr(run, "steps"):
        side = getattr(run, "crop", None) or run.data.size
        return _of(fields.steps, 2 * fields.batch, side, fields.base)
    return 10 * _A_RUN


def _of_shape(run: Any) -> float:
    if run.refine:
        side, base = run.guide.region.crop, run.guide.region.base
        return _of(run.refine.steps, run.refine.batch, side, base)
    if run.synthesis:
        one = run.synthesis
        return _of(one.steps + one.segment_steps, 8 * one.batch, one.crop, one.base)
    return 3 * _A_RUN


def _of(updates: int, images: int, side: int, base: int) -> float:
    # Narrow layers are bound by memory, wide ones by arithmetic.
    width = base * max(1.0, base / 16)
    return _A_RUN + updates * (_AN_UPDATE + _A_VALUE * images * side**2 * width)


class TimeLeft:
    """Of the runs that are still to be made; learns from those that end.

    Args:
        todo: by id.
        workers: processes.
    """

    def __init__(self, todo: Mapping[str, Run], workers: int) -> None:
        self.workers = workers
        self.kinds = {id: run.kind for id, run in todo.items()}
        self.waiting = {id: expected_seconds(run) for id, run in todo.items()}
        self.total = sum(self.waiting.values())
        self.took: dict[str, tuple[float, float]] = {}

    def ended(self, id: str, seconds: float | None = None) -> None:
        """A run took so long; None: it was not made."""
        expected = self.waiting.pop(id, 0.0)
        if seconds is not None:
            self._learn(self.kinds[id], expected, seconds)

    def known(self, run: Run, seconds: float) -> None:
        """A run that was made before took so long."""
        self._learn(run.kind, expected_seconds(run), seconds)

    def _learn(self, kind: str, expected: float, seconds: float) -> None:
        before = self.took.get(kind, (0.0, 0.0))
        self.took[kind] = before[0] + expected, before[1] + seconds

    @property
    def done(self) -> float:
        """The share of all work that is done, 0 to 1."""
        return 1 - sum(self.waiting.values()) / self.total if self.total else 1.0

    def seconds(self) -> float:
        """Until the last run ends, as far as is known."""
        expected, actual = (sum(each) for each in zip((0.0, 0.0), *self.took.values(), strict=True))
        machine = (actual + _TRUSTED) / (expected + _TRUSTED)
        left = 0.0
        for id, cost in self.waiting.items():
            known, took = self.took.get(self.kinds[id], (0.0, 0.0))
            left += cost * (took + _TRUSTED * machine) / (known + _TRUSTED)
        return left / max(1, min(self.workers, len(self.waiting)))

    def words(self) -> str:
        """Such as "about 12 min left"."""
        minutes = self.seconds() / 60
        if minutes < 1.5:
            return "about a minute left"
        return (
            f"about {minutes:.0f} min left" if minutes < 90 else f"about {minutes / 60:.0f} h left"
        )


def by_table(runs: Iterable[str], tables: Mapping[str, Set[str]]) -> list[str]:
    """The ids in the order of the tables that need them first, else as they come."""
    place = {id: k for k, ids in reversed(list(enumerate(tables.values()))) for id in ids}
    return sorted(runs, key=lambda id: place.get(id, len(tables)))

"""Execute what is not fresh, the pages that report on the others last."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ldl.book import fingerprint
from ldl.book.environment import set_environment
from ldl.book.execute import Outcome, execute
from ldl.book.fingerprint import Entry, Ledger
from ldl.book.parameters import declared
from ldl.book.source import notebook_path

REPORTS = ("summary", "reproduce")  # pages made from the other pages and from all records
ROUNDS = 3  # notebooks that make new records at every execution would go on for ever

Say = Callable[[str], None]


@dataclass(frozen=True)
class Job:
    """One notebook to execute, and why."""

    name: str
    source: Path
    parameters: dict[str, Any]
    parts: fingerprint.Parts = field(default_factory=dict)
    reason: str = ""


def job(name: str, profile: str) -> Job:
    """The notebook ``name`` under ``profile``, which it is given if it declares that parameter."""
    source = notebook_path(name)
    given = {"profile": profile} if "profile" in declared(source) else {}
    return Job(name, source, given)


def parts_of(one: Job, shared: fingerprint.Parts, ledger: Ledger) -> fingerprint.Parts:
    """All that the executed notebook depends on; a report depends on the other pages too."""
    parts = {**shared, **fingerprint.notebook_parts(one.source, one.parameters)}
    if one.name in REPORTS:
        others = {n: e.finished for n, e in ledger.entries.items() if n not in REPORTS}
        parts["pages"] = fingerprint.digest_of(others)
    return parts


def stale(jobs: Sequence[Job], ledger: Ledger) -> list[Job]:
    """The jobs that must be executed, each with its reason."""
    shared = fingerprint.shared_parts()
    planned = [replace(one, parts=parts_of(one, shared, ledger)) for one in jobs]
    explained = [replace(one, reason=ledger.reason(one.name, one.parts)) for one in planned]
    return [one for one in explained if one.reason]


def _outcomes(todo: Sequence[Job], folder: Path, workers: int) -> Iterator[Outcome]:
    """Execute ``todo``, in this process or in ``workers`` others, and yield each as it ends."""
    workers = min(workers, len(todo))
    set_environment(max(1, (os.cpu_count() or 1) // workers))
    calls = [(one.source, folder / f"{one.name}.ipynb", one.parameters) for one in todo]
    if workers == 1:
        yield from (execute(*call) for call in calls)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(execute, *call) for call in calls]):
            yield future.result()


def _round(todo: Sequence[Job], ledger: Ledger, workers: int, say: Say) -> list[Outcome]:
    """Execute ``todo`` once.

    A notebook may add records of its own (an encoder it trains). The records it counts as made
    from are therefore those there are when all of the round have ended.
    """
    for one in todo:
        say(f"notebook {one.name}: {one.reason}")
    parts = {one.name: one.parts for one in todo}
    done: list[Outcome] = []
    for outcome in _outcomes(todo, ledger.folder, workers):
        say(outcome.failure or f"notebook {outcome.name}: done in {outcome.seconds:.0f} s")
        if not outcome.failure:
            ledger.write(outcome.name, _entry(outcome, parts))
        done.append(outcome)
    records = {"records": fingerprint.records()}
    for outcome in done:
        if not outcome.failure:
            entry = ledger.entries[outcome.name]
            ledger.write(outcome.name, replace(entry, parts=entry.parts | records))
    return done


def _entry(outcome: Outcome, parts: dict[str, fingerprint.Parts]) -> Entry:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Entry(parts[outcome.name], outcome.seconds, now)


def execute_stale(
    jobs: Sequence[Job], folder: Path, *, workers: int = 1, say: Say = print
) -> list[Outcome]:
    """Execute the stale notebooks among ``jobs`` into ``folder``; the outcomes, failures included.

    The reports come last. A round that added records makes pages outside it stale: they are
    executed in another round, so that one call ends with everything fresh, or with a failure.
    """
    ledger = Ledger(folder)
    ended: list[Outcome] = []
    for reports in (False, True):
        wave = [one for one in jobs if (one.name in REPORTS) == reports]
        for _ in range(ROUNDS):
            todo = stale(wave, ledger)
            if not todo or any(outcome.failure for outcome in ended):
                break
            ended += _round(todo, ledger, workers, say)
    return ended

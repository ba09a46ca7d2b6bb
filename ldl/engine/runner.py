"""Run many runs in worker processes; whatever ends them, the next call goes on."""

import multiprocessing
import signal
import time
from collections.abc import Callable, Mapping, Set
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

from tqdm.auto import tqdm

from ldl.engine.progress import TimeLeft, by_table
from ldl.engine.store import RunStore, read_record
from ldl.errors import LdlError
from ldl.runs.base import Run


@dataclass
class Outcome:
    """Ids of the runs that were made, that were there already, and one line for each failure."""

    made: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def _worker() -> None:
    """The parent alone answers an interrupt; it ends the workers, whose checkpoints are on disk."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    quiet_cpu()


def quiet_cpu() -> None:
    """One thread a process (several processes fill the cores better, and equal thread counts give
    equal numbers), and no denormals, which are slow."""
    import torch

    if not torch.cuda.is_available():
        torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def _work(run: Run, device: str) -> float:
    """Make ``run``; the seconds that it took."""
    # Imported here: the parent only schedules and does without the 300 MB of torch.
    from ldl.engine.execute import ensure

    start = time.monotonic()
    ensure(run, RunStore(), device=device, weights=True)
    return time.monotonic() - start


def run_all(
    runs: dict[str, Run],
    store: RunStore,
    *,
    workers: int = 2,
    device: str = "auto",
    progress: bool = True,
    say: Callable[[str], None] = print,
    tables: Mapping[str, Set[str]] | None = None,
) -> Outcome:
    """Make every run of ``runs`` that is not fresh, each after the one it needs.

    Args:
        runs: by id, as :func:`ldl.engine.jobs.ordered` gives them.
        store: tells which are fresh.
        workers: processes.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        progress: show a bar with the time left.
        say: receives one line for each failure, and one for each table that is complete.
        tables: the runs of each table, by id: one table after the other is made.

    Raises:
        LdlError: a worker was killed; what was finished is kept.
    """
    outcome = Outcome()
    todo = {id: run for id, run in runs.items() if not _there(run, runs, store)}
    outcome.kept = [id for id in runs if id not in todo]
    if not todo:
        return outcome
    show = _Shown(todo, runs, store, workers, tables or {}, progress)
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(workers, mp_context=context, initializer=_worker) as pool:
            try:
                _drain(todo, outcome, pool, device, show, say, workers)
            except KeyboardInterrupt:
                pool.shutdown(wait=False, cancel_futures=True)
                for child in multiprocessing.active_children():
                    child.terminate()
                raise LdlError(
                    "interrupted; what is finished is kept, run again to go on"
                ) from None
    except BrokenProcessPool:
        raise LdlError(
            "a worker process was killed (out of memory?); finished runs are kept, run again"
        ) from None
    finally:
        show.bar.close()
    return outcome


class _Shown:
    """The bar: the table that is being made, the share of the work, the time left."""

    def __init__(
        self,
        todo: dict[str, Run],
        runs: dict[str, Run],
        store: RunStore,
        workers: int,
        tables: Mapping[str, Set[str]],
        progress: bool,
    ) -> None:
        self.left = TimeLeft(todo, workers)
        for id, run in runs.items():
            if id not in todo and (record := read_record(store.folder(run) / "record.json")):
                self.left.known(run, record["wall_seconds"])
        self.members = tables
        self.open = {name: set(ids) & set(todo) for name, ids in tables.items()}
        self.open = {name: ids for name, ids in self.open.items() if ids}
        self.order = by_table(todo, tables)
        self.made, self.count = 0, len(todo)
        form = "{desc} |{bar}| {percentage:.0f} %{postfix}"
        self.bar = tqdm(total=100.0, bar_format=form, disable=not progress)
        self._show()

    def ended(self, id: str, seconds: float | None) -> list[str]:
        """A run ended; the tables that are complete with it."""
        self.left.ended(id, seconds)
        self.made += 1
        complete = [name for name, ids in self.open.items() if ids == {id}]
        self.open = {n: ids - {id} for n, ids in self.open.items() if n not in complete}
        self._show()
        return complete

    def _show(self) -> None:
        self.bar.set_description_str(next(iter(self.open), "runs"), refresh=False)
        self.bar.set_postfix_str(f"{self.made} of {self.count} runs, {self.left.words()}", False)
        self.bar.update(100 * self.left.done - self.bar.n)
        self.bar.refresh()


def _there(run: Run, runs: dict[str, Run], store: RunStore) -> bool:
    """Fresh, and with weights where a run that is still to be made needs them."""
    if store.status(run) != "fresh":
        return False
    if store.weights(run).exists():
        return True
    wanting = [other for other in runs.values() if run in other.needs()]
    return all(_there(other, runs, store) for other in wanting)


def _drain(
    todo: dict[str, Run],
    outcome: Outcome,
    pool: ProcessPoolExecutor,
    device: str,
    show: _Shown,
    say: Callable[[str], None],
    workers: int,
) -> None:
    waiting = {id: todo[id] for id in show.order}
    running = dict[Future[float], str]()
    while waiting or running:
        for id, run in list(waiting.items()):
            before = [one.run_id() for one in run.needs()]
            lost = [one for one in before if one in outcome.failed]
            if lost:
                outcome.failed[id] = f"needs {lost[0]}, which failed"
                del waiting[id]
                show.ended(id, None)
            elif all(one not in todo or one in outcome.made for one in before):
                running[pool.submit(_work, run, device)] = id
                del waiting[id]
            # One more than there are processes, so that none waits for its next run.
            if len(running) > workers:
                break
        if not running:
            continue
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            id = running.pop(future)
            seconds = _collect(future, id, outcome, say)
            for table in show.ended(id, seconds):
                broken = outcome.failed.keys() & show.members[table]
                say(f"{table}: {'complete' if not broken else f'{len(broken)} runs failed'}")


def _collect(
    future: Future[float], id: str, outcome: Outcome, say: Callable[[str], None]
) -> float | None:
    """The seconds of a run; None of one that failed."""
    error = future.exception()
    if isinstance(error, BrokenProcessPool):
        raise error
    if error is None:
        outcome.made.append(id)
        return future.result()
    text = str(error) if isinstance(error, LdlError) else f"{type(error).__name__}: {error}"
    outcome.failed[id] = text.splitlines()[0] if text else type(error).__name__
    say(f"{id}: {outcome.failed[id]}")
    return None

"""Run many runs in worker processes; whatever ends them, the next call goes on."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Mapping, Set
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

from tqdm.auto import tqdm

from ldl.engine.store import RunStore
from ldl.errors import LdlError
from ldl.forks import forks
from ldl.runs.base import Run


@dataclass
class Outcome:
    """Ids of the runs that were made, that were there already, and one line for each failure."""

    made: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


IMPORTED = ["ldl.engine.execute", "lightning_fabric", "torch._dynamo"]  # by every training


def _worker(environment: dict[str, str]) -> None:
    """The parent alone answers an interrupt; it ends the workers, whose checkpoints are on disk."""
    os.environ.clear()
    os.environ.update(environment)
    tqdm.set_lock(threading.RLock())  # the usual one, a semaphore, would outlive a killed worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    quiet_cpu()


def quiet_cpu() -> None:
    """One thread a process (several processes fill the cores better, and equal thread counts give
    equal numbers), and no denormals, which are slow."""
    import torch

    if not torch.cuda.is_available():
        torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def _work(run: Run, device: str) -> None:
    # Imported here: the parent only schedules and does without the 300 MB of torch.
    from ldl.engine.execute import ensure

    ensure(run, RunStore(), device=device, weights=True)


def run_all(
    runs: dict[str, Run],
    store: RunStore,
    *,
    workers: int = 2,
    device: str = "auto",
    progress: bool = True,
    say: Callable[[str], None] = print,
    tables: Mapping[str, Set[str]] | None = None,
    then: Callable[[], None] | None = None,
) -> Outcome:
    """Make every run of ``runs`` that is not fresh, each after the one it needs.

    Args:
        runs: by id, as :func:`ldl.engine.jobs.ordered` gives them.
        store: tells which are fresh.
        progress: show a bar with the time left.
        say: receives one line for each failure, and one for each table that is complete.
        tables: the runs of each table, by id: one table after the other is made.
        then: called whenever a table is complete and another is not.
    """
    outcome = Outcome()
    todo = {id: run for id, run in runs.items() if not _there(run, runs, store)}
    outcome.kept = [id for id in runs if id not in todo]
    if not todo:
        return outcome
    show = _Shown(todo, tables or {}, progress)
    try:
        with ProcessPoolExecutor(workers, forks(IMPORTED), _worker, (dict(os.environ),)) as pool:
            try:
                _drain(todo, outcome, pool, device, show, say, workers, then)
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


# Seconds on one core of 2.5 GHz: of a run beside its updates, of one that only looks, of an update
# beside its maps, and of an image's pixel and channel of the first stage, forward and backward.
_A_RUN, _A_LOOK, _AN_UPDATE, _A_VALUE = 0.3, 3.0, 0.006, 1.8e-7


def expected_seconds(run: Run) -> float:
    """What ``run`` takes, needed runs left out, right within a factor of a few."""
    parts = run.work()
    # Narrow layers are bound by memory, wide ones by arithmetic.
    steps = (
        one.updates
        * (_AN_UPDATE + _A_VALUE * one.images * one.side**2 * one.width * max(1, one.width / 16))
        for one in parts
    )
    return sum(steps, _A_RUN if parts else _A_LOOK)


class _Shown:
    """The bar: the table that is being made, the share of the expected seconds, the time left."""

    def __init__(
        self, todo: dict[str, Run], tables: Mapping[str, Set[str]], progress: bool
    ) -> None:
        self.expected = {id: expected_seconds(run) for id, run in todo.items()}
        self.members = tables
        self.open = {name: left for name, ids in tables.items() if (left := set(ids) & set(todo))}
        place = {id: k for k, ids in reversed(list(enumerate(tables.values()))) for id in ids}
        self.order = sorted(todo, key=lambda id: place.get(id, len(tables)))
        form = f"{{desc}} |{{bar}}| {{percentage:.0f}} % of {len(todo)} runs, {{remaining}} left"
        total = sum(self.expected.values())
        self.bar = tqdm(total=total, bar_format=form, smoothing=0, disable=not progress)
        self._show()

    def ended(self, id: str) -> list[str]:
        """A run ended; the tables that are complete with it."""
        complete = [name for name, ids in self.open.items() if ids == {id}]
        self.open = {n: ids - {id} for n, ids in self.open.items() if n not in complete}
        self.bar.update(self.expected[id])
        self._show()
        return complete

    def _show(self) -> None:
        self.bar.set_description_str(next(iter(self.open), "runs"))


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
    then: Callable[[], None] | None = None,
) -> None:
    waiting = {id: todo[id] for id in show.order}
    running = dict[Future[None], str]()
    while waiting or running:
        for id, run in list(waiting.items()):
            before = [one.run_id() for one in run.needs()]
            lost = [one for one in before if one in outcome.failed]
            if lost:
                outcome.failed[id] = f"needs {lost[0]}, which failed"
                del waiting[id]
                show.ended(id)
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
            _collect(future, id, outcome, say)
            for table in show.ended(id):
                broken = outcome.failed.keys() & show.members[table]
                say(f"{table}: {'complete' if not broken else f'{len(broken)} runs failed'}")
                if then and show.open:
                    then()


def _collect(future: Future[None], id: str, outcome: Outcome, say: Callable[[str], None]) -> None:
    error = future.exception()
    if isinstance(error, BrokenProcessPool):
        raise error
    if error is None:
        outcome.made.append(id)
        return
    text = str(error) if isinstance(error, LdlError) else f"{type(error).__name__}: {error}"
    outcome.failed[id] = text.splitlines()[0] if text else type(error).__name__
    say(f"{id}: {outcome.failed[id]}")

"""Run many runs in worker processes; whatever ends them, the next call goes on."""

import multiprocessing
import signal
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

from tqdm.auto import tqdm

from ldl.engine.store import RunStore
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


def _work(run: Run, device: str, progress: bool) -> None:
    # Imported here: the parent only schedules and does without the 300 MB of torch.
    from ldl.engine.execute import ensure

    ensure(run, RunStore(), device=device, progress=progress, weights=True)


def run_all(
    runs: dict[str, Run],
    store: RunStore,
    *,
    workers: int = 2,
    device: str = "auto",
    progress: bool = True,
    say: Callable[[str], None] = print,
) -> Outcome:
    """Make every run of ``runs`` that is not fresh, each after the one it needs.

    Args:
        runs: by id, as :func:`ldl.engine.jobs.ordered` gives them.
        store: tells which are fresh.
        workers: processes.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        progress: show a bar with the time left.
        say: receives one line for each failure.

    Raises:
        LdlError: a worker was killed; what was finished is kept.
    """
    outcome = Outcome()
    todo = {id: run for id, run in runs.items() if not _there(run, runs, store)}
    outcome.kept = [id for id in runs if id not in todo]
    if not todo:
        return outcome
    bar = tqdm(total=len(todo), desc="runs", unit="run", disable=not progress)
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(workers, mp_context=context, initializer=_worker) as pool:
            try:
                _drain(todo, outcome, pool, device, bar, say)
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
        bar.close()
    return outcome


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
    bar: "tqdm[None]",
    say: Callable[[str], None],
) -> None:
    waiting, running = dict(todo), dict[Future[None], str]()
    while waiting or running:
        for id, run in list(waiting.items()):
            before = [one.run_id() for one in run.needs()]
            lost = [one for one in before if one in outcome.failed]
            if lost:
                outcome.failed[id] = f"needs {lost[0]}, which failed"
                del waiting[id]
                bar.update()
            elif all(one not in todo or one in outcome.made for one in before):
                running[pool.submit(_work, run, device, False)] = id
                del waiting[id]
        if not running:
            continue
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            _collect(future, running.pop(future), outcome, say)
            bar.update()


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

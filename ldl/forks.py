"""Processes forked from one that has imported what they need, which takes seconds."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from multiprocessing import forkserver, util
from multiprocessing.context import BaseContext

if "forkserver" in multiprocessing.get_all_start_methods():
    # The process that forks is waited for at the end: it leaves nothing behind, its time counts.
    util.Finalize(None, forkserver._forkserver._stop, exitpriority=0)  # type: ignore[attr-defined]
    # A fork of this process is not its parent and starts one of its own.
    os.register_at_fork(after_in_child=lambda: forkserver._forkserver.__init__())  # type: ignore


def forks(imported: Sequence[str]) -> BaseContext:
    """The context of such processes, whose environment is that of the first; fresh ones on Windows.

    Args:
        imported: modules. The first call of a process decides.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(imported))
    runs = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    if runs is None and threading.current_thread() is threading.main_thread():
        # An interrupt while it imports is not its own to tell, and shall find no work waiting.
        answer = signal.signal(signal.SIGINT, signal.SIG_IGN)
        forkserver.ensure_running()
        signal.signal(signal.SIGINT, answer)
        ready = context.Process(target=int)
        ready.start()
        ready.join()
    return context

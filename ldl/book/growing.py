"""The book while its runs are made: what is there is built now and then, beside the runs."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ldl import paths
from ldl.engine.profiles import profile_named
from ldl.engine.store import RunStore
from ldl.tables import PAGES, by_table, runs_of

PAUSE = 300.0  # seconds between two beginnings: a build takes some twenty of the processor


class Growing:
    """Starts ``command`` whenever it is called, one at a time and not too often.

    Args:
        say: receives the last line of what the command says.
    """

    def __init__(self, command: Sequence[str], say: Callable[[str], None]) -> None:
        self.command, self.say = list(command), say
        self.thread, self.began = threading.Thread(), float("-inf")

    def __call__(self) -> None:
        if not self.thread.is_alive() and time.monotonic() - self.began >= PAUSE:
            self.began = time.monotonic()
            self.thread = threading.Thread(target=self._run, daemon=True)
            self.thread.start()

    def _run(self) -> None:
        ran = subprocess.run(self.command, capture_output=True, text=True, check=False)
        lines = (ran.stdout if ran.returncode == 0 else ran.stderr).strip().splitlines()
        self.say(lines[-1] if lines else f"{self.command[0]}: ended with {ran.returncode}")

    def finish(self) -> None:
        """Wait for the build that runs, if one does."""
        if self.thread.is_alive():
            self.thread.join()


def so_far(profile: str) -> list[str]:
    """The command that builds the book with what is there."""
    build = [sys.executable, "-m", "ldl", "book", "build", "--so-far"]
    return [*build, "--profile", profile, "--jobs", "1"]


def complete(profile: str) -> dict[str, bool]:
    """Of each table that has runs under ``profile``, whether all of them are made."""
    given, store = profile_named(profile), RunStore()
    fresh = {id for id, run in runs_of("all", given).items() if store.status(run) == "fresh"}
    return {name: ids <= fresh for name, ids in by_table("all", given).items() if ids}


def ready(names: Sequence[str], profile: str) -> list[str]:
    """The front page, and those of ``names`` whose tables are all complete."""
    of = dict[str, list[bool]]()
    for table, made in complete(profile).items():
        of.setdefault(PAGES[table][1], []).append(made)
    return [*names[:1], *(page for page in names[1:] if page in of and all(of[page]))]


def stand_in(names: Sequence[str], folder: Path) -> list[str]:
    """Put a page that says so in the place of each of ``names`` that is not executed; their titles.

    One whose page has come goes.
    """
    titles = []
    for name in names:
        instead = folder / f"{name}.md"
        if (folder / f"{name}.ipynb").is_file():
            instead.unlink(missing_ok=True)
            continue
        lines = (paths.notebooks_dir() / f"{name}.py").read_text(encoding="utf-8").splitlines()
        titles.append(next(line[4:] for line in lines if line.startswith("# # ")))
        with paths.told(folder):
            folder.mkdir(parents=True, exist_ok=True)
            instead.write_text(f"# {titles[-1]}\n\nThis page is still being made.\n")
    return titles

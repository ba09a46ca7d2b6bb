"""The book: its pages, which of them are stale and why, their execution, and the HTML."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import yaml

from ldl.book.execute import Outcome, execute
from ldl.book.kernels import IMPORTED
from ldl.book.parameters import declared, notebook_path, set_environment
from ldl.engine.store import RunStore, write_json
from ldl.errors import LdlError
from ldl.forks import forks
from ldl.paths import data_dir, manifests_dir, notebooks_dir, repo_root, results_dir

LINES = 30  # of the builder's complaints that are shown


def build_html(root: Path, output: Path, whole: bool = True) -> Path:
    """Build the book whose ``_config.yml`` and ``_toc.yml`` lie in ``root`` below ``output``.

    Args:
        whole: a warning is an error; else pages are missing, and what points to them.

    Returns:
        the absolute path of ``index.html``.
    """
    command = [_builder(), "build", str(root), "--path-output", str(output), "--quiet"]
    command += ["--warningiserror", "--nitpick", "--keep-going"] if whole else []
    ran = subprocess.run(command, capture_output=True, text=True, env=_environment(), check=False)
    if ran.returncode or not whole:
        # The builder remembers the pages it has read and would not warn about them again.
        shutil.rmtree(output / "_build" / ".doctrees", ignore_errors=True)
    if ran.returncode:
        raise LdlError(f"the book does not build without warnings:\n{_complaints(ran, root)}")
    return (output / "_build" / "html" / "index.html").resolve()


def _builder() -> str:
    """The jupyter-book of this environment, whether or not it is activated."""
    beside = Path(sys.executable).parent / "jupyter-book"
    return str(beside) if beside.is_file() else "jupyter-book"


def _environment() -> dict[str, str]:
    """Without colours, which would stand in the messages as escape codes."""
    return os.environ | {"NO_COLOR": "1", "PYTHONWARNINGS": "ignore::DeprecationWarning"}


def _complaints(ran: subprocess.CompletedProcess[str], root: Path) -> str:
    """The builder's warnings and errors, or the end of what it said."""
    lines = (ran.stdout + ran.stderr).replace(f"{root}/", "").splitlines()
    telling = [line for line in lines if "WARNING" in line or "ERROR" in line]
    return "\n".join((telling or lines)[-LINES:])


EXECUTED = "book/executed"  # where _toc.yml looks for executed notebooks


def _files(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (node[key] for key in ("root", "file") if key in node)
        for key in ("parts", "chapters", "sections"):
            yield from _files(node.get(key, []))
    elif isinstance(node, list):
        for child in node:
            yield from _files(child)


def pages(toc: Path | None = None) -> list[str]:
    """The pages named in ``_toc.yml``, the front page first."""
    text = (toc or repo_root() / "_toc.yml").read_text(encoding="utf-8")
    return list(_files(yaml.safe_load(text)))


def notebooks(toc: Path | None = None) -> list[str]:
    """Names of the notebooks among the pages, in reading order."""
    names = [Path(p).name for p in pages(toc) if Path(p).parent.as_posix() == EXECUTED]
    for name in names:
        if not (notebooks_dir() / f"{name}.py").is_file():
            raise LdlError(f"_toc.yml names {EXECUTED}/{name}, but there is no notebooks/{name}.py")
    return names


Parts = dict[str, str]


def _digest(chunks: Iterable[bytes]) -> str:
    total = hashlib.sha256()
    for chunk in chunks:
        total.update(len(chunk).to_bytes(8, "little") + chunk)
    return total.hexdigest()[:16]


def digest_of(values: Any) -> str:
    return _digest([json.dumps(values, sort_keys=True).encode()])


def contents(files: Iterable[Path], root: Path) -> str:
    """Digest of the names and bytes of ``files``."""
    chosen = sorted(set(files))
    return _digest(
        chunk
        for file in chosen
        for chunk in (file.relative_to(root).as_posix().encode(), file.read_bytes())
    )


def code() -> str:
    """Digest of the package (without its command line) and the data manifests."""
    root = repo_root()
    package = root / "ldl"
    kinds = ("*.py", "*.csv", "*.yaml", "*.js", "*.css")
    files = [file for kind in kinds for file in package.rglob(kind)]
    files += manifests_dir().glob("*.yaml")
    return contents((f for f in files if package / "cli" not in f.parents), root)


def environment() -> str:
    """Digest of the lock, the interpreter and where data are looked for."""
    lock = (repo_root() / "requirements.lock").read_bytes()
    here = [platform.python_version(), platform.machine(), str(data_dir()), data_dir().is_dir()]
    return _digest([lock, digest_of(here).encode()])


def records(page: Path) -> str:
    """Digest of paths, sizes and times of the records that an executed page asked for.

    Of all records where that is not known. Measurements count always; no file is read.
    """
    store, asked = RunStore(), page.with_suffix(".asked")
    names = sorted({*asked.read_text().split()}) if asked.is_file() else []
    known = [place for name in names for place in store.places(name)]
    files = known if asked.is_file() else store.listing()
    rows = []
    for file in (*files, *sorted(results_dir().glob("*.json"))):
        if file.exists():
            stat = file.stat()
            rows.append(f"{file} {stat.st_size} {stat.st_mtime_ns}".encode())
    return _digest(rows)


def shared_parts() -> Parts:
    """The parts that are the same for every notebook."""
    return {
        "package": code(),
        "environment": environment(),
    }


def notebook_parts(source: Path, parameters: Mapping[str, Any]) -> Parts:
    return {"source": contents([source], source.parent), "parameters": digest_of(dict(parameters))}


@dataclass(frozen=True)
class Entry:
    """One executed notebook: the parts it was made from, seconds it took, time it ended (UTC)."""

    parts: Parts = field(default_factory=dict)
    seconds: float = 0.0
    finished: str = ""


class Ledger:
    """Entries by notebook name, kept as JSON beside the executed notebooks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "ledger.json"
        self.entries = self._read()

    def _read(self) -> dict[str, Entry]:
        try:
            rows = json.loads(self.path.read_text(encoding="utf-8"))
            return {name: Entry(**row) for name, row in rows.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}  # no ledger, or one that cannot be read: everything is executed again

    def write(self, name: str, entry: Entry) -> None:
        """Add or replace one entry; the file on disk is whole at any moment."""
        self.entries[name] = entry
        rows = {key: asdict(value) for key, value in self.entries.items()}
        write_json(self.path, rows)

    def reason(self, name: str, parts: Mapping[str, str]) -> str:
        """Why ``name`` must be executed: the parts that changed; empty when it is fresh."""
        if not (self.folder / f"{name}.ipynb").is_file():
            return "not executed yet"
        entry = self.entries.get(name)
        if entry is None:
            return "not in the ledger"
        changed = [key for key in parts if entry.parts.get(key) != parts[key]]
        return f"changed: {', '.join(changed)}" if changed else ""


REPORTS = ("summary", "reproduce")  # pages made from the other pages and from all records
ROUNDS = 3  # notebooks that make new records at every execution would go on for ever

Say = Callable[[str], None]


@dataclass(frozen=True)
class Job:
    """One notebook to execute, and why."""

    name: str
    source: Path
    parameters: dict[str, Any]
    parts: Parts = field(default_factory=dict)
    reason: str = ""


def job(name: str, profile: str) -> Job:
    """The notebook ``name`` under ``profile``, which it is given if it declares that parameter."""
    source = notebook_path(name)
    given = {"profile": profile} if "profile" in declared(source) else {}
    return Job(name, source, given)


def parts_of(one: Job, shared: Parts, ledger: Ledger) -> Parts:
    """All that the executed notebook depends on; a report depends on the other pages too."""
    parts = {**shared, **notebook_parts(one.source, one.parameters)}
    parts["records"] = records(ledger.folder / f"{one.name}.ipynb")
    if one.name in REPORTS:
        others = {n: e.finished for n, e in ledger.entries.items() if n not in REPORTS}
        parts["pages"] = digest_of(others)
    return parts


def stale(jobs: Sequence[Job], ledger: Ledger) -> list[Job]:
    """The jobs that must be executed, each with its reason."""
    shared = shared_parts()
    planned = [replace(one, parts=parts_of(one, shared, ledger)) for one in jobs]
    explained = [replace(one, reason=ledger.reason(one.name, one.parts)) for one in planned]
    return [one for one in explained if one.reason]


def _outcomes(todo: Sequence[Job], folder: Path, workers: int) -> Iterator[Outcome]:
    """Execute ``todo``, ``workers`` at a time, and yield each as it ends."""
    # One thread each: equal counts make equal numbers, and beside runs two wait for each other.
    set_environment(threads=1)
    calls = [(one.source, folder / f"{one.name}.ipynb", one.parameters) for one in todo]
    # Threads: the work is the kernels', which are forks of one process.
    forks(IMPORTED)
    with ThreadPoolExecutor(workers) as pool:
        try:
            for future in as_completed([pool.submit(execute, *call) for call in calls]):
                yield future.result()
        except BaseException:  # an interrupt: a thread ends when its kernel does
            pool.shutdown(wait=False, cancel_futures=True)
            for kernel in active_children():
                kernel.kill()
            raise


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
    for outcome in done:
        if not outcome.failure:
            entry = ledger.entries[outcome.name]
            counted = {"records": records(ledger.folder / f"{outcome.name}.ipynb")}
            ledger.write(outcome.name, replace(entry, parts=entry.parts | counted))
    return done


def _entry(outcome: Outcome, parts: dict[str, Parts]) -> Entry:
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

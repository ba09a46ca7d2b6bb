"""The run store: one JSON record a run, committed ones beside those made on this machine."""

import json
import os
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

from ldl import paths
from ldl.errors import LdlError
from ldl.metrics import far_enough
from ldl.runs.base import Run

Record = dict[str, Any]
Status = Literal["fresh", "stale", "missing"]
SCHEMA = 1


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` to ``path`` at once: no reader ever sees half of it."""
    partial = path.with_suffix(f".partial-{os.getpid()}")
    with paths.told(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")
        partial.replace(path)


class RunStore:
    """Records of this machine (with weights) in the cache, and committed ones (without).

    Args:
        work: where runs are made; default ``cache/runs``.
        committed: records worth keeping; default ``results/``.
    """

    def __init__(self, work: Path | None = None, committed: Path | None = None) -> None:
        self.work = work or paths.cache_dir() / "runs"
        self.committed = committed or paths.results_dir()

    def folder(self, run: Run) -> Path:
        """Where ``run`` keeps its record, checkpoints and weights on this machine."""
        return self._places(run)[0].parent

    def weights(self, run: Run) -> Path:
        """The finished network's weights; they exist on the machine that made them."""
        return self.folder(run) / "weights.safetensors"

    def record(self, run: Run) -> Record | None:
        """The record of ``run``: a fresh one if there is one, else a stale one, else None."""
        found = [record for path in self._places(run) if (record := read_record(path))]
        fresh = [record for record in found if is_fresh(record, run)]
        return next(iter(fresh or found), None)

    def status(self, run: Run) -> Status:
        """Whether the record is there and made by the present code."""
        record = self.record(run)
        if record is None:
            return "missing"
        return "fresh" if is_fresh(record, run) else "stale"

    def save(self, run: Run, record: Record) -> None:
        write_json(self.folder(run) / "record.json", record)

    def publish(self, run: Run) -> Path:
        """Copy this machine's record of ``run`` to the committed ones; returns its path."""
        made, path = self._places(run)
        record = read_record(made)
        if record is None:
            raise LdlError(f"{run.run_id()}: no record on this machine; run it first")
        write_json(path, record)
        return path

    def listing(self) -> Iterator[Path]:
        """Every record file, for digests and listings."""
        yield from sorted(self.work.glob("*/record.json"))
        yield from sorted(self.committed.glob("*/*.json"))

    def places(self, asked: str) -> list[Path]:
        """Where the record of ``SOURCE/ID`` may lie, as `ASKED` names it."""
        return [self.work / Path(asked).name / "record.json", self.committed / f"{asked}.json"]

    def _places(self, run: Run) -> list[Path]:
        asked = f"{run.data.source}/{run.run_id()}"
        _note(asked)
        return self.places(asked)


ASKED = "LDL_ASKED"  # the variable that names a file, which gets the runs that a process asks for


@cache
def _note(asked: str) -> None:
    if ASKED in os.environ:
        with open(os.environ[ASKED], "a", encoding="utf-8") as stream:
            stream.write(f"{asked}\n")


def read_record(path: Path) -> Record | None:
    """A record, or None if the file is not there; read again when the file is another."""
    try:
        now = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return dict(_read(path, now.st_ino, now.st_mtime_ns, now.st_size))


@lru_cache(maxsize=4096)
def _read(path: Path, *_: int) -> Record:
    try:
        record: Record = json.loads(path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise LdlError(f"{path}: damaged record ({error}); delete it and run again") from None
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise LdlError(f"{path}: not a record of schema {SCHEMA}; delete it and run again")
    if "late_gain" in record:
        # The rule of today, also for what was made under another.
        record["trained"] = far_enough(record)
    return record


def is_fresh(record: Record, run: Run) -> bool:
    """Whether the present code, and the phantoms it draws, would make the record again."""
    return bool(record.get("version") == run.stamp())

"""What an executed notebook depends on, in parts, and the ledger of those executed: a rebuild can
say why it executes."""

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ldl.engine.store import RunStore, write_json
from ldl.paths import data_dir, manifests_dir, repo_root, results_dir

Parts = dict[str, str]


def _digest(chunks: Iterable[bytes]) -> str:
    total = hashlib.sha256()
    for chunk in chunks:
        total.update(len(chunk).to_bytes(8, "little") + chunk)
    return total.hexdigest()[:16]


def digest_of(values: Any) -> str:
    """Digest of a JSON value."""
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
    kinds = ("*.py", "*.csv", "*.js", "*.css")
    files = [file for kind in kinds for file in package.rglob(kind)]
    files += manifests_dir().glob("*.yaml")
    return contents((f for f in files if package / "cli" not in f.parents), root)


def environment() -> str:
    """Digest of the lock, the interpreter and where data are looked for."""
    lock = (repo_root() / "requirements.lock").read_bytes()
    here = [platform.python_version(), platform.machine(), str(data_dir()), data_dir().is_dir()]
    return _digest([lock, digest_of(here).encode()])


def records() -> str:
    """Digest of paths, sizes and times of all records and measurements; none of them is read."""
    rows = []
    for file in (*RunStore().listing(), *sorted(results_dir().glob("*.json"))):
        stat = file.stat()
        rows.append(f"{file} {stat.st_size} {stat.st_mtime_ns}".encode())
    return _digest(rows)


def shared_parts() -> Parts:
    """The parts that are the same for every notebook."""
    return {
        "package": code(),
        "environment": environment(),
        "records": records(),
    }


def notebook_parts(source: Path, parameters: Mapping[str, Any]) -> Parts:
    """The parts of one notebook."""
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

"""The ledger of executed notebooks: from which parts each was made, and how long it took."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ldl.book.fingerprint import Parts
from ldl.engine.store import write_json


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

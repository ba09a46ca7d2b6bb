"""A hash of the CT phantoms' own code: records made with other phantoms are stale."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from ldl.data.phantoms.fingerprint import normalised


@functools.cache
def fingerprint() -> str:
    """sha256 (hex) over all modules of this package; comments and docstrings do not count."""
    digest = hashlib.sha256()
    home = Path(__file__).parent
    for path in sorted(home.rglob("*.py")):
        name = path.relative_to(home).as_posix()
        digest.update(f"{name}\n{normalised(path.read_text(encoding='utf-8'))}\n".encode())
    return digest.hexdigest()

"""A hash of the phantoms' own code: records made with other phantoms are stale."""

from __future__ import annotations

import ast
import functools
import hashlib
from pathlib import Path


@functools.cache
def fingerprint() -> str:
    """sha256 (hex) over all modules of this package; comments and docstrings do not count."""
    digest = hashlib.sha256()
    home = Path(__file__).parent
    for path in sorted(home.rglob("*.py")):
        name = path.relative_to(home).as_posix()
        digest.update(f"{name}\n{normalised(path.read_text(encoding='utf-8'))}\n".encode())
    return digest.hexdigest()


def normalised(source: str) -> str:
    """The syntax tree of a module as text, without docstrings and positions."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return ast.dump(tree)

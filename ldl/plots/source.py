"""A function of the project, shown in the page as it runs."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from IPython.display import Markdown

from ldl.paths import repo_root


def source_text(thing: Callable[..., Any] | type, *, docstring: bool = False) -> str:
    """Source of a function or class; without its docstrings unless they are asked for."""
    text = textwrap.dedent(inspect.getsource(thing))
    if docstring:
        return text.rstrip()
    lines = text.splitlines()
    drop: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or ast.get_docstring(node) is None:
            continue
        first = node.body[0]
        # A body that is nothing but its docstring keeps it: Python would not parse without.
        if len(node.body) > 1:
            last = first.end_lineno or first.lineno
            drop.update(range(first.lineno, last + 1))
            if not lines[last].strip():
                drop.add(last + 1)
    kept = [line for number, line in enumerate(lines, 1) if number not in drop]
    return "\n".join(kept).rstrip()


def source(*things: Callable[..., Any] | type, docstring: bool = False) -> Markdown:
    """The functions' code as highlighted text, under the name of their file."""
    parts = []
    for thing in things:
        place = Path(inspect.getfile(thing)).resolve()
        root = repo_root()
        name = place.relative_to(root) if place.is_relative_to(root) else Path(place.name)
        parts.append(f"```python\n# {name}\n{source_text(thing, docstring=docstring)}\n```")
    return Markdown("\n\n".join(parts))

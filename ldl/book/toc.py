"""The table of contents: which pages the book has, and which of them are notebooks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ldl.errors import LdlError
from ldl.paths import notebooks_dir, repo_root

EXECUTED = "book/executed"  # where _toc.yml looks for executed notebooks


def _files(node: Any) -> Iterator[str]:
    """Every page below ``node``, in reading order."""
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
    """Names of the notebooks among the pages, in reading order.

    Raises:
        LdlError: a page of ``book/executed`` has no source in ``notebooks/``.
    """
    names = [Path(p).name for p in pages(toc) if Path(p).parent.as_posix() == EXECUTED]
    for name in names:
        if not (notebooks_dir() / f"{name}.py").is_file():
            raise LdlError(f"_toc.yml names {EXECUTED}/{name}, but there is no notebooks/{name}.py")
    return names

"""The book's pages, and their HTML: jupyter-book over executed notebooks, warnings are errors."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ldl.errors import LdlError
from ldl.paths import notebooks_dir, repo_root

LINES = 30  # of the builder's complaints that are shown


def build_html(root: Path, output: Path) -> Path:
    """Build the book whose ``_config.yml`` and ``_toc.yml`` lie in ``root`` below ``output``.

    Returns the absolute path of ``index.html``.

    Raises:
        LdlError: the builder warned or failed; the message holds its complaints.
    """
    command = [_builder(), "build", str(root), "--path-output", str(output)]
    command += ["--warningiserror", "--nitpick", "--keep-going", "--quiet"]
    ran = subprocess.run(command, capture_output=True, text=True, env=_environment(), check=False)
    if ran.returncode:
        # The builder remembers the pages it has read and would not warn about them again.
        shutil.rmtree(output / "_build" / ".doctrees", ignore_errors=True)
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

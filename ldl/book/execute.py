"""One notebook, executed by papermill and written when it is complete."""

import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from ldl import paths
from ldl.book.kernels import ForkedKernels
from ldl.book.parameters import KERNEL, declared_in, read_notebook, require
from ldl.engine.store import ASKED
from ldl.errors import LdlError

LINES = 14  # of the failing cell, and of its traceback, so that a failure fits on one screen
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Outcome:
    """How an execution ended; ``failure`` is empty when it succeeded."""

    name: str
    seconds: float
    failure: str = ""


def _clip(text: str, *, end: bool) -> str:
    """The first, or the last, lines of ``text``, indented; says how many are left out."""
    lines = ANSI.sub("", text).rstrip().splitlines()
    left = len(lines) - LINES
    if left > 0:
        kept = lines[-LINES:] if end else lines[:LINES]
        note = f"... ({left} more lines)"
        lines = [note, *kept] if end else [*kept, note]
    return "\n".join(f"    {line}" for line in lines)


def describe(name: str, error: PapermillExecutionError) -> str:
    """The failing cell and its error on one screen."""
    return "\n".join(
        [
            f"notebook {name}: cell {error.cell_index + 1} failed: {error.ename}: {error.evalue}",
            "  the cell:",
            _clip(error.source, end=False),
            "  the error:",
            _clip("\n".join(error.traceback), end=True),
        ]
    )


def execute(source: Path, output: Path, parameters: Mapping[str, Any]) -> Outcome:
    """Execute ``source`` with ``parameters`` into ``output``, which is replaced only on success.

    ``NAME.asked`` beside it names the runs that the notebook asked the store for. A failed run
    leaves ``NAME.failed.ipynb``.
    """
    notebook = read_notebook(source)
    require(parameters, declared_in(notebook), source.stem)
    output.parent.mkdir(parents=True, exist_ok=True)
    failed = output.with_suffix(".failed.ipynb")
    partial = output.with_suffix(f".{os.getpid()}.partial.ipynb")
    asked = partial.with_suffix(".asked")
    asked.touch()
    start = time.monotonic()
    try:
        failure = _run(notebook, partial, parameters, source, asked)
        os.replace(partial, failed if failure else output)
        if not failure:
            os.replace(asked, output.with_suffix(".asked"))
    finally:
        asked.unlink(missing_ok=True)
        partial.unlink(missing_ok=True)
    if failure:
        return Outcome(source.stem, time.monotonic() - start, f"{failure}\n  all of it: {failed}")
    failed.unlink(missing_ok=True)
    return Outcome(source.stem, time.monotonic() - start)


def refuse_output(output: Path) -> None:
    """Look at an output that the user named before the work."""
    if output.is_dir():
        raise LdlError(f"{output}: a folder; name a file in it, such as {output / 'out.ipynb'}")
    if output.suffix != ".ipynb":
        raise LdlError(f"{output}: name a file that ends in .ipynb")
    if output.exists():
        try:
            ours = "papermill" in json.loads(output.read_text(encoding="utf-8"))["metadata"]
        except (OSError, ValueError, KeyError, TypeError):
            ours = False
        if not ours:
            raise LdlError(f"{output}: no executed notebook, so it is not replaced; name another")
    paths.writable(output.parent)


def _run(
    notebook: nbformat.NotebookNode,
    output: Path,
    parameters: Mapping[str, Any],
    source: Path,
    asked: Path,
) -> str:
    """Execute ``notebook`` into ``output``; the failure on one screen, or an empty string."""
    kernels = {"folder": source.parent, "told": {ASKED: str(asked.resolve())}}
    failure = ""
    try:
        papermill.execute_notebook(
            notebook,
            str(output),
            dict(parameters),
            kernel_name=KERNEL["name"],
            kernel_manager_class=type("Kernels", (ForkedKernels,), kernels),
            progress_bar=False,
            # No word about local sockets, nor the interrupt that ends an idle kernel: a cell's
            # own error comes back in the notebook.
            extra_arguments=["--log-level=CRITICAL"],
        )
    except PapermillExecutionError as error:
        failure = describe(source.stem, error)
    except DeadKernelError as error:
        failure = f"notebook {source.stem}: its kernel died (out of memory?): {error}"
    _forget_machine(output, source)
    return failure


def _forget_machine(output: Path, source: Path) -> None:
    """Pages are published: no folders of this machine, no second cell of parameters."""
    notebook = nbformat.read(output, as_version=4)
    names = {"input_path": f"notebooks/{source.name}", "output_path": f"{source.stem}.ipynb"}
    notebook.metadata.setdefault("papermill", {}).update(names)
    for cell in notebook.cells:
        # The page names its profile in words; the notebook keeps the cell.
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.metadata["tags"] = [*cell.metadata["tags"], "remove-cell"]
    nbformat.write(notebook, output)

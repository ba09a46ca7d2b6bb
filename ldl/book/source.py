"""The notebooks' sources: py:percent files, read as Jupyter notebooks."""

from pathlib import Path

import jupytext
import nbformat

from ldl.errors import LdlError
from ldl.paths import in_checkout, notebooks_dir

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def notebook_path(notebook: str | Path) -> Path:
    """The source of ``notebook``: a path to a .py file, or a name in ``notebooks/``.

    Raises:
        LdlError: no such notebook; the message lists those there are.
    """
    given = Path(notebook)
    for path in (given, notebooks_dir() / f"{given.stem}.py"):
        if path.suffix == ".py" and path.is_file():
            return path.resolve()
    if not in_checkout():
        raise LdlError(f"no notebook {notebook!s}; the notebooks come with a checkout alone")
    known = ", ".join(sorted(p.stem for p in notebooks_dir().glob("*.py")))
    raise LdlError(f"no notebook {notebook!s}; there are: {known}")


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """The py:percent file ``path`` as a notebook without outputs, for the Python kernel."""
    notebook = jupytext.read(path)
    notebook.metadata.setdefault("kernelspec", dict(KERNEL))
    notebook.metadata.setdefault("language_info", {"name": "python"})
    return notebook

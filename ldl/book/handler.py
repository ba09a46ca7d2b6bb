"""papermill reads only .ipynb; with this it reads ``notebooks/*.py`` too.

Registered as an entry point for local paths, so that
``papermill notebooks/table2_comparison.py out.ipynb -p profile smoke`` works, and so does an
absolute path. The kernel that papermill then starts has the book's environment.
"""

from pathlib import Path

import nbformat
from papermill.iorw import LocalHandler

from ldl.book.parameters import read_notebook, set_environment


class NotebookHandler(LocalHandler):
    """Local files, of which .py ones are py:percent notebooks."""

    def read(self, path: str) -> str:
        if path.endswith(".py"):
            set_environment()
            return str(nbformat.writes(read_notebook(Path(path))))
        return str(super().read(path))


handler = NotebookHandler()

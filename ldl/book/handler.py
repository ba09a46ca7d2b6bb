"""papermill reads only .ipynb; with this it reads ``notebooks/*.py`` too.

Registered as an entry point for paths that start with ``notebooks/``, so that, from the root,
``papermill notebooks/table2_comparison.py out.ipynb -p profile smoke`` works.
"""

from pathlib import Path

import nbformat
from papermill.iorw import LocalHandler

from ldl.book.source import read_notebook


class NotebookHandler(LocalHandler):
    """Local files, of which .py ones are py:percent notebooks."""

    def read(self, path: str) -> str:
        """The text of ``path`` as .ipynb JSON."""
        if path.endswith(".py"):
            return str(nbformat.writes(read_notebook(Path(path))))
        return str(super().read(path))


handler = NotebookHandler()

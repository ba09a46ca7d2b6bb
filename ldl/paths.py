"""The only place that knows folders."""

import os
from pathlib import Path


def repo_root() -> Path:
    """Folder of the checkout (the parent of the package)."""
    return Path(__file__).resolve().parent.parent


def _folder(variable: str, default: Path) -> Path:
    value = os.environ.get(variable)
    return Path(value).expanduser().resolve() if value else default


def data_dir() -> Path:
    """Original downloads: ``LDL_DATA``, else ``data/`` in the checkout."""
    return _folder("LDL_DATA", repo_root() / "data")


def cache_dir() -> Path:
    """Image banks, checkpoints and local records: ``LDL_CACHE``, else ``.cache/ldl``."""
    return _folder("LDL_CACHE", repo_root() / ".cache" / "ldl")


def results_dir() -> Path:
    """Committed records: ``LDL_RESULTS``, else ``results/`` in the checkout."""
    return _folder("LDL_RESULTS", repo_root() / "results")


def manifests_dir() -> Path:
    """The data manifests."""
    return repo_root() / "data_manifests"


def notebooks_dir() -> Path:
    """The py:percent notebooks."""
    return repo_root() / "notebooks"


def book_dir() -> Path:
    """Prose pages and assets of the book."""
    return repo_root() / "book"


def executed_dir() -> Path:
    """Executed notebooks and their ledger: ``LDL_EXECUTED``, else ``book/executed``."""
    return _folder("LDL_EXECUTED", book_dir() / "executed")

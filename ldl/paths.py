"""The only place that knows folders."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ldl.errors import DataError


def repo_root() -> Path:
    """Folder of the checkout (the parent of the package)."""
    return Path(__file__).resolve().parent.parent


def in_checkout() -> bool:
    """Whether the package lies in its checkout; installed without it there is no book to build."""
    return (repo_root() / "pyproject.toml").is_file()


def _folder(variable: str, default: Path) -> Path:
    value = os.environ.get(variable)
    return Path(value).expanduser().resolve() if value else default


def _users(kind: str, variable: str, name: str) -> Path:
    """The user's folder for this kind of file, where there is no checkout."""
    base = os.environ.get(variable)
    return (Path(base) if base else Path.home() / kind) / "ldl" / name


def data_dir() -> Path:
    """Original downloads: ``LDL_DATA``, else ``data/`` in the checkout, else the user's data."""
    own = _users(".local/share", "XDG_DATA_HOME", "data")
    return _folder("LDL_DATA", repo_root() / "data" if in_checkout() else own)


def cache_dir() -> Path:
    """Image banks, checkpoints and local records: ``LDL_CACHE``, else ``.cache/ldl``.

    It lies in the checkout, or without one in the user's cache folder.
    """
    own = _users(".cache", "XDG_CACHE_HOME", "")
    return _folder("LDL_CACHE", repo_root() / ".cache" / "ldl" if in_checkout() else own)


def results_dir() -> Path:
    """Committed records: ``LDL_RESULTS``, else ``results/`` in the checkout, else the user's."""
    own = _users(".local/share", "XDG_DATA_HOME", "results")
    return _folder("LDL_RESULTS", repo_root() / "results" if in_checkout() else own)


def manifests_dir() -> Path:
    """The data manifests; they are part of the package."""
    return Path(__file__).resolve().parent / "data_manifests"


def notebooks_dir() -> Path:
    return repo_root() / "notebooks"


def book_dir() -> Path:
    """Prose pages and assets of the book."""
    return repo_root() / "book"


def executed_dir() -> Path:
    """Executed notebooks and their ledger: ``LDL_EXECUTED``, else ``book/executed``."""
    return _folder("LDL_EXECUTED", book_dir() / "executed")


@contextmanager
def told(folder: Path, variable: str = "LDL_CACHE") -> Iterator[None]:
    """Turn what the system says about a folder of ours into one line that says what to do.

    Args:
        folder: what is written.
        variable: the environment variable that moves it; "": the caller named it.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = f"no space left, {free_bytes(folder):,} bytes are free"
        other = f"let {variable} name another folder" if variable else "name another folder"
        raise DataError(f"{folder}: cannot be written ({reason}); {other}") from error


def free_bytes(folder: Path) -> int:
    """Room on the disk on which ``folder`` lies or would lie."""
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    return shutil.disk_usage(there).free


def writable(folder: Path, variable: str = "") -> None:
    """Make ``folder`` and try to write in it, before work whose result belongs there."""
    with told(folder, variable):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass


def shown(text: object) -> str:
    """A file's name as it can be printed and written: what is no UTF-8 in it is escaped."""
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")

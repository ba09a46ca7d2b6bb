"""The environment in which notebooks run: nothing of the user's own settings reaches a page."""

import json
import os
import sys
from pathlib import Path

from ldl import paths
from ldl.book.source import KERNEL

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# What would run before a notebook, choose another backend or change how things are shown.
FOREIGN = ("PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONWARNINGS", "MPLBACKEND", "MATPLOTLIBRC",
           "IPYTHON_DIR", "JUPYTER_CONFIG_PATH", "JUPYTER_PREFER_ENV_PATH")  # fmt: skip
PRIVATE = {
    "IPYTHONDIR": "ipython",
    "JUPYTER_CONFIG_DIR": "jupyter/config",
    "JUPYTER_DATA_DIR": "jupyter",
    "JUPYTER_PATH": "jupyter",
    "MPLCONFIGDIR": "matplotlib",
}


def set_environment(threads: int | None = None) -> None:
    """Give kernels absolute folders, settings of their own and a number of threads.

    The folders are absolute because kernels start in ``notebooks/``; the kernel is this
    interpreter, whatever the user calls "python3"; IPython, Jupyter and matplotlib find settings in
    a private folder, which are their defaults.

    Raises:
        DataError: the private folder cannot be written.
    """
    folders = {
        "LDL_DATA": paths.data_dir(),
        "LDL_CACHE": paths.cache_dir(),
        "LDL_RESULTS": paths.results_dir(),
        "LDL_EXECUTED": paths.executed_dir(),
    }
    private = paths.cache_dir() / "book"
    _write_kernel(private / "jupyter" / "kernels" / KERNEL["name"])
    folders |= {name: private / place for name, place in PRIVATE.items()}
    for name in FOREIGN:
        os.environ.pop(name, None)
    os.environ.update({name: str(folder) for name, folder in folders.items()})
    if threads is not None:
        os.environ.update(dict.fromkeys(THREADS, str(threads)))


def _write_kernel(folder: Path) -> None:
    """The kernel spec of this interpreter."""
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    told = {"argv": command, "display_name": KERNEL["display_name"], "language": "python"}
    with paths.told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        work = folder / f".kernel-{os.getpid()}"
        work.write_text(json.dumps(told))
        work.replace(folder / "kernel.json")

"""What the status page shows: how long every page took, on which machine, with which versions."""

import os
import platform
from dataclasses import dataclass
from importlib import metadata

from ldl.book.ledger import Ledger
from ldl.book.source import notebook_path, read_notebook
from ldl.book.toc import notebooks
from ldl.paths import executed_dir

# The libraries that numbers and pages depend on most.
TELLING = (
    "ldl",
    "torch",
    "lightning-fabric",
    "numpy",
    "scipy",
    "scikit-image",
    "pillow",
    "matplotlib",
    "papermill",
    "jupyter-book",
)


@dataclass(frozen=True)
class PageStatus:
    """One page: its title, the seconds its execution took, and when that ended (UTC)."""

    name: str
    title: str
    seconds: float | None
    finished: str


def title(notebook: str) -> str:
    """The first heading of a notebook, else its name."""
    for cell in read_notebook(notebook_path(notebook)).cells:
        for line in cell.source.splitlines() if cell.cell_type == "markdown" else ():
            if line.startswith("# "):
                return line[2:].strip()
    return notebook


def pages() -> list[PageStatus]:
    """Every notebook of the book in reading order; one that is being executed now has no time."""
    entries = Ledger(executed_dir()).entries
    found = [(name, entries.get(name)) for name in notebooks()]
    return [
        PageStatus(name, title(name), e.seconds if e else None, e.finished if e else "")
        for name, e in found
    ]


def versions() -> dict[str, str]:
    """Python's version and those of the telling libraries."""
    return {"python": platform.python_version()} | {n: metadata.version(n) for n in TELLING}


def machine() -> dict[str, str]:
    """The device that runs here: its GPU if there is one, cores, system."""
    import torch

    cuda = torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name(0) if cuda else "CPU",
        "cores": str(os.cpu_count()),
        "threads": str(torch.get_num_threads()),
        "system": f"{platform.system()} {platform.machine()}",
    }

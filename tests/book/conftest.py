"""Tiny notebooks in a folder of their own, executed for real: a kernel takes a second."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ldl.book import build
from ldl.paths import repo_root

HEADER = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A tiny notebook

# %% tags=["parameters"]
profile: str = "demo"
seed: int = 0
rate: float = 0.5
limit: int | None = None

# %%
"""

Write = Callable[..., Path]
LIST = "```{bibliography}\n:filter: docname in docnames\n```\n"


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All folders of the project below a temporary one that is no checkout."""
    # Somebody may edit the package while the tests run.
    monkeypatch.setattr(build, "code", lambda: "the package")
    for variable in ("DATA", "CACHE", "RESULTS", "EXECUTED"):
        monkeypatch.setenv(f"LDL_{variable}", str(tmp_path / variable.lower()))
    return tmp_path


@pytest.fixture
def write(folders: Path) -> Write:
    """Write a notebook with the usual parameters and these cells."""

    def one(name: str, *cells: str, header: str = HEADER) -> Path:
        path = folders / f"{name}.py"
        path.write_text(header + "\n\n# %%\n".join(cells) + "\n")
        return path

    return one


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A two-page book with the project's configuration, in a path with a space."""
    root = tmp_path / "a book"
    shutil.copytree(repo_root() / "book" / "assets", root / "book" / "assets")
    for name in ("_config.yml", "book/references.bib"):
        shutil.copy(repo_root() / name, root / name)
    (root / "_toc.yml").write_text("format: jb-book\nroot: one\nchapters:\n- file: two\n")
    (root / "one.md").write_text("# One\n\n$$x = 1$$\n")
    (root / "two.md").write_text("# Two\n\n[first](one.md) {cite}`chen2021ldl`\n\n" + LIST)
    return root

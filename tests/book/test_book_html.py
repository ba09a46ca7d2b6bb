"""The HTML is built only when the builder has nothing to complain about."""

import shutil
from pathlib import Path

import pytest

from ldl.book.html import build_html
from ldl.errors import LdlError
from ldl.paths import repo_root


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A two-page book with the project's configuration, in a path with a space."""
    root = tmp_path / "a book"
    shutil.copytree(repo_root() / "book" / "assets", root / "book" / "assets")
    for name in ("_config.yml", "book/references.bib"):
        shutil.copy(repo_root() / name, root / name)
    (root / "_toc.yml").write_text("format: jb-book\nroot: one\nchapters:\n- file: two\n")
    (root / "one.md").write_text("# One\n\n$$x = 1$$\n")
    (root / "two.md").write_text("# Two\n\n[first](one.md)\n")
    return root


def test_a_clean_book_builds(book: Path) -> None:
    index = build_html(book, book)
    assert index.is_absolute()
    assert "ldl.css" in (index.parent / "one.html").read_text()


def test_a_warning_fails_every_time(book: Path) -> None:
    (book / "two.md").write_text("# Two\n\n[nowhere](nothing.md)\n")
    for _ in range(2):
        with pytest.raises(LdlError, match=r"two\.md.*nothing\.md"):
            build_html(book, book)
    (book / "two.md").write_text("# Two\n")
    assert build_html(book, book).is_file()

"""The HTML is built only when the builder has nothing to complain about."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ldl.book.build import build_html
from ldl.errors import LdlError
from ldl.paths import repo_root


def test_a_clean_book_builds(book: Path) -> None:
    index = build_html(book, book)
    assert index.is_absolute()
    assert "ldl.css" in (index.parent / "one.html").read_text()
    two = (index.parent / "two.html").read_text()
    assert 'role="listitem"' in two, "entries of a bibliography are items of its list"
    assert "doc-biblioentry" not in two


@pytest.mark.skipif(not shutil.which("chromium"), reason="no chromium on this machine")
def test_the_book_is_one_pdf_with_links_within_it(book: Path) -> None:
    html, pdf = build_html(book, book).parent, book / "book.pdf"
    script = repo_root() / "scripts" / "pdf.py"
    command = [sys.executable, script, html, "-o", pdf, "--toc", book / "_toc.yml"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found = pdf.read_bytes()
    assert found.startswith(b"%PDF")
    assert b"/Outlines" in found
    assert b"p-one" in found, "the second page's link leads to the first, in here"
    assert b".html" not in found
    assert not (html / "print.html").exists()


def test_a_warning_fails_every_time(book: Path) -> None:
    (book / "two.md").write_text("# Two\n\n[nowhere](nothing.md)\n")
    for _ in range(2):
        with pytest.raises(LdlError, match=r"two\.md.*nothing\.md"):
            build_html(book, book)
    (book / "two.md").write_text("# Two\n")
    assert build_html(book, book).is_file()

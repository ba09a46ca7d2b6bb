"""A Sphinx extension that mends faults of the builder's pages and gives each its last lines.

Jupyter Book loads sphinx-thebe whatever the config says. It puts the address of a CDN into every
page, twice, and the second time is a script error. Sphinx makes of a bibliography a list without
list items, which readers of screens cannot count. The front page has the book's name as its title,
which would stand twice in a window's.

Under every page stand the command that runs it, when it was made, where the project lives and how
to cite it; the latter two come from CITATION.cff.
"""

import re
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

import yaml

from ldl.book.build import Ledger
from ldl.paths import repo_root

_SIGNATURE = re.compile(r"<dl>\s*((?:<dd>(?:(?!</?d[dl]>).)*</dd>\s*)+)</dl>", re.DOTALL)


def without_thebe(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Leave Thebe's scripts out of a page (the html-page-context event)."""
    context["script_files"] = [one for one in context.get("script_files", []) if not _of_thebe(one)]


def with_list_items(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Entries of a bibliography are the items of its list (the html-page-context event)."""
    body = context.get("body", "").replace('role="doc-biblioentry"', 'role="listitem"')
    context["body"] = _SIGNATURE.sub(_lines, body)


def _lines(found: re.Match[str]) -> str:
    """A signature of several lines, in which Sphinx makes a list of definitions without terms."""
    inside = found[1].replace("<dd>", '<span class="ldl-line">').replace("</dd>", "</span>")
    return f"<span>{inside}</span>"


def with_foot(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Name the page's command, its date, the repository and the citation under its text."""
    if not context.get("body"):
        return
    folder, _, name = page.rpartition("/")
    entry = Ledger(Path(app.srcdir) / "book" / "executed").entries.get(name)
    made = entry.finished[:10] if entry else date.today().isoformat()
    parts = [f"Made {made}"]
    if folder.endswith("executed"):
        parts.insert(0, f"Run this page: <code>ldl book run {name}</code>")
    context["body"] += f'<p class="ldl-foot">{" · ".join([*parts, *citation()])}</p>'


def citation() -> list[str]:
    """Repository and citation as HTML; what CITATION.cff does not have yet is to come."""
    given = yaml.safe_load((repo_root() / "CITATION.cff").read_text(encoding="utf-8"))
    where, doi = given.get("repository-code"), given.get("doi")
    authors = ", ".join(
        one.get("name") or f"{one['given-names']} {one['family-names']}" for one in given["authors"]
    )
    year = str(given["date-released"])[:4]
    link = f'<a href="https://doi.org/{doi}">doi:{doi}</a>' if doi else "DOI to come"
    return [
        f'<a href="{escape(where)}">Repository</a>' if where else "Repository: address to come",
        f"Cite: {escape(authors)} ({year}), <i>{escape(given['title'])}</i>, "
        f"version {given['version']}, {link}",
    ]


def with_one_title(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """The front page's window has the book's name once."""
    if context.get("title") == app.config.html_title:
        context["docstitle"] = ""


def with_missing(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """The front page says which pages are still being made."""
    missing = sorted((Path(app.srcdir) / "book" / "executed").glob("*.md"))
    if page == app.config.root_doc and missing:
        titles = "; ".join(escape(one.read_text("utf-8").splitlines()[0][2:]) for one in missing)
        told = f'<p class="admonition-title">Still being made</p><p>{titles}.</p>'
        context["body"] = f'<div class="admonition note">{told}</div>{context["body"]}'


def _of_thebe(script: Any) -> bool:
    inline = getattr(script, "attributes", {}).get("body") or ""
    return "thebe" in f"{getattr(script, 'filename', script)} {inline}"


def setup(app: Any) -> dict[str, bool]:
    for mend in (without_thebe, with_list_items, with_foot, with_one_title, with_missing):
        app.connect("html-page-context", mend, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""A Sphinx extension that mends two faults of the builder's pages.

Jupyter Book loads sphinx-thebe whatever the config says. It puts the address of a CDN into every
page, twice, and the second time is a script error. Sphinx makes of a bibliography a list without
list items, which readers of screens cannot count.
"""

from typing import Any


def without_thebe(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Leave Thebe's scripts out of a page (the html-page-context event)."""
    context["script_files"] = [one for one in context.get("script_files", []) if not _of_thebe(one)]


def with_list_items(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Entries of a bibliography are the items of its list (the html-page-context event)."""
    body = context.get("body", "")
    context["body"] = body.replace('role="doc-biblioentry"', 'role="listitem"')


def _of_thebe(script: Any) -> bool:
    inline = getattr(script, "attributes", {}).get("body") or ""
    return "thebe" in f"{getattr(script, 'filename', script)} {inline}"


def setup(app: Any) -> dict[str, bool]:
    """What Sphinx calls."""
    for mend in (without_thebe, with_list_items):
        app.connect("html-page-context", mend, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

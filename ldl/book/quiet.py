"""A Sphinx extension: no script of Thebe in pages that offer no kernel.

Jupyter Book loads sphinx-thebe whatever the config says. It puts the address of a CDN into every
page, twice, and the second time is a script error.
"""

from typing import Any


def without_thebe(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Leave Thebe's scripts out of a page (the html-page-context event)."""
    context["script_files"] = [one for one in context.get("script_files", []) if not _of_thebe(one)]


def _of_thebe(script: Any) -> bool:
    inline = getattr(script, "attributes", {}).get("body") or ""
    return "thebe" in f"{getattr(script, 'filename', script)} {inline}"


def setup(app: Any) -> dict[str, bool]:
    """What Sphinx calls."""
    app.connect("html-page-context", without_thebe, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Widgets as HTML of a page: no kernel, no network, no framework."""

import hashlib
import html
import re
from pathlib import Path

from ldl.widgets.packing import Payload, text_of

FOLDER = Path(__file__).parent / "page"
MODULES = {
    "localization": ("data", "dom", "paint", "filter", "peak", "search", "words", "localization"),
    "regions": ("data", "dom", "paint", "filter", "regions"),
    "slices": ("data", "dom", "paint", "slices"),
}
_IMPORT = re.compile(r"^import .*\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


def module(widget: str, *, live: bool = False) -> str:
    """The modules of ``page/`` that a widget needs, one after the other.

    A script inside a page can import nothing that lies beside it; what the files name is therefore
    unique and imports are left out.

    Args:
        widget: "localization", "regions" or "slices".
        live: with what a running notebook needs besides.
    """
    names = (*MODULES[widget], *((f"{widget}_live",) if live else ()))
    texts = [(FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in names]
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts)


def style() -> str:
    """The style sheet of all widgets."""
    return (FOLDER / "widget.css").read_text(encoding="utf-8")


def html_of(widget: str, given: Payload, *, label: str, caption: str = "", still: str = "") -> str:
    """A widget in a page, its data and its code with it.

    Args:
        widget: "localization", "regions" or "slices".
        given: its payload.
        label: what it is, for screen readers.
        caption: below it; HTML allowed.
        still: HTML that stands in its place until the script runs, or where none does.
    """
    data = text_of(given)
    name = "ldl-" + hashlib.sha256(data.encode()).hexdigest()[:8]
    below = f"<figcaption>{caption}</figcaption>" if caption else ""
    return (
        f'<figure class="ldl-figure"><style>{style()}</style>'
        f'<div class="ldl-widget" id="{name}" role="group" aria-label="{html.escape(label)}">'
        f"{still}<noscript>This figure needs JavaScript; nothing is fetched.</noscript></div>"
        f'<script type="application/json" id="{name}-data">{data}</script>'
        f'<script type="module">{module(widget)}\n'
        f'const root = document.getElementById("{name}");\n'
        f'const given = JSON.parse(document.getElementById("{name}-data").textContent);\n'
        f"mount{widget.capitalize()}(root, given, (detail) => root.dispatchEvent(new CustomEvent("
        '"ldl-answer", { detail, bubbles: true }))).catch((error) => { root.append('
        f"`This browser cannot show the figure (${{error.message}}).`); throw error; }});"
        f"</script>{below}</figure>"
    )

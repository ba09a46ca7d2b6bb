"""Widgets as HTML of a page: no kernel, no network, no framework."""

import hashlib
import html
import re
from pathlib import Path

from ldl.widgets.payload import Payload, text_of

FOLDER = Path(__file__).parent / "page"
COMMON = ("data", "filter", "peak", "paint", "dom", "keys")
MODULES = {
    "localization": (*COMMON, "search", "words", "localization"),
    "regions": (*COMMON, "regions"),
}
_IMPORT = re.compile(r"^import .*\n", re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)


def module(widget: str) -> str:
    """The modules of ``page/`` that a widget needs, as one module."""
    return joined(*MODULES[widget])


def joined(*names: str) -> str:
    """Modules of ``page/``, one after the other.

    A script inside a page can import nothing that lies beside it; what the files name is therefore
    unique and imports are left out.
    """
    texts = [(FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in names]
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts)


def style() -> str:
    """The style sheet of all widgets."""
    return (FOLDER / "widget.css").read_text(encoding="utf-8")


def html_of(widget: str, given: Payload, *, label: str, caption: str = "") -> str:
    """A widget in a page, its data and its code with it.

    Args:
        widget: "localization" or "regions".
        given: its payload.
        label: what it is, for screen readers.
        caption: below it; HTML allowed.
    """
    data = text_of(given)
    name = "ldl-" + hashlib.sha256(data.encode()).hexdigest()[:8]
    below = f"<figcaption>{caption}</figcaption>" if caption else ""
    mount = f"mount{widget.capitalize()}"
    return (
        f'<figure class="ldl-figure"><style>{style()}</style>'
        f'<div class="ldl-widget" id="{name}" role="group" aria-label="{html.escape(label)}">'
        "<noscript>This figure needs JavaScript.</noscript></div>"
        f'<script type="application/json" id="{name}-data">{data}</script>'
        f'<script type="module">{module(widget)}\n'
        f'const root = document.getElementById("{name}");\n'
        f'const given = JSON.parse(document.getElementById("{name}-data").textContent);\n'
        f'{mount}(root, given, (detail) => root.dispatchEvent(new CustomEvent("ldl-answer", '
        f"{{ detail, bubbles: true }})));</script>{below}</figure>"
    )

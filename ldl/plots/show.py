"""In the page: figures with caption and text alternative, and functions as they run."""

import ast
import hashlib
import html
import inspect
import io
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from IPython.display import Markdown, display
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from ldl.paths import repo_root
from ldl.plots.theme import INK, PHONE, SETTINGS, redrawn

_ID = re.compile(r'(\bid="|url\(#|href="#)')
_STYLE = re.compile(r"<style[^>]*>.*?</style>", re.DOTALL)
_HEAD = re.compile(r"<svg\b[^>]*>", re.DOTALL)
_BOX = re.compile(r'viewBox="[\d.]+ [\d.]+ ([\d.]+) ([\d.]+)"')
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)

# A figure keeps this share of its width at least, and its letters 9 points; a wider one scrolls.
_SMALLEST = 0.9
# Of a figure that is drawn twice one drawing is in sight; the other is not there for anyone.
_SWITCH = (
    "<style>.ldl-phone{display:none}@media screen and (max-width:640px)"
    "{.ldl-phone{display:block}.ldl-page{display:none}}</style>"
)


def svg(figure: Figure, alt: str) -> str:
    """The figure as one ``<svg>`` element that can stand in a page beside others.

    The ink becomes ``currentColor``, ids are made unique by a hash of the drawing, and matplotlib's
    page-wide ``<style>`` is dropped.
    """
    buffer = io.StringIO()
    with plt.rc_context(SETTINGS):
        figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    text = _METADATA.sub("", _STYLE.sub("", buffer.getvalue()))
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    prefix = "f" + hashlib.sha256(text.encode()).hexdigest()[:8]
    text = _ID.sub(rf"\g<1>{prefix}-", text)
    box = _BOX.search(text)
    if box is None:
        raise ValueError("matplotlib wrote an SVG without a viewBox")
    wide, high = (float(number) * 4 / 3 for number in box.groups())
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'{box.group(0)} role="img" aria-label="{html.escape(alt)}" '
        f'style="width:100%;min-width:{_SMALLEST * wide:.0f}px;max-width:{wide:.0f}px;height:auto;'
        f'aspect-ratio:{wide:.0f}/{high:.0f};stroke-linejoin:round;stroke-linecap:butt">'
    )
    return _HEAD.sub(lambda _: head, text, count=1)


def figure_html(figure: Figure, caption: str, alt: str) -> str:
    """``<figure>`` with the drawing, its caption (HTML allowed) and its text alternative.

    What can be drawn for a width (`ldl.plots.theme.fitting`) stands there twice, for the book's
    column and for a phone.
    """
    if not caption or not alt:
        raise ValueError("a figure needs a caption and a text alternative")
    inside = svg(figure, alt)
    if again := redrawn(figure, PHONE):
        inside = (
            f'{_SWITCH}<div class="ldl-page">{inside}</div>'
            f'<div class="ldl-phone">{svg(again, alt)}</div>'
        )
        plt.close(again)
    return (
        '<figure class="ldl-figure"><div class="ldl-scroll" tabindex="0" style="overflow-x:auto">'
        f"{inside}</div><figcaption>{caption}</figcaption></figure>"
    )


def show(figure: Figure, *, caption: str, alt: str) -> None:
    """Display a figure with its caption and text alternative, and close it."""
    text = figure_html(figure, caption, alt)
    plt.close(figure)
    display({"text/html": text, "text/plain": f"[figure] {alt}"}, raw=True)


def source_text(thing: Callable[..., Any] | type, *, docstring: bool = False) -> str:
    """Source of a function or class; without its docstrings unless they are asked for."""
    text = textwrap.dedent(inspect.getsource(thing))
    if docstring:
        return text.rstrip()
    lines = text.splitlines()
    drop: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or ast.get_docstring(node) is None:
            continue
        first = node.body[0]
        # A body that is nothing but its docstring keeps it: Python would not parse without.
        if len(node.body) > 1:
            last = first.end_lineno or first.lineno
            drop.update(range(first.lineno, last + 1))
            if not lines[last].strip():
                drop.add(last + 1)
    kept = [line for number, line in enumerate(lines, 1) if number not in drop]
    return "\n".join(kept).rstrip()


def source(*things: Callable[..., Any] | type, docstring: bool = False) -> Markdown:
    """The functions' code as highlighted text, under the name of their file."""
    parts = []
    for thing in things:
        place = Path(inspect.getfile(thing)).resolve()
        root = repo_root()
        name = place.relative_to(root) if place.is_relative_to(root) else Path(place.name)
        parts.append(f"```python\n# {name}\n{source_text(thing, docstring=docstring)}\n```")
    return Markdown("\n\n".join(parts))

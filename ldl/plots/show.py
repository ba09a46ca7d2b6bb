"""In the page: figures with caption and text alternative, tables that scroll, code as it runs."""

import ast
import base64
import hashlib
import html
import inspect
import io
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

import pandas as pd
from IPython.display import HTML, Markdown, display
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from pandas.io.formats.style import Styler

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


def source_text(thing: Callable[..., Any] | type) -> str:
    """Source of a function or class, without docstrings and checks that do nothing but raise."""
    text = textwrap.dedent(inspect.getsource(thing))
    lines = text.splitlines()
    drop: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if _is_check(node):
            drop.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
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


def _is_check(node: ast.AST) -> TypeGuard[ast.If | ast.Expr]:
    """Whether a statement only refuses: an ``if`` that raises, or a call of ``check_...``."""
    if isinstance(node, ast.If):
        return isinstance(node.body[0], ast.Raise) and not node.orelse
    call = node.value if isinstance(node, ast.Expr) else None
    name = call.func if isinstance(call, ast.Call) else None
    return isinstance(name, ast.Name) and name.id.startswith("check_")


def source(*things: Callable[..., Any] | type) -> Markdown:
    """The functions' code as highlighted text, under the name of their file."""
    parts = []
    for thing in things:
        place = Path(inspect.getfile(thing)).resolve()
        root = repo_root()
        name = place.relative_to(root) if place.is_relative_to(root) else Path(place.name)
        parts.append(f"```python\n# {name}\n{source_text(thing)}\n```")
    return Markdown("\n\n".join(parts))


# Colours come from the page, so that a table is legible in both themes.
_PAGE = "var(--pst-color-background, inherit)"
_LOOK: list[Any] = [
    {
        "selector": "",
        "props": "border-collapse:collapse;font-size:.86rem;margin:0;width:max-content",
    },
    {"selector": "th,td", "props": "padding:.3rem .4rem;vertical-align:top;line-height:1.3"},
    {"selector": "td", "props": "text-align:right;white-space:nowrap"},
    {"selector": "thead th", "props": "text-align:right;max-width:8rem;vertical-align:bottom"},
    {
        "selector": "tbody th,thead tr>:first-child",
        "props": f"text-align:left;position:sticky;left:0;z-index:1;background:{_PAGE};"
        "white-space:normal;overflow-wrap:break-word;max-width:min(15rem,42vw)",
    },
    {"selector": "tbody tr", "props": "border-top:1px solid rgba(128,128,128,.25)"},
    # Not opacity, which would take a link's contrast.
    {
        "selector": "small",
        "props": "color:color-mix(in srgb,currentColor 80%,transparent);font-size:.85em;"
        "white-space:nowrap",
    },
]

# Columns: with more the names of the rows get less room, and with more still the style sheet gives
# the table that of the page's contents list.
SOME, MANY = 4, 5
# A column with longer cells is one of words, which begin at the left.
LINE = 24
_TAG = re.compile("<[^>]*>")
# A row that is nothing but a heading of those below it.
_HEADING = re.compile(
    r'<th([^>]*)>(<b class="ldl-group">.*?</b>)</th>((?:\s*<td[^>]*></td>)+)', re.DOTALL
)
# What pandas puts into the corner of a table and over its levels: a header without a word.
_EMPTY = re.compile(r"<th( class=\"(?:blank|index_name)[^>]*)>(?:&nbsp;|\s)*</th>")


def styled(frame: pd.DataFrame, *, decimals: int = 2) -> Styler:
    """A frame as the book shows it; its cells may hold HTML, its numbers get ``decimals``."""
    style = frame.style.format(lambda cell: _text(cell, decimals)).set_table_styles(_LOOK)
    # Two equal tables get equal bytes; pandas would draw a random id.
    name = hashlib.sha256((frame.to_csv()).encode()).hexdigest()[:8]
    wide = " ldl-slim" * (frame.shape[1] > SOME) + " ldl-wide" * (frame.shape[1] > MANY)
    return style.set_uuid(name).set_table_attributes(f'class="ldl-table{wide}"')


def _text(cell: object, decimals: int) -> str:
    if isinstance(cell, bool) or not isinstance(cell, float):
        return str(cell)
    return "" if pd.isna(cell) else f"{cell:.{decimals}f}"


def words(text: str, rem: int = 15) -> str:
    """A cell of words that starts at the left of a column of its own width."""
    return f'<div style="white-space:normal;text-align:left;width:min({rem}rem,46vw)">{text}</div>'


def scrolling(style: Styler, caption: str = "", *, wraps: bool = False) -> HTML:
    """A table in a box of its own that scrolls where it is too wide; the caption stays put.

    One of words ``wraps``: it is as wide as its page.
    """
    below = f"<figcaption>{caption}</figcaption>" if caption else ""
    page = _EMPTY.sub(r"<td\1></td>", style.to_html())
    page = _HEADING.sub(_spanning, page)
    return HTML(
        f'<figure class="ldl-figure{" ldl-fits" * wraps}"><div class="ldl-scroll" tabindex="0" '
        f'style="overflow-x:auto;max-width:100%">{page}</div>{below}</figure>'
    )


def _spanning(row: re.Match[str]) -> str:
    return f'<th{row[1]} colspan="{row[3].count("<td") + 1}">{row[2]}</th>'


def small_table(
    rows: Sequence[Mapping[str, Any] | str],
    *,
    caption: str = "",
    decimals: int = 2,
    wraps: bool = False,
) -> HTML:
    """Rows of one shape as a table, see `scrolling`; the first column names the row.

    A row that is a text goes over all columns: a heading.
    """
    first, *others = next(row for row in rows if not isinstance(row, str))
    empty = dict.fromkeys(others, "")
    frame = pd.DataFrame(
        [
            {first: f'<b class="ldl-group">{row}</b>'} | empty if isinstance(row, str) else row
            for row in rows
        ]
    )
    frame.index = pd.Index([_text(value, decimals) for value in frame[first]], name=None)
    frame = frame.drop(columns=first)
    frame.columns.name = str(first)
    style = styled(frame, decimals=decimals)
    prose = [
        one
        for one in frame
        if frame[one].map(lambda cell: len(_TAG.sub("", str(cell)))).max() > LINE
    ]
    left = {one: [{"selector": "", "props": "text-align:left"}] for one in prose}
    return scrolling(style.set_table_styles(left, overwrite=False), caption, wraps=wraps)


def download(frame: pd.DataFrame, name: str, about: str) -> HTML:
    """A line with a link that holds the frame as a csv file; ``about``, HTML, follows it."""
    data = base64.b64encode(frame.to_csv(index=False).encode()).decode()
    link = f'<a download="{name}.csv" href="data:text/csv;base64,{data}">{name}.csv</a>'
    return HTML(f"<p>{link}: {about}</p>")

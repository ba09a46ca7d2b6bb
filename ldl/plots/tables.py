"""Tables in the page: a caption, a first column that stays in sight, and a box that scrolls."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from IPython.display import HTML
from pandas.io.formats.style import Styler

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

MANY = 7  # columns; with more, the page's style sheet gives the table the room of its contents list
# What pandas puts into the corner of a table and over its levels: a header without a word.
_EMPTY = re.compile(r"<th( class=\"(?:blank|index_name)[^>]*)>(?:&nbsp;|\s)*</th>")


def styled(frame: pd.DataFrame, *, decimals: int = 2) -> Styler:
    """A frame as the book shows it; its cells may hold HTML, its numbers get ``decimals``."""
    style = frame.style.format(lambda cell: _text(cell, decimals)).set_table_styles(_LOOK)
    # Two equal tables get equal bytes; pandas would draw a random id.
    name = hashlib.sha256((frame.to_csv()).encode()).hexdigest()[:8]
    wide = " ldl-wide" * (frame.shape[1] > MANY)
    return style.set_uuid(name).set_table_attributes(f'class="ldl-table{wide}"')


def _text(cell: object, decimals: int) -> str:
    if isinstance(cell, bool) or not isinstance(cell, float):
        return str(cell)
    return "" if pd.isna(cell) else f"{cell:.{decimals}f}"


def prose(text: str) -> str:
    """A cell of words that wraps, where cells of numbers do not."""
    return (
        '<span style="display:inline-block;white-space:normal;text-align:left;'
        f'width:max-content;max-width:min(15rem,46vw)">{text}</span>'
    )


def words(text: str, rem: int = 15) -> str:
    """A cell of words that starts at the left of a column of its own width."""
    return f'<div style="white-space:normal;text-align:left;width:min({rem}rem,46vw)">{text}</div>'


def scrolling(style: Styler, caption: str = "") -> HTML:
    """A table in a box of its own that scrolls where it is too wide; the caption stays put."""
    below = f"<figcaption>{caption}</figcaption>" if caption else ""
    page = _EMPTY.sub(r"<td\1></td>", style.to_html())
    return HTML(
        '<figure class="ldl-figure"><div class="ldl-scroll" tabindex="0" '
        f'style="overflow-x:auto;max-width:100%">{page}</div>{below}</figure>'
    )


def small_table(rows: Sequence[Mapping[str, Any]], *, caption: str = "", decimals: int = 2) -> HTML:
    """Rows of one shape as a table; the first column names the row."""
    frame = pd.DataFrame([dict(row) for row in rows])
    first = frame.columns[0]
    frame.index = pd.Index([_text(value, decimals) for value in frame[first]], name=None)
    frame = frame.drop(columns=first)
    frame.columns.name = str(first)
    return scrolling(styled(frame, decimals=decimals), caption)

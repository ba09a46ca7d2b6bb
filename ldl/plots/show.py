"""A figure in the page: inline SVG with caption and text alternative, legible in both themes."""

import hashlib
import html
import io
import re

from IPython.display import display
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from ldl.plots.theme import INK, SETTINGS

_ID = re.compile(r'(\bid="|url\(#|href="#)')
_STYLE = re.compile(r"<style[^>]*>.*?</style>", re.DOTALL)
_HEAD = re.compile(r"<svg\b[^>]*>", re.DOTALL)
_BOX = re.compile(r'viewBox="[\d.]+ [\d.]+ ([\d.]+) ([\d.]+)"')
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)

# A figure is drawn for a column of text; on a phone it keeps this share of its width and scrolls.
_SMALLEST = 0.72


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
    """``<figure>`` with the drawing, its caption (HTML allowed) and its text alternative."""
    if not caption or not alt:
        raise ValueError("a figure needs a caption and a text alternative")
    return (
        '<figure class="ldl-figure"><div class="ldl-scroll" tabindex="0" style="overflow-x:auto">'
        f"{svg(figure, alt)}</div><figcaption>{caption}</figcaption></figure>"
    )


def show(figure: Figure, *, caption: str, alt: str) -> None:
    """Display a figure with its caption and text alternative, and close it."""
    text = figure_html(figure, caption, alt)
    plt.close(figure)
    display({"text/html": text, "text/plain": f"[figure] {alt}"}, raw=True)

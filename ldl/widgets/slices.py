"""A slice viewer that lives in the page: no kernel, no library, nothing fetched.

`slice_viewer` writes one ``<figure>`` with the volume's bytes (deflated, base64) and the script
`slices.js` beside it; `ldl.widgets.slices_live` is the same for a running kernel.
"""

import base64
import hashlib
import html
import io
import json
import zlib
from importlib.resources import files
from typing import Any

import numpy as np
from IPython.display import HTML
from PIL import Image

from ldl.widgets.page import joined
from ldl.widgets.painting import FILL, LINE, PALETTE, paint
from ldl.widgets.stacks import SliceStack

Array = np.ndarray
GREYS = 64  # grey levels in the page; the eye tells fewer apart, and the page is a third smaller
LABELS = {
    "reference": "reference labels (filled)",
    "prediction": "prediction (outlined)",
    "superpixels": "superpixels (thin lines)",
}


def slice_viewer(
    stack: SliceStack, *, caption: str, shown: tuple[str, ...] = ("reference",), start: int = -1
) -> HTML:
    """One volume to scroll through in a page, with its layers on and off.

    Slider, arrow keys, wheel (after a click) and a sideways drag change the slice; the pointer says
    what lies under it. Without scripts the slice of the start stays, as a picture.

    Args:
        stack: the volume; about 30 KB of page for each million voxels and layer of labels, ten
            times that for the slices themselves.
        caption: under the viewer; HTML is allowed.
        shown: layers that are on at the start.
        start: slice at the start; -1 for the middle one.
    """
    first = len(stack.images) // 2 if start < 0 else min(start, len(stack.images) - 1)
    meta = _meta(stack, shown, first)
    packed = {name: _packed(layer) for name, layer in _arrays(stack).items()}
    told = json.dumps(meta, ensure_ascii=False, sort_keys=True)
    name = "slices-" + hashlib.sha256((told + "".join(packed.values())).encode()).hexdigest()[:10]
    layers = "".join(
        f'<script type="text/plain" data-layer="{layer}">{text}</script>'
        for layer, text in packed.items()
    )
    safe = told.replace("</", "<\\/")
    return HTML(
        f'<figure class="ldl-figure ldl-slices" id="{name}"><style>{_text("slices.css")}</style>'
        f"{_view(stack, shown, first)}{_controls(stack, shown, first, name)}"
        f"<figcaption>{caption}</figcaption>"
        f'<script type="application/json">{safe}</script>{layers}'
        f'<script type="module">const id = "{name}";\n{joined("keys")}\n'
        f"{_text('slices.js')}</script></figure>"
    )


def _text(name: str) -> str:
    return files("ldl.widgets").joinpath(name).read_text(encoding="utf-8")


def _meta(stack: SliceStack, shown: tuple[str, ...], first: int) -> dict[str, Any]:
    depth, height, width = stack.images.shape
    return {
        "title": stack.title,
        "shape": [depth, height, width],
        "spacing": [round(one, 4) for one in stack.spacing],
        "window": stack.window,
        "greys": GREYS,
        "organs": stack.organs,
        "colours": [PALETTE[k % len(PALETTE)] for k in range(len(stack.organs))],
        "line": LINE,
        "fill": FILL,
        "layers": [*stack.layers()],
        "shown": shown,
        "start": first,
    }


def _arrays(stack: SliceStack) -> dict[str, Array]:
    """Bytes of the page: grey in 64 levels, labels as they are, superpixels + 1 in 16 bits."""
    layers = stack.layers()
    if "superpixels" in layers:
        layers["superpixels"] = (layers["superpixels"] + 1).astype("<u2")
    return {"images": stack.images // (256 // GREYS), **layers}


def _packed(values: Array) -> str:
    return base64.b64encode(zlib.compress(np.ascontiguousarray(values).tobytes(), 9)).decode()


def _view(stack: SliceStack, shown: tuple[str, ...], first: int) -> str:
    """The slice of the start as a picture; the script puts its canvas in its place."""
    stream = io.BytesIO()
    Image.fromarray(paint(stack, first, shown, scale=2)).quantize(64).save(
        stream, "PNG", optimize=True
    )
    source = base64.b64encode(stream.getvalue()).decode()
    alt = f"Slice {first + 1} of {len(stack.images)} of {stack.title}"
    return (
        '<div class="ldl-slices-view" tabindex="0" role="group" '
        'aria-label="Slice; arrow keys change it">'
        f'<img src="data:image/png;base64,{source}" alt="{html.escape(alt)}"></div>'
    )


def _controls(stack: SliceStack, shown: tuple[str, ...], first: int, name: str) -> str:
    boxes = "".join(
        f'<label><input type="checkbox" value="{layer}"{" checked" * (layer in shown)}> '
        f"{LABELS[layer]}</label>"
        for layer in stack.layers()
    )
    return (
        '<div class="ldl-slices-controls">'
        f'<label class="ldl-slices-level" for="{name}-z">Slice '
        f'<input id="{name}-z" type="range" min="0" max="{len(stack.images) - 1}" step="1" '
        f'value="{first}"></label>'
        f'<p class="ldl-slices-said" role="status" aria-live="polite"></p>'
        f'<fieldset><legend>Show</legend>{boxes}<label class="ldl-slices-opacity">opacity '
        f'<input type="range" min="0" max="100" step="5" value="{round(100 * FILL)}"></label>'
        '</fieldset><div class="ldl-slices-legend" role="group" '
        'aria-label="Organs; press one to hide it"></div>'
        '<p class="ldl-slices-under"></p>'
        "<noscript>The slices need JavaScript; nothing is fetched.</noscript></div>"
    )

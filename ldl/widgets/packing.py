"""Widgets as HTML of a page, without kernel, network or framework, and what it carries as text."""

import base64
import hashlib
import html
import io
import json
import math
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ldl.plots.images import to_display

LEVELS = 127  # of a signed byte, so that both signs have as many
Payload = dict[str, Any]


@dataclass(frozen=True)
class Quantised:
    """A map of vectors as bytes: the vector at a cell is ``scale * data``.

    Attributes:
        data: (K, h, w) int8.
        scale: (K,) float32, above 0; one a channel.
    """

    data: NDArray[np.int8]
    scale: NDArray[np.float32]


def cell_means(embedding: Tensor, stride: int) -> Tensor:
    """(K, H, W) -> (K, ceil(H / stride), ceil(W / stride)): mean vectors, not unit ones.

    The window average of Eq. 26 is a sum over pixels, and sums over cells are its first half. The
    last row and column are repeated up to whole cells.
    """
    height, width = embedding.shape[-2:]
    padded = F.pad(embedding[None], (0, -width % stride, 0, -height % stride), mode="replicate")
    return F.avg_pool2d(padded, stride)[0]


def quantised(maps: Tensor) -> Quantised:
    """(K, h, w) float -> bytes, each channel scaled by its largest magnitude."""
    values = maps.detach().float().cpu()
    scale = values.flatten(1).abs().amax(1).clamp(min=1e-12) / LEVELS
    data = (values / scale[:, None, None]).round().to(torch.int8)
    return Quantised(data.numpy(), scale.numpy())


def restored(given: Quantised) -> Tensor:
    """(K, h, w) float32, at most half a level of its channel away from what was quantised."""
    data = torch.from_numpy(given.data).float()
    return data * torch.from_numpy(given.scale)[:, None, None]


def stride_within(budget: int, images: tuple[Tensor, ...], channels: int, variants: int = 1) -> int:
    """The smallest stride at which maps of all (C, H, W) images take at most ``budget`` bytes.

    Args:
        budget: bytes, one a number.
        images: of which the maps are.
        channels: K.
        variants: maps an image.
    """

    def cells(stride: int) -> int:
        sides = ((math.ceil(side / stride) for side in one.shape[1:]) for one in images)
        return sum(rows * columns for rows, columns in sides)

    stride, most = 1, max(max(one.shape[1:]) for one in images)
    while stride < most and cells(stride) * channels * variants > budget:
        stride += 1
    return stride


def packed(values: NDArray) -> str:
    """Little-endian bytes as base64."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def deflated(values: NDArray) -> str:
    """The same, deflated."""
    return packed(np.frombuffer(zlib.compress(np.ascontiguousarray(values).tobytes(), 9), np.uint8))


def packed_map(given: Quantised) -> Payload:
    """Shape, scales and bytes of a map: differences along its rows, which deflate better."""
    steps = np.diff(given.data, axis=2, prepend=np.int8(0))  # wraps around, and so does their sum
    scale = packed(given.scale.astype("<f4"))
    return {"shape": list(given.data.shape), "scale": scale, "data": deflated(steps)}


def unpacked_map(given: Payload) -> Quantised:
    """What :func:`packed_map` packed; the page does the same."""
    steps = np.frombuffer(zlib.decompress(base64.b64decode(given["data"])), np.int8)
    data = steps.reshape(given["shape"]).cumsum(axis=2, dtype=np.int8)
    return Quantised(data, np.frombuffer(base64.b64decode(given["scale"]), "<f4"))


def picture(image: NDArray) -> str:
    """(C, H, W) or (H, W, 3), uint8 or float in 0..1, as the address of a png."""
    buffer = io.BytesIO()
    Image.fromarray(to_display(image)).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def palette() -> str:
    """256 colours from dark blue to yellow, red, green and blue bytes."""
    colours = colormaps["cividis"](np.linspace(0, 1, 256))[:, :3]
    return packed((colours * 255).round().astype(np.uint8))


def text_of(given: Payload) -> str:
    """Compact JSON that may stand within a ``<script>`` element."""
    text = json.dumps(given, separators=(",", ":"), allow_nan=False)
    return text.replace("</", "<\\/").replace("<!--", "<\\u0021--")


FOLDER = Path(__file__).parent / "page"
MODULES = {
    "localization": ("data", "dom", "paint", "filter", "search", "localization"),
    "regions": ("data", "dom", "paint", "filter", "regions"),
    "slices": ("data", "dom", "paint", "slices"),
    "masks": ("data", "dom", "paint", "masks"),
}
_IMPORT = re.compile(r"^import .*\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


def module(widget: str, *, live: bool = False) -> str:
    """The modules of ``page/`` that a widget needs, one after the other.

    A script inside a page can import nothing that lies beside it; what the files name is therefore
    unique and imports are left out.

    Args:
        widget: one of `MODULES`.
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
        widget: one of `MODULES`.
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

"""A scene as one JSON value that a page carries; nothing in it but text, numbers and base64."""

import base64
import io
import json
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ldl.localize import peak
from ldl.plots.images import to_display
from ldl.widgets.quantise import Quantised
from ldl.widgets.scene import Scene

Payload = dict[str, Any]

# The rule of `ldl.localize.peak`, handed over so that the page does not keep one of its own.
RULE = {
    "share": peak.SHARE,
    "leastRise": peak.LEAST_RISE,
    "leastSharpness": peak.LEAST_SHARPNESS,
    "largestRegion": peak.LARGEST_REGION,
}


def payload(scenes: Sequence[Scene]) -> Payload:
    """What the localization widget is given."""
    return {"rule": RULE, "palette": palette(), "scenes": [_scene(one) for one in scenes]}


def map_bytes(scenes: Sequence[Scene]) -> int:
    """Bytes of all maps before they are deflated."""
    return sum(m.data.nbytes for one in scenes for v in one.variants for m in v.maps)


def text_of(given: Payload) -> str:
    """Compact JSON that may stand within a ``<script>`` element."""
    text = json.dumps(given, separators=(",", ":"), allow_nan=False)
    return text.replace("</", "<\\/").replace("<!--", "<\\u0021--")


def packed(values: NDArray) -> str:
    """Little-endian bytes as base64."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def packed_map(given: Quantised) -> Payload:
    """Shape, scales and bytes of a map: differences along its rows, which deflate better."""
    steps = np.diff(given.data, axis=2, prepend=np.int8(0))  # wraps around, and so does their sum
    return {
        "shape": list(given.data.shape),
        "scale": packed(given.scale.astype("<f4")),
        "data": base64.b64encode(zlib.compress(steps.tobytes(), 9)).decode("ascii"),
    }


def unpacked_map(given: Payload) -> Quantised:
    """What :func:`packed_map` packed; the page does the same."""
    steps = np.frombuffer(zlib.decompress(base64.b64decode(given["data"])), np.int8)
    data = steps.reshape(given["shape"]).cumsum(axis=2, dtype=np.int8)
    return Quantised(data, np.frombuffer(base64.b64decode(given["scale"]), "<f4"))


def picture(image: Tensor) -> str:
    """(C, H, W) float in 0..1 as the address of a png."""
    buffer = io.BytesIO()
    Image.fromarray(to_display(image.numpy())).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def palette() -> str:
    """256 colours from dark blue to yellow, red, green and blue bytes."""
    colours = colormaps["cividis"](np.linspace(0, 1, 256))[:, :3]
    return packed((colours * 255).round().astype(np.uint8))


def _scene(one: Scene) -> Payload:
    images = zip(one.names, one.images, one.blank, strict=True)
    return {
        "name": one.name,
        "words": one.words,
        "stride": one.stride,
        "window": one.window,
        "windows": list(one.windows),
        "start": list(one.start),
        "landmarks": [
            {"name": name, "points": points.round(3).tolist()}
            for name, points in one.landmarks.items()
        ],
        "images": [
            {
                "name": name,
                "size": [int(image.shape[1]), int(image.shape[2])],
                "blank": blank,
                "picture": picture(image),
            }
            for name, image, blank in images
        ],
        "variants": [
            {
                "label": variant.label,
                "sigma": variant.sigma,
                "words": variant.words,
                "maps": [packed_map(each) for each in variant.maps],
            }
            for variant in one.variants
        ],
    }

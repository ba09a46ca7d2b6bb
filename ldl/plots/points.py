"""Points found in images: figures of similarity maps, and the png files of `ldl localize`."""

import os
from pathlib import Path

import numpy as np
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ldl.plots.images import heat, to_display
from ldl.plots.theme import FALSE_ALARM, HIT

LONGEST = 1024  # pixels of an overlay's longer side
FOUND, DOUBTFUL, TRUTH, HALO = HIT, FALSE_ALARM, "#FFFFFF", "#000000"
STRENGTH = 0.35  # of the similarity map over the image
RIM = [withStroke(linewidth=3, foreground=HALO)]

Point = tuple[float, float]  # row, column in pixels of the image; the first centre is (0.0, 0.0)
Area = tuple[float, float, float, float]  # top, bottom, left, right in pixels from the edge


def drawn(
    image: NDArray,
    point: Point,
    window: tuple[float, float],
    *,
    sure: bool,
    similarity: NDArray | None = None,
    area: Area | None = None,
) -> Image.Image:
    """The image with a cross and the window about a point, over its similarity map.

    A point that is sure has a yellow cross and frame; one that is not has a magenta cross with a
    gap in its middle and no frame, so that colour does not carry the meaning alone.

    Args:
        image: (H, W) or (H, W, 3) uint8.
        point: where.
        window: rows, columns in pixels of the image.
        sure: whether it is an answer or a guess only.
        similarity: (h, w) of the area, its lowest value blue and its highest yellow.
        area: the part of the image that the map is of; the whole image if None.
    """
    shown = to_display(np.moveaxis(image, -1, 0) if image.ndim == 3 else image)
    scale = min(1.0, LONGEST / max(shown.shape[:2]))
    size = (max(1, round(shown.shape[1] * scale)), max(1, round(shown.shape[0] * scale)))
    canvas = Image.fromarray(shown).resize(size, Image.Resampling.LANCZOS)
    if similarity is not None:
        _shade(canvas, similarity, area or (0, shown.shape[0], 0, shown.shape[1]), scale)
    row, column = ((place + 0.5) * scale for place in point)
    _cross(canvas, row, column, FOUND if sure else DOUBTFUL, gap=not sure)
    if sure:
        half = [side * scale / 2 for side in window]
        _frame(canvas, (column - half[1], row - half[0], column + half[1], row + half[0]))
    return canvas


def save_png(canvas: Image.Image, path: Path) -> None:
    """Write at once: no half a picture is ever seen."""
    partial = path.with_suffix(f".partial-{os.getpid()}")
    canvas.save(partial, format="PNG")
    partial.replace(path)


def _shade(canvas: Image.Image, similarity: NDArray, area: Area, scale: float) -> None:
    low, high = float(similarity.min()), float(similarity.max())
    colours = heat(similarity, low, high if high > low else low + 1)
    top, bottom, left, right = (round(edge * scale) for edge in area)
    size = (max(1, right - left), max(1, bottom - top))
    layer = Image.fromarray(np.ascontiguousarray(np.moveaxis(colours, 0, -1)))
    layer = layer.resize(size, Image.Resampling.BILINEAR)
    under = canvas.crop((left, top, left + size[0], top + size[1]))
    canvas.paste(Image.blend(under, layer, STRENGTH), (left, top))


def _thick(canvas: Image.Image) -> int:
    return max(1, max(canvas.size) // 250)


def _frame(canvas: Image.Image, box: tuple[float, float, float, float]) -> None:
    draw, thick = ImageDraw.Draw(canvas), _thick(canvas)
    left, top, right, bottom = box
    draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=HALO, width=thick + 2)
    draw.rectangle(box, outline=FOUND, width=thick)


def _cross(canvas: Image.Image, row: float, column: float, colour: str, *, gap: bool) -> None:
    reach = max(4, max(canvas.size) // 40)
    start = reach / 2.5 if gap else 0.0
    draw, thick = ImageDraw.Draw(canvas), _thick(canvas)
    for ink, wide in ((HALO, thick + 2), (colour, thick)):
        for down, along in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            line = [(column + along * each, row + down * each) for each in (start, float(reach))]
            draw.line(line, fill=ink, width=wide)

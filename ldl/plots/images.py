"""Images, masks, maps and vectors as pictures, alone and side by side."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib import colormaps
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import hsv_to_rgb, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from ldl.plots.theme import FALSE_ALARM, HIT, INK, LETTER, MISSED, theme

GOLDEN = 0.618034  # its multiples spread hues so that neighbours in number differ


def to_display(image: NDArray) -> NDArray:
    """(C, H, W) or (H, W), uint8 or float in 0..1, to (H, W, 3) uint8."""
    array = np.asarray(image)
    if array.ndim == 3 and array.shape[0] in (1, 3):
        array = np.moveaxis(array, 0, -1)
    if array.ndim == 2:
        array = array[..., None]
    if array.dtype != np.uint8:
        array = (np.clip(array, 0, 1) * 255).round().astype(np.uint8)
    return np.repeat(array, 3, axis=2) if array.shape[2] == 1 else array


def painted(base: NDArray, where: NDArray, colour: NDArray | str, strength: float) -> NDArray:
    """(H, W, 3) pictures with a colour (or one a pixel of ``where``) blended in; uint8."""
    paint = 255 * np.array(to_rgb(colour)) if isinstance(colour, str) else colour
    found = np.asarray(base, float)
    found[where] = (1 - strength) * found[where] + strength * paint
    return found.round().astype(np.uint8)


def overlay(
    image: NDArray, mask: NDArray, prediction: NDArray | None = None, strength: float = 0.7
) -> NDArray:
    """Paint a reference mask (and a prediction) over an image.

    Without a prediction the mask is painted in the colour of agreement; with one, agreement,
    misses and false alarms have a colour each. Shapes: image (C, H, W) or (H, W), masks (H, W);
    returns (H, W, 3) uint8.
    """
    truth = np.asarray(mask) > 0
    found = truth if prediction is None else np.asarray(prediction) > 0
    shown = painted(to_display(image), truth & found, HIT, strength)
    shown = painted(shown, truth & ~found, MISSED, strength)
    return painted(shown, ~truth & found, FALSE_ALARM, strength)


def panel(axes: Axes, image: NDArray, title: str = "") -> None:
    """One image without ticks, at its own pixels."""
    axes.imshow(to_display(image), interpolation="none")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if title:
        axes.set_title(title, loc="center", pad=3)


def image_grid(
    rows: Sequence[Sequence[NDArray]],
    *,
    titles: Sequence[str] = (),
    row_titles: Sequence[str] = (),
    captions: Sequence[Sequence[str]] = (),
    width: float = 1.35,
    upright: bool = False,
) -> Figure:
    """Rows of images of one shape: ``titles`` over the columns, ``row_titles`` at the left (in
    lines that run across if ``upright``), ``captions[r][c]`` under single images."""
    columns = max(len(row) for row in rows)
    first = to_display(rows[0][0])
    words = [[fill(one, max(6, int(width / LETTER))) for one in row] for row in captions]
    lines = max((one.count("\n") + 1 for row in words for one in row if one), default=0)
    high = width * first.shape[0] / first.shape[1] + 0.08 + 0.17 * lines
    size = (columns * width + (1.2 if upright else 0.35), len(rows) * high + 0.27)
    with theme():
        figure, grid = plt.subplots(len(rows), columns, figsize=size, squeeze=False)
        for r, row in enumerate(rows):
            for c, axes in enumerate(grid[r]):
                if c >= len(row):
                    axes.set_axis_off()
                    continue
                panel(axes, row[c], titles[c] if r == 0 and c < len(titles) else "")
                if words and words[r][c]:
                    axes.set_xlabel(words[r][c], labelpad=2)
            if row_titles:
                across = {"rotation": 0, "ha": "right", "va": "center"} if upright else {}
                grid[r][0].set_ylabel(row_titles[r], **across)
        return figure


def overlay_legend(figure: Figure) -> None:
    """Say under an overlay figure what its three colours mean."""
    words = ((HIT, "in both"), (MISSED, "reference only"), (FALSE_ALARM, "prediction only"))
    with theme():
        figure.legend(
            handles=[Patch(facecolor=colour, edgecolor=INK, label=word) for colour, word in words],
            loc="outside lower center",
            ncols=3,
        )


def cell(image: NDArray, grid: int, index: int) -> NDArray:
    """The ``index``-th cell, counted row by row, of a grid x grid division of a (C, H, W) image."""
    height, width = image.shape[-2] // grid, image.shape[-1] // grid
    row, column = divmod(index, grid)
    return image[..., row * height : (row + 1) * height, column * width : (column + 1) * width]


def nearest(queries: NDArray, candidates: NDArray, count: int) -> tuple[NDArray, NDArray]:
    """The ``count`` of (N, K) candidates nearest to each of (Q, K) queries, unit vectors all.

    (Q, count) int indices, nearest first, and their cosine similarities.
    """
    similarity = queries @ candidates.T
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :count]
    return order, np.take_along_axis(similarity, order, axis=1)


def cluster_colours(labels: NDArray, clusters: int) -> NDArray:
    """(H, W) cluster numbers to (H, W, 3) uint8: hue and lightness both vary with the number."""
    palette = colormaps["turbo"](np.linspace(0.04, 0.96, max(clusters, 2)))[:, :3]
    # Neighbouring numbers get far colours, so that touching regions are told apart.
    order = np.argsort([(k * 7) % max(clusters, 1) for k in range(clusters)], kind="stable")
    return (palette[order][np.asarray(labels)] * 255).round().astype(np.uint8)


def heat(values: NDArray, low: float = -1.0, high: float = 1.0) -> NDArray:
    """(H, W) values as (3, H, W) uint8 colours, dark blue for ``low`` to yellow for ``high``."""
    share = np.clip((np.asarray(values) - low) / (high - low), 0, 1)
    colours: NDArray = (colormaps["cividis"](share)[..., :3] * 255).round().astype(np.uint8)
    return np.moveaxis(colours, -1, 0)


def enlarged(values: NDArray, scale: int) -> NDArray:
    """(H, W, ...) -> (scale * H, scale * W, ...), every pixel a square."""
    return np.asarray(values).repeat(scale, axis=0).repeat(scale, axis=1)


def borders(values: NDArray) -> NDArray[np.bool_]:
    """(H, W) -> (H, W) bool: pixels with another value to any side, one pixel in either part."""
    from skimage.segmentation import find_boundaries  # it takes its time, and few draw borders

    found: NDArray[np.bool_] = find_boundaries(values, connectivity=1, mode="thick")
    return found


def outlined(
    image: NDArray, regions: NDArray, *, scale: int = 4, colour: str = HIT, strength: float = 0.75
) -> NDArray:
    """Region borders over an image: (C, H, W) or (H, W), and (H, W) ids -> (3, sH, sW) uint8."""
    line = borders(enlarged(regions, scale))
    return np.moveaxis(painted(enlarged(to_display(image), scale), line, colour, strength), -1, 0)


def region_colours(regions: NDArray, *, scale: int = 4) -> NDArray:
    """(H, W) ids -> (3, sH, sW) uint8: each id its own colour, the same in every map; -1 black."""
    ids = np.asarray(regions).astype(int)
    numbers = np.arange(max(ids.max(), 0) + 1)
    hue, light = (numbers * GOLDEN) % 1, 0.55 + 0.4 * ((numbers * 7) % 5) / 4
    table = hsv_to_rgb(np.stack([hue, np.full_like(hue, 0.55), light], axis=1))
    table = np.concatenate([table, [[0, 0, 0]]])  # what -1 points at
    return np.moveaxis(enlarged((255 * table[ids]).round().astype(np.uint8), scale), -1, 0)

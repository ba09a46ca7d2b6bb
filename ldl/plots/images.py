"""Images, masks, grids and overlays side by side."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from ldl.plots.theme import FALSE_ALARM, HIT, INK, MISSED, theme


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


def overlay(
    image: NDArray, mask: NDArray, prediction: NDArray | None = None, strength: float = 0.7
) -> NDArray:
    """Paint a reference mask (and a prediction) over an image.

    Without a prediction the mask is painted in the colour of agreement; with one, agreement,
    misses and false alarms have a colour each. Shapes: image (C, H, W) or (H, W), masks (H, W);
    returns (H, W, 3) uint8.
    """
    base = to_display(image).astype(float)
    truth = np.asarray(mask) > 0
    found = truth if prediction is None else np.asarray(prediction) > 0
    for where, colour in (
        (truth & found, HIT),
        (truth & ~found, MISSED),
        (~truth & found, FALSE_ALARM),
    ):
        base[where] = (1 - strength) * base[where] + strength * 255 * np.array(to_rgb(colour))
    return base.round().astype(np.uint8)


def panel(axes: Axes, image: NDArray, title: str = "") -> None:
    """One image without ticks, at its own pixels."""
    axes.imshow(to_display(image), interpolation="none")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if title:
        axes.set_title(title, fontsize=8, loc="center", pad=3)


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
    height = width * first.shape[0] / first.shape[1] + (0.22 if captions else 0.08)
    with theme():
        figure, grid = plt.subplots(
            len(rows),
            columns,
            figsize=(columns * width + (1.05 if upright else 0.35), len(rows) * height + 0.25),
            squeeze=False,
        )
        for r, row in enumerate(rows):
            for c in range(columns):
                axes = grid[r][c]
                if c >= len(row):
                    axes.set_axis_off()
                    continue
                panel(axes, row[c], titles[c] if r == 0 and c < len(titles) else "")
                if captions and captions[r][c]:
                    axes.set_xlabel(captions[r][c], fontsize=7.5, labelpad=2)
            if row_titles:
                across = {"rotation": 0, "ha": "right", "va": "center"} if upright else {}
                grid[r][0].set_ylabel(row_titles[r], fontsize=8, **across)
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


def patch_grid(axes: Axes, image: NDArray, grid: int, title: str = "") -> None:
    """An image with the lines of a grid x grid division drawn over it."""
    panel(axes, image, title)
    height, width = to_display(image).shape[:2]
    for k in range(1, grid):
        axes.axhline(k * height / grid - 0.5, color="white", linewidth=0.6, alpha=0.8)
        axes.axvline(k * width / grid - 0.5, color="white", linewidth=0.6, alpha=0.8)


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

"""Region maps as pictures: outlines over an image, a colour for every region."""

import numpy as np
from matplotlib.colors import hsv_to_rgb, to_rgb
from numpy.typing import NDArray

from ldl.plots.images import to_display
from ldl.plots.theme import HIT

GOLDEN = 0.618034  # its multiples spread hues so that neighbours in number differ


def enlarged(values: NDArray, scale: int) -> NDArray:
    """(H, W, ...) -> (scale * H, scale * W, ...), every pixel a square."""
    return np.asarray(values).repeat(scale, axis=0).repeat(scale, axis=1)


def borders(values: NDArray) -> NDArray[np.bool_]:
    """(H, W) -> (H, W) bool: pixels with another value to any side, one pixel in either part."""
    found = np.zeros(values.shape, bool)
    across, down = values[:, 1:] != values[:, :-1], values[1:] != values[:-1]
    found[:, 1:] |= across
    found[:, :-1] |= across
    found[1:] |= down
    found[:-1] |= down
    return found


def outlined(
    image: NDArray, regions: NDArray, *, scale: int = 4, colour: str = HIT, strength: float = 0.75
) -> NDArray:
    """Region borders over an image: (C, H, W) or (H, W), and (H, W) ids -> (3, sH, sW) uint8."""
    picture = enlarged(to_display(image), scale).astype(float)
    line = borders(enlarged(regions, scale))
    paint = 255 * np.array(to_rgb(colour))
    picture[line] = (1 - strength) * picture[line] + strength * paint
    return np.moveaxis(picture.round().astype(np.uint8), -1, 0)


def region_colours(regions: NDArray, *, scale: int = 4) -> NDArray:
    """(H, W) ids -> (3, sH, sW) uint8: each id its own colour, the same in every map; -1 black."""
    ids = np.asarray(regions).astype(int)
    numbers = np.arange(max(ids.max(), 0) + 1)
    hue, light = (numbers * GOLDEN) % 1, 0.55 + 0.4 * ((numbers * 7) % 5) / 4
    table = hsv_to_rgb(np.stack([hue, np.full_like(hue, 0.55), light], axis=1))
    table = np.concatenate([table, [[0, 0, 0]]])  # what -1 points at
    return np.moveaxis(enlarged((255 * table[ids]).round().astype(np.uint8), scale), -1, 0)

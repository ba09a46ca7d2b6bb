"""Slices with outlines of organs and superpixels, as pixels: for pictures and for live widgets."""

from collections.abc import Collection

import numpy as np

from ldl.plots.images import borders, enlarged
from ldl.widgets.stacks import SliceStack

Array = np.ndarray
# Paul Tol's "muted" scheme and two lighter ones beside it, in an order that keeps neighbours in the
# organ lists apart; names in the legend and under the pointer never leave a colour alone.
PALETTE = (
    "#88CCEE", "#CC6677", "#DDCC77", "#117733", "#AA4499", "#44AA99", "#EE8866",
    "#999933", "#6F7FE0", "#FFAABB", "#BBCC33", "#882255",
)  # fmt: skip
LINE = "#F4F4F4"  # of superpixels
FILL = 0.35
THIN = 0.6  # opacity of superpixels' lines
SCALE = 4  # an outline is a quarter of a pixel wide


def colours(count: int) -> Array:
    """(1 + count, 3) uint8: colour of each label; the background's is black."""
    chosen = [PALETTE[k % len(PALETTE)] for k in range(count)]
    rows = [[int(one[k : k + 2], 16) for k in (1, 3, 5)] for one in ("#000000", *chosen)]
    return np.array(rows, np.uint8)


def paint(
    stack: SliceStack, z: int, shown: Collection[str], *, fill: float = FILL, scale: int = SCALE
) -> Array:
    """Slice ``z`` with the layers that ``shown`` names: (scale * H, scale * W, 3) uint8.

    The reference is filled, the prediction outlined, superpixels are thin lines.

    Args:
        stack: the volume.
        z: number of the slice, 0 the lowest.
        shown: some of ``stack.layers()``.
        fill: opacity of the reference, 0..1.
        scale: output pixels a pixel.
    """
    table = colours(len(stack.organs)).astype(float)
    picture = np.repeat(enlarged(stack.images[z], scale)[..., None], 3, axis=2).astype(float)
    layers = {name: layer[z] for name, layer in stack.layers().items() if name in shown}
    if "reference" in layers:
        label = enlarged(layers["reference"], scale)
        share = fill * (label > 0)[..., None]
        picture = (1 - share) * picture + share * table[label]
    if "superpixels" in layers:
        line = borders(enlarged(layers["superpixels"], scale))
        ink = np.array([int(LINE[k : k + 2], 16) for k in (1, 3, 5)])
        picture[line] += THIN * (ink - picture[line])
    if "prediction" in layers:
        label = enlarged(layers["prediction"], scale)
        line = borders(label) & (label > 0)
        picture[line] = table[label[line]]
    return picture.round().astype(np.uint8)

"""The support's own place, the comparison that looks at no image."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from ldl.localize.images import Point, Window


class PlaceMatcher:
    """Answers with the place of the support's point, as a share of the image's sides.

    Discs, foveas and hearts have their habitual places in images that are cropped alike; what a
    matcher finds beyond this it owes to the image. The map falls off as a Gaussian whose standard
    deviation is the window.
    """

    def target(self, support: Tensor, point: Point, window: Window) -> tuple[float, float]:
        """Row and column in 0..1 from edge to edge."""
        row, column = (
            (place + 0.5) / length for place, length in zip(point, support.shape[1:], strict=True)
        )
        return row, column

    def maps(
        self, targets: Sequence[tuple[float, float]], query: Tensor, window: Window
    ) -> np.ndarray:
        """(T, H, W) in 0..1, largest at the same share of the query's sides."""
        return np.stack([_map(one, (query.shape[1], query.shape[2]), window) for one in targets])


def _map(target: tuple[float, float], size: tuple[int, int], window: Window) -> np.ndarray:
    down, along = (
        np.exp(-(((np.arange(length) - (share * length - 0.5)) / side) ** 2) / 2)
        for share, length, side in zip(target, size, window, strict=True)
    )
    return np.outer(down, along).astype(np.float32)

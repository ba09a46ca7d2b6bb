"""How much of the window vectors is the place in the frame, and the vectors without it.

Retinas and chests are taken in one pose and cropped alike, so that a network can tell windows apart
by where they lie. Not in the paper.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from ldl.errors import DataError
from ldl.localize.images import Window
from ldl.localize.matchers import Embedder, EmbeddingMatcher
from ldl.runs.localize import SIGMA
from ldl.sphere import unit


@dataclass(frozen=True)
class Frame:
    """What the window vectors of some images have in common.

    The mean squared length of the vectors is the sum of three parts: that of their mean over
    everything, the variance of the places' means, and the variance of the images about them.

    Attributes:
        mean: (K, H, W) float32, the mean vector over the images at each place.
        common: share of the mean over all images and places, 0..1.
        place: share of what the place decides beyond it, 0..1.
        content: share of what differs between images at the same place, 0..1.
    """

    mean: Tensor
    common: float
    place: float
    content: float

    @property
    def shares(self) -> dict[str, float]:
        """The three parts by name; their sum is 1."""
        return {"common": self.common, "place": self.place, "content": self.content}


def frame_of(maps: Iterable[Tensor]) -> Frame:
    """The frame of some images' window vectors.

    Args:
        maps: one (K, H, W) an image, all of one shape, at least two; read once, one after another.

    Raises:
        DataError: fewer than two, or of different shapes, or all zero.
    """
    total, squares, count = None, 0.0, 0
    for one in maps:
        values = one.double()
        if total is not None and total.shape != values.shape:
            raise DataError(
                f"window vectors of shapes {tuple(total.shape)} and {tuple(values.shape)}; "
                "a frame is of images of one size"
            )
        total = values if total is None else total + values
        squares += float(values.square().sum(0).mean())
        count += 1
    if total is None or count < 2 or squares == 0:
        raise DataError(f"a frame needs two images with vectors that are not all zero, not {count}")
    mean, length = total / count, squares / count
    common = float(mean.mean((1, 2)).square().sum()) / length
    both = float(mean.square().sum(0).mean()) / length
    return Frame(mean.float(), common, both - common, 1 - both)


class CentredMatcher(EmbeddingMatcher):
    """Eq. 26 and 35 on window vectors less their place's mean, unit again.

    The mean is over unlabelled images, the queries among them; a query of another size gets it
    enlarged or reduced.

    Args:
        embedder: as in `EmbeddingMatcher`.
        mean: (K, H, W) of :func:`frame_of` for the same embedder, window and sigma.
        sigma: of Eq. 24; None averages evenly over the window.
    """

    def __init__(self, embedder: Embedder, mean: Tensor, *, sigma: float | None = SIGMA) -> None:
        super().__init__(embedder, sigma=sigma)
        self.mean = mean

    def vectors(self, image: Tensor, window: Window) -> Tensor:
        """(K, H, W) unit vectors of the windows, the zero vector where only the mean is there."""
        values = super().vectors(image, window)
        mean = self.mean.to(values)
        if len(mean) != len(values):
            raise DataError(f"the mean has {len(mean)} dimensions, the embedder {len(values)}")
        if mean.shape != values.shape:
            size = values.shape[1:]
            mean = F.interpolate(mean[None], size, mode="bilinear", align_corners=False)[0]
        return unit(values - mean, dim=0)

"""What the localization widget shows: images, the landmarks on them, and how each variant sees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ldl.errors import ConfigError
from ldl.localize import EmbeddingMatcher, Point
from ldl.localize.images import LEAST_WINDOW, as_image, check_point, is_blank
from ldl.widgets.fitting import check
from ldl.widgets.quantise import Quantised, cell_means, quantised, stride_within

BUDGET = 4_000_000  # bytes of maps in a live widget; pages give less
LARGEST = 0.5  # of the support's smaller side: the slider's end


@dataclass(frozen=True)
class Variant:
    """A network and its test stage.

    Attributes:
        label: its name.
        sigma: of Eq. 24; None averages evenly over the window.
        maps: one an image.
        words: where the network comes from.
    """

    label: str
    sigma: float | None
    maps: tuple[Quantised, ...]
    words: str = ""


@dataclass(frozen=True)
class Scene:
    """Some images of one kind; the first is the support, the others are queries.

    Attributes:
        name: of the kind.
        images: (C, H, W) float32 in 0..1 each.
        names: one an image.
        stride: pixels of a cell's side.
        variants: at least one.
        window: the slider's start, in pixels of the support.
        start: (row, column) in the support where the point begins.
        landmarks: name -> (N, 2) true rows and columns, one an image.
        words: what the images are, with their licence; one sentence.
    """

    name: str
    images: tuple[Tensor, ...]
    names: tuple[str, ...]
    stride: int
    variants: tuple[Variant, ...]
    window: float
    start: Point
    landmarks: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    words: str = ""

    @property
    def windows(self) -> tuple[float, float]:
        """The slider's ends: two pixels (a cell, where that is larger), half the support."""
        side = min(self.images[0].shape[1:])
        return max(LEAST_WINDOW, float(self.stride)), float(max(2, int(LARGEST * side)))

    @property
    def blank(self) -> tuple[bool, ...]:
        """Which images show nothing."""
        return tuple(is_blank(one) for one in self.images)


def scene(
    name: str,
    images: Sequence[Tensor | NDArray],
    matchers: Mapping[str, EmbeddingMatcher],
    *,
    window: float,
    start: Point | None = None,
    names: Sequence[str] | None = None,
    landmarks: Mapping[str, NDArray] | None = None,
    words: str = "",
    notes: Mapping[str, str] | None = None,
    budget: int = BUDGET,
) -> Scene:
    """Embed every image with every matcher's network and keep the maps as bytes.

    Args:
        name: of the kind of images.
        images: (C, H, W) uint8 or float in 0..1; the support first, then at least one query.
            A query of another size is taken for the same field of view, as in
            :func:`ldl.localize.localize`.
        matchers: label -> network and sigma, at least one.
        window: side of the window in pixels of the support.
        start: where the point begins; the first landmark, else the middle.
        names: of the images; their numbers by default.
        landmarks: name -> true (row, column) of each image.
        words: what the images are.
        notes: label -> where that network comes from.
        budget: bytes of all maps; the cells are as small as it allows.

    Raises:
        ConfigError: no matcher, a point outside the support, or a window out of range.
        DataError: fewer than two images, or names or landmarks that do not fit them.
    """
    given = tuple(as_image(one, f"image {k}") for k, one in enumerate(images))
    titles = tuple(names or [str(k) for k in range(len(given))])
    points = {key: np.asarray(each, dtype=np.float64) for key, each in (landmarks or {}).items()}
    check(given, titles, points, matchers)
    place = start or (_pair(next(iter(points.values()))[0]) if points else _middle(given[0]))
    size = (int(given[0].shape[1]), int(given[0].shape[2]))
    check_point(place, size)
    stride = _stride(given, matchers, budget)
    variants = tuple(
        Variant(label, matcher.sigma, _maps(matcher, given, stride), (notes or {}).get(label, ""))
        for label, matcher in matchers.items()
    )
    made = Scene(name, given, titles, stride, variants, float(window), place, points, words)
    least, most = made.windows
    if not least <= window <= most:
        raise ConfigError(f"window is {window:g} pixels; the widget takes {least:g} to {most:g}")
    return made


@torch.no_grad()
def _maps(
    matcher: EmbeddingMatcher, images: Sequence[Tensor], stride: int
) -> tuple[Quantised, ...]:
    embedded = (matcher.embedder(one[None])[0] for one in images)
    return tuple(quantised(cell_means(one.float(), stride)) for one in embedded)


@torch.no_grad()
def _stride(images: Sequence[Tensor], matchers: Mapping[str, EmbeddingMatcher], budget: int) -> int:
    sizes = [(int(one.shape[1]), int(one.shape[2])) for one in images]
    first = next(iter(matchers.values()))
    channels = int(first.embedder(images[0][None]).shape[1])
    return stride_within(budget, sizes, channels, len(matchers))


def _pair(point: NDArray) -> Point:
    return float(point[0]), float(point[1])


def _middle(image: Tensor) -> Point:
    return (image.shape[1] - 1) / 2, (image.shape[2] - 1) / 2

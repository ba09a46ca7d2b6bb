"""How alike every pixel of a query is to a place: window vectors (Eq. 26, 35), and baselines.

The baselines are raw features of the encoder, vectors without their place in the frame, normalised
cross-correlation, and the support's own place.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from skimage.feature import match_template as correlate
from skimage.transform import resize
from torch import Tensor, nn

from ldl.data.colour import normalise
from ldl.errors import ConfigError, DataError
from ldl.losses.vectors import symmetric_kernel
from ldl.runs.localize import SIGMA, STRIDES
from ldl.sphere import full_precision, unit

Point = tuple[float, float]  # (row, column) in pixels, the first pixel's centre at (0.0, 0.0)
Window = tuple[float, float]  # rows, columns in pixels
LEAST_WINDOW = 2.0
GREY_LEVEL = 1 / 255


def as_image(image: Any, name: str) -> Tensor:
    """(C, H, W) uint8 0..255 or float 0..1, tensor or array -> (C, H, W) float32 0..1."""
    given = image if isinstance(image, Tensor) else torch.from_numpy(np.array(image))
    if given.ndim != 3 or 0 in given.shape:
        raise DataError(
            f"{name} has shape {tuple(given.shape)}; (channels, rows, columns) is asked"
        )
    values = given.float() / 255 if given.dtype == torch.uint8 else given.float()
    if not values.isfinite().all():
        raise DataError(f"{name} has pixels that are not finite; mend or leave out that image")
    low, high = float(values.min()), float(values.max())
    if low < -GREY_LEVEL or high > 1 + GREY_LEVEL:
        raise DataError(f"{name} has values {low:.3g}..{high:.3g}; give uint8, or float in 0..1")
    return values


def is_blank(image: Tensor) -> bool:
    """Whether no channel of (C, H, W) in 0..1 spans a grey level."""
    flat = image.flatten(1)
    return bool((flat.amax(1) - flat.amin(1)).max() < GREY_LEVEL)


def check_point(point: Point, shape: tuple[int, int]) -> Point:
    """Refuse a point outside the pixels of an image: -0.5 to H - 0.5, -0.5 to W - 0.5."""
    place = tuple(float(value) for value in point)
    if len(place) != 2 or not all(math.isfinite(value) for value in place):
        raise ConfigError(f"point is {place}; give (row, column) as two finite numbers")
    row, column = place
    if not (-0.5 <= row <= shape[0] - 0.5 and -0.5 <= column <= shape[1] - 0.5):
        raise ConfigError(
            f"point (row {row:g}, column {column:g}) lies outside the support image of "
            f"{shape[0]} rows and {shape[1]} columns"
        )
    return row, column


def window_for(window: float, support: tuple[int, int], image: tuple[int, int]) -> Window:
    """``window``, in pixels of the support, as (rows, columns) in pixels of another image.

    An image of another size is taken for the same field of view at another sampling: rows and
    columns scale on their own.
    """
    if not LEAST_WINDOW <= window <= min(support):
        raise ConfigError(
            f"window is {window} pixels; it must lie between {LEAST_WINDOW:g} and the support's "
            f"smaller side, {min(support)}"
        )
    rows, columns = (window * there / here for there, here in zip(image, support, strict=True))
    if min(rows, columns) < LEAST_WINDOW:
        raise ConfigError(
            f"window of {window:g} pixels is {min(rows, columns):.2g} in a query of "
            f"{image[0]}x{image[1]}; enlarge the query or the window"
        )
    return rows, columns


def filtered(embedding: Tensor, window: Window, *, sigma: float | None = SIGMA) -> Tensor:
    """Eq. 26: (..., K, H, W) filtered with the centre-sensitive kernel, unit again at every pixel.

    The convolution is separable, and each factor is written as a banded matrix: two matrix
    products over all channels, which is faster than a depthwise convolution from a few taps on.
    Where the window leaves the image the kernel is cut and its weights are divided by their sum.
    float32 (float64 for float64).

    Args:
        sigma: of Eq. 24, relative to half the window; None averages evenly.
    """
    values = full_precision(embedding)
    height, width = values.shape[-2:]
    rows = _band(height, window[0], sigma).to(values)
    columns = _band(width, window[1], sigma).to(values)
    return unit(rows @ (values @ columns.T), dim=-3)


def _band(length: int, window: float, sigma: float | None) -> Tensor:
    """(length, length): row i holds the kernel about pixel i, cut at the border, with sum 1."""
    kernel = symmetric_kernel(window, sigma=sigma)
    reach = len(kernel) // 2
    number = torch.arange(length)
    offset = number[None, :] - number[:, None]
    taps = kernel[(offset + reach).clamp(0, len(kernel) - 1)]
    band = torch.where(offset.abs() <= reach, taps, 0.0)
    return band / band.sum(dim=1, keepdim=True)


def vector_at(maps: Tensor, point: Point) -> Tensor:
    """The unit vector of (K, H, W) at (row, column), bilinear between pixel centres: (K,).

    Between the outermost pixel centres and the border it is that of the nearest centre.
    """
    (top, bottom, down), (left, right, along) = (
        _between(place, length) for place, length in zip(point, maps.shape[-2:], strict=True)
    )
    upper = (1 - along) * maps[:, top, left] + along * maps[:, top, right]
    lower = (1 - along) * maps[:, bottom, left] + along * maps[:, bottom, right]
    return unit((1 - down) * upper + down * lower, dim=0)


def _between(place: float, length: int) -> tuple[int, int, float]:
    inside = min(max(place, 0.0), length - 1.0)
    before = min(math.floor(inside), max(length - 2, 0))
    return before, min(before + 1, length - 1), inside - before


# (B, C, H, W) float in 0..1 -> (B, K, H, W) unit vectors of the pixels.
Embedder = Callable[[Tensor], Tensor]


class Matcher(Protocol):
    """A way to find a place again: what it keeps of the support, and its maps on a query."""

    def target(self, support: Tensor, point: Point, window: Window) -> Any:
        """What represents ``point`` of the support (C, H, W) float in 0..1."""

    def maps(self, targets: Sequence[Any], query: Tensor, window: Window) -> np.ndarray:
        """(T, H, W) float32 in -1..1: how alike each pixel of the query is to each target."""


class EmbeddingMatcher:
    """Eq. 26 and 35: cosine similarity of centre-sensitive embeddings.

    Args:
        embedder: any callable (B, C, H, W) float in 0..1 -> (B, K, H, W) unit vectors. It is
            given tensors on the CPU and may answer on another device, where the filter then runs.
        sigma: of Eq. 24; None averages evenly over the window (variants without ``cs``).
    """

    def __init__(self, embedder: Embedder, *, sigma: float | None = SIGMA) -> None:
        self.embedder, self.sigma = embedder, sigma

    @torch.no_grad()
    def target(self, support: Tensor, point: Point, window: Window) -> Tensor:
        """s_t: the filtered embedding at the point, (K,) unit vector."""
        return vector_at(self.vectors(support, window), point)

    @torch.no_grad()
    def maps(self, targets: Sequence[Tensor], query: Tensor, window: Window) -> np.ndarray:
        """(T, H, W) cosines; every query is embedded and filtered once for all targets."""
        values = self.vectors(query, window)
        dims = {len(one) for one in targets} | {len(values)}
        if len(dims) > 1:
            raise DataError(f"the embedder gives vectors of {sorted(dims)} dimensions")
        cosines = torch.stack(list(targets)) @ values.flatten(1)
        return cosines.view(-1, *values.shape[1:]).cpu().numpy()

    def vectors(self, image: Tensor, window: Window) -> Tensor:
        """Eq. 26: (C, H, W) float in 0..1 -> (K, H, W) unit vectors of every pixel's window."""
        embedding, (height, width) = self.embedder(image[None]), image.shape[1:]
        if embedding.ndim != 4 or embedding[:, 0].shape != (1, height, width):
            raise DataError(
                f"the embedder gave {tuple(embedding.shape)} for an image of {height}x{width}; "
                f"(1, K, {height}, {width}) is asked"
            )
        if not embedding.isfinite().all():
            raise DataError("the embedder gave values that are not finite; were its weights lost?")
        return filtered(embedding[0], window, sigma=self.sigma)


MULTIPLE = 16  # the networks halve their maps four times


def fitted(embedder: Embedder, *, multiple: int = MULTIPLE) -> Embedder:
    """``embedder`` for images of any size: the last row and column are repeated up to a multiple.

    The answer is cut back to the image's own pixels, so coordinates stay as they are.
    """

    def embed(images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        more = (0, -width % multiple, 0, -height % multiple)
        padded = F.pad(images, more, mode="replicate") if any(more) else images
        return embedder(padded)[..., :height, :width]

    return embed


def network_embedder(net: nn.Module) -> Embedder:
    """The pixel embedding v (LDL Eq. 2) of a network in eval mode, whose first output it is."""
    return fitted(lambda images: net(_given(net, images))[0])


def feature_embedder(encoder: nn.Module, *, stride: int = 16) -> Embedder:
    """Raw features of an encoder, bilinear between their pixel centres, unit at every pixel.

    What localization gives without the decoder and the embedding branch: the comparison that the
    paper lacks. Of an encoder in eval mode (normalised images -> features at strides 1 to 16) those
    of one ``stride``. They follow a ReLU, so their cosines are never negative, and a pixel where no
    channel fires has the zero vector.
    """
    if stride not in STRIDES:
        raise ConfigError(f"stride is {stride}; use one of {', '.join(map(str, STRIDES))}")

    def embed(images: Tensor) -> Tensor:
        features = full_precision(encoder(_given(encoder, images))[STRIDES.index(stride)])
        size = images.shape[-2:]
        return unit(F.interpolate(features, size, mode="bilinear", align_corners=False), dim=1)

    return fitted(embed)


def _given(net: nn.Module, images: Tensor) -> Tensor:
    """What the network expects, on its device."""
    weight = next(net.parameters(), None)
    return normalise(images if weight is None else images.to(weight.device))


class Frame(NamedTuple):
    """What the window vectors of some images have in common.

    The mean squared length of the vectors is the sum of three parts: that of their mean over
    everything, the variance of the places' means, and the variance of the images about them.

    Attributes:
        mean: (K, H, W) float32, the mean vector over the images at each place.
        shares: of the sum, 0..1: "common" to all images and places, what the "place" decides
            beyond it, and the "content", which differs between images at the same place.
    """

    mean: Tensor
    shares: dict[str, float]


def frame_of(maps: Iterable[Tensor]) -> Frame:
    """The frame of at least two images' window vectors, (K, H, W) each, read once."""
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
    shares = {"common": common, "place": both - common, "content": 1 - both}
    return Frame(mean.float(), shares)


class CentredMatcher(EmbeddingMatcher):
    """Eq. 26 and 35 on window vectors less their place's ``mean``, unit again.

    The mean, (K, H, W) of `frame_of`, is over unlabelled images, the queries among them; a query of
    another size gets it enlarged or reduced.
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


class Template(NamedTuple):
    """The support's window: pixels (h, w, C) float in 0..1, and where in it the point lies."""

    pixels: np.ndarray
    anchor: tuple[int, int]
    window: Window


class TemplateMatcher:
    """Zero-mean normalised cross-correlation of the grey or colour window (scikit-image).

    Each channel is correlated on its own and the coefficients are averaged: taken together, the
    channels' differing levels make every reddish place of an eye resemble every other. At the
    border the template is what is left of the window and the query goes on with its outermost
    pixels. A query of another size gets a resized template. A constant window correlates with
    nothing: its map is 0.
    """

    def target(self, support: Tensor, point: Point, window: Window) -> Template:
        """The window of the support about the pixel nearest to the point."""
        pixels = support.permute(1, 2, 0).numpy()
        (top, bottom), (left, right) = (
            _span(place, side, length)
            for place, side, length in zip(point, window, pixels.shape[:2], strict=True)
        )
        anchor = tuple(
            min(max(round(place), 0), length - 1) - start
            for place, start, length in zip(point, (top, left), pixels.shape[:2], strict=True)
        )
        return Template(pixels[top:bottom, left:right], (anchor[0], anchor[1]), window)

    def maps(self, targets: Sequence[Template], query: Tensor, window: Window) -> np.ndarray:
        """(T, H, W) correlation coefficients with each template's point at the pixel."""
        pixels = query.permute(1, 2, 0).numpy()
        return np.stack([_map(_resized(one, window), pixels) for one in targets])


def _span(place: float, side: float, length: int) -> tuple[int, int]:
    middle = min(max(round(place), 0), length - 1)
    reach = max(1, round(side / 2))
    return max(0, middle - reach), min(length, middle + reach + 1)


def _resized(template: Template, window: Window) -> Template:
    if window == template.window:
        return template
    before = template.pixels.shape[:2]
    factor = [there / here for there, here in zip(window, template.window, strict=True)]
    after = [max(2, round(f * length)) for f, length in zip(factor, before, strict=True)]
    pixels = resize(template.pixels, after, anti_aliasing=True).astype(np.float32)
    row, column = (
        min(round((place + 0.5) * new / old - 0.5), new - 1)
        for place, new, old in zip(template.anchor, after, before, strict=True)
    )
    return Template(pixels, (max(row, 0), max(column, 0)), window)


def _map(template: Template, query: np.ndarray) -> np.ndarray:
    height, width = template.pixels.shape[:2]
    row, column = template.anchor
    around = ((row, height - 1 - row), (column, width - 1 - column), (0, 0))
    padded = np.pad(query, around, mode="edge")
    channels = [correlate(padded[..., c], template.pixels[..., c]) for c in range(padded.shape[2])]
    return np.clip(np.mean(channels, axis=0), -1, 1).astype(np.float32)


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
        down, along = (
            np.exp(-(((np.arange(length) - (share[:, None] * length - 0.5)) / side) ** 2) / 2)
            for share, length, side in zip(
                np.array(targets).T, query.shape[1:], window, strict=True
            )
        )
        return (down[:, :, None] * along[:, None, :]).astype(np.float32)

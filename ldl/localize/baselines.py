"""What a network is held against: normalised cross-correlation, and the support's own place."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from skimage.feature import match_template as correlate
from skimage.transform import resize
from torch import Tensor

from ldl.localize.images import Point, Window


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
        return np.stack([_hill(one, (query.shape[1], query.shape[2]), window) for one in targets])


def _hill(target: tuple[float, float], size: tuple[int, int], window: Window) -> np.ndarray:
    down, along = (
        np.exp(-(((np.arange(length) - (share * length - 0.5)) / side) ** 2) / 2)
        for share, length, side in zip(target, size, window, strict=True)
    )
    return np.outer(down, along).astype(np.float32)

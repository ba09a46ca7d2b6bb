"""A template in its own image, shifted and turned: how far off is what finds it again?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from ldl.localize import Matcher, Point, read_map
from ldl.localize.images import as_image
from ldl.rng import numpy_generator

MARGIN = 16  # pixels that an image can be shifted by
TURNS = 4
CLOSE = 1.0  # pixels: found again
STEPS = (0, 1, 2, 3, 4, 6, 8, 12, 16)  # columns that an image is shifted by, for the curve


@dataclass(frozen=True)
class Offset:
    """How far off one search is, in pixels.

    Attributes:
        peak: of the maximum (Eq. 35).
        answer: of the centroid of its region.
        stayed: of the maximum from where the point was in the support.
    """

    peak: float
    answer: float
    stayed: float


def points_in(count: int, side: int, seed: int = 0) -> list[Point]:
    """Whole pixels that stay ``MARGIN`` and more inside a square of ``side``, however shifted."""
    reach = MARGIN + max(2, side // 16)
    drawn = numpy_generator(seed, "points").integers(reach, side - reach, (count, 2))
    return [(float(row), float(column)) for row, column in drawn]


def cut(image: Tensor, down: int = 0, along: int = 0) -> Tensor:
    """The middle of (C, S + 2 MARGIN, S + 2 MARGIN), moved.

    What lay at a point lies (down, along) before it.
    """
    high, wide = (length - 2 * MARGIN for length in image.shape[1:])
    return image[:, MARGIN + down : MARGIN + down + high, MARGIN + along : MARGIN + along + wide]


def shifted(
    matcher: Matcher, image: Tensor, point: Point, window: float, shifts: Iterable[tuple[int, int]]
) -> list[Offset]:
    """The point of the middle part, looked for in parts that are moved by ``shifts``.

    Args:
        image: (C, S + 2 MARGIN, S + 2 MARGIN) float in 0..1.
        point: row, column in the middle part.
        window: in pixels.
        shifts: rows and columns, -MARGIN to MARGIN each.
    """
    sides = (window, window)
    target = matcher.target(cut(image), point, sides)
    found = []
    for down, along in shifts:
        similarity = matcher.maps([target], cut(image, down, along).contiguous(), sides)[0]
        found.append(_offset(similarity, (point[0] - down, point[1] - along), point, window))
    return found


def turned(matcher: Matcher, image: Tensor, point: Point, window: float) -> list[Offset]:
    """The point of a square image, looked for in the image turned by 0, 90, 180 and 270 degrees."""
    sides, last = (window, window), image.shape[-1] - 1
    target = matcher.target(image, point, sides)
    found, truth = [], point
    for quarters in range(TURNS):
        query = image.rot90(quarters, (1, 2)).contiguous()
        found.append(_offset(matcher.maps([target], query, sides)[0], truth, point, window))
        truth = (last - truth[1], truth[0])
    return found


def _offset(similarity: NDArray, truth: Point, before: Point, window: float) -> Offset:
    found = read_map(similarity, (window, window))
    return Offset(
        _distance(found.peak, truth), _distance(found.guess, truth), _distance(found.peak, before)
    )


def _distance(one: Point, other: Point) -> float:
    return float(np.hypot(one[0] - other[0], one[1] - other[1]))


def random_shifts(count: int, seed: int = 0) -> list[tuple[int, int]]:
    """Of up to ``MARGIN`` pixels in rows and columns."""
    drawn = numpy_generator(seed, "shifts").integers(-MARGIN, MARGIN + 1, (count, 2))
    return [(int(down), int(along)) for down, along in drawn]


def summary(
    name: str, matcher: Matcher, images: Sequence[Tensor], window: float, *, seed: int = 0
) -> dict[str, str]:
    """One line of a table: the same image, shifted, turned by 90 degrees.

    Args:
        name: of the embedder.
        images: (C, S + 2 MARGIN, S + 2 MARGIN) float in 0..1 or uint8.
    """
    given = [as_image(image, name) for image in images]
    points = points_in(len(given), given[0].shape[-1] - 2 * MARGIN, seed)
    moves = random_shifts(len(given), seed)
    same, away, round_ = list[Offset](), list[Offset](), list[Offset]()
    for image, point, move in zip(given, points, moves, strict=True):
        own, other = shifted(matcher, image, point, window, [(0, 0), move])
        same.append(own)
        away.append(other)
        round_.append(turned(matcher, cut(image).contiguous(), point, window)[1])
    return {
        "embedder": name,
        "its own image": words(same),
        f"shifted by up to {MARGIN} px": words(away),
        "turned by 90°": words(round_),
    }


def words(found: Sequence[Offset]) -> str:
    """Median error of peak and answer in pixels, and how many peaks are at most 1 px off."""
    peaks = np.array([one.peak for one in found])
    answers = np.array([one.answer for one in found])
    stayed = sum(one.stayed < one.peak for one in found)
    text = (
        f"{np.median(peaks):.1f} px <small>(answer {np.median(answers):.1f})</small><br>"
        f"<small>{int((peaks <= CLOSE).sum())} of {len(peaks)} within {CLOSE:g} px</small>"
    )
    return text + (f"<br><small>{stayed} nearer to the old place</small>" if stayed else "")


def over_shifts(
    matchers: dict[str, Matcher], images: Sequence[Tensor], window: float, *, seed: int = 0
) -> pd.DataFrame:
    """Median error of the peak over the columns an image is shifted by, with its quartiles.

    Returns:
        columns panel, method, shift, ours, low, high: what `ldl.plots.interval_lines` draws.
    """
    given = [as_image(image, "image") for image in images]
    points = points_in(len(given), given[0].shape[-1] - 2 * MARGIN, seed)
    lines = []
    for name, matcher in matchers.items():
        found = [
            shifted(matcher, image, point, window, [(0, step) for step in STEPS])
            for image, point in zip(given, points, strict=True)
        ]
        for number, step in enumerate(STEPS):
            errors = [one[number].peak for one in found]
            low, middle, high = np.quantile(errors, [0.25, 0.5, 0.75])
            lines.append(
                {"panel": "", "method": name, "shift": step, "ours": middle, "low": low}
                | {"high": high}
            )
    return pd.DataFrame(lines)

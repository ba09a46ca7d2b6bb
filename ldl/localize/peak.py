"""From a similarity map to a point, or to the reason why there is none (LDL section 6.3.1)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage

from ldl.localize.matchers import Point, Window

Status = Literal["found", "ambiguous", "flat", "absent"]
SHARE = 0.95  # of the maximum: what belongs to the region whose centroid is the point
# A second place within the same 5 % of the climb from the map's median to its maximum.
LEAST_SHARPNESS = 1 - SHARE
LEAST_RISE = 0.01  # of the maximum over the map's median, in cosine
LARGEST_REGION = 4.0  # in windows; a larger region has a centroid but no place


@dataclass(frozen=True)
class Localization:
    """What one-shot localization answers.

    Attributes:
        point: (row, column) in the query's pixels, the first pixel's centre at (0.0, 0.0); None
            unless ``status`` is "found".
        similarity: (H, W) float32 in -1..1, in the query's pixels.
        sharpness: 0..1, how far the maximum stands above the next best place, as a share of how
            far it stands above the map's median: 1 without a rival, 0 where two places are equally
            alike or nothing stands out. The next best place is the highest local maximum more than
            half a window away.
        status: "found"; "ambiguous": a second place is as good; "flat": the map has no place that
            stands out; "absent": no pixel is similar at all.
        reason: the same in words with the numbers; empty when found.
        peak: (row, column) of the maximum (Eq. 35), the first in reading order of equal ones.
        guess: what the paper's protocol answers whatever the map looks like: the centroid of the
            8-connected region of at least 95 % of the maximum that holds the peak.
    """

    point: Point | None
    similarity: np.ndarray
    sharpness: float
    status: Status
    reason: str
    peak: tuple[int, int]
    guess: Point


def read_map(similarity: np.ndarray, window: Window, *, blank: str = "") -> Localization:
    """The point that a similarity map shows (Eq. 35, threshold, component, centroid).

    The threshold is read on the cosine itself: similarity >= 0.95 x the maximum, which means
    something only where the maximum is above 0. Where it is not, nothing in the query points in
    the template's direction, and the answer is "absent" (the region is then the peak alone).

    Args:
        similarity: (H, W) in -1..1, finite.
        window: rows, columns in pixels of the map.
        blank: why the map says nothing whatever it shows, if it does; the status is then "flat".
    """
    row, column = np.unravel_index(int(similarity.argmax()), similarity.shape)
    peak = (int(row), int(column))
    top = float(similarity[peak])
    region = similarity >= SHARE * top if top > 0 else similarity == top
    labels, _ = ndimage.label(region, structure=np.ones((3, 3)))
    rows, columns = np.nonzero(labels == labels[peak])
    guess = (float(rows.mean()), float(columns.mean()))
    rise = top - float(np.median(similarity))
    sharpness = _sharpness(similarity, peak, window, rise)
    size = len(rows) / (window[0] * window[1])
    status, reason = _judge(top, rise, size, sharpness, blank)
    point = guess if status == "found" else None
    return Localization(point, similarity, sharpness, status, reason, peak, guess)


def _sharpness(similarity: np.ndarray, peak: tuple[int, int], window: Window, rise: float) -> float:
    if rise < LEAST_RISE:
        return 0.0
    reach = [max(1, round(side / 2)) for side in window]
    highest = ndimage.maximum_filter(similarity, [2 * one + 1 for one in reach], mode="nearest")
    rivals = similarity == highest
    near = tuple(
        slice(max(0, place - one), place + one + 1) for place, one in zip(peak, reach, strict=True)
    )
    rivals[near] = False
    if not rivals.any():
        return 1.0
    return min(1.0, float(similarity[peak] - similarity[rivals].max()) / rise)


def _judge(
    top: float, rise: float, size: float, sharpness: float, blank: str
) -> tuple[Status, str]:
    if blank:
        return "flat", blank
    if top <= 0:
        return "absent", f"no pixel is similar: the largest similarity is {top:.3f}"
    if rise < LEAST_RISE:
        return "flat", f"the largest similarity, {top:.3f}, is only {rise:.3f} above the median"
    if size > LARGEST_REGION:
        return "flat", f"the region of {SHARE:.0%} of the maximum is as large as {size:.1f} windows"
    if sharpness < LEAST_SHARPNESS:
        return "ambiguous", f"a second place is nearly as similar (sharpness {sharpness:.3f})"
    return "found", ""

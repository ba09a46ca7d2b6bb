"""How far the page's answers lie from those on whole, unrounded maps: measured on its scenes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ldl.experiments.demo_localization import Demo
from ldl.localize import FACTORS, Localization, find
from ldl.widgets import emulated, to_pixels


@dataclass(frozen=True)
class Agreement:
    """Answers compared, one a query, variant and landmark.

    Attributes:
        answers: how many.
        same: of them with the same verdict.
        within: of them with points (guesses included) within one cell.
        farthest: largest distance in pixels where both say "found"; nan where that never is.
        found: of the page's answers, how many are.
        right: of these, how many lie within the widest threshold of Table 7 of the true place.
    """

    answers: int
    same: int
    within: int
    farthest: float
    found: int
    right: int


@dataclass(frozen=True)
class _Pair:
    ours: Localization
    whole: Localization
    apart: float
    miss: float


def agreement(demo: Demo) -> Agreement:
    """Every query under every variant, with the point on each landmark (or where it begins)."""
    scene = demo.scene
    marks = [np.asarray(one) for one in scene.landmarks.values()]
    unknown = np.full((len(scene.images), 2), np.nan)
    unknown[0] = scene.start
    pairs = [pair for truth in marks or [unknown] for pair in _pairs(demo, truth)]
    found = [one for one in pairs if one.ours.status == "found"]
    both = [one.apart for one in found if one.whole.status == "found"]
    return Agreement(
        answers=len(pairs),
        same=sum(one.ours.status == one.whole.status for one in pairs),
        within=sum(one.apart <= scene.stride for one in pairs),
        farthest=max(both, default=float("nan")),
        found=len(found),
        right=sum(one.miss < FACTORS[-1] * scene.window for one in found),
    )


def _pairs(demo: Demo, truth: NDArray[np.float64]) -> Iterator[_Pair]:
    scene = demo.scene
    point = (float(truth[0][0]), float(truth[0][1]))
    for number, network in enumerate(demo.networks.values()):
        answers = emulated(scene, number, point, scene.window)
        for ours, query, place in zip(answers, scene.images[1:], truth[1:], strict=True):
            whole = find(network.matcher, scene.images[0], point, query, window=scene.window)
            guess = to_pixels(scene, ours.guess)
            apart, miss = (float(np.hypot(*np.subtract(guess, p))) for p in (whole.guess, place))
            yield _Pair(ours, whole, apart, miss)

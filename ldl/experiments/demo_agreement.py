"""How far the page's answers lie from those on whole, unrounded maps: measured on its scenes."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ldl.experiments.demo_localization import Demo
from ldl.localize import Point, find
from ldl.widgets import emulated, to_pixels


@dataclass(frozen=True)
class Agreement:
    """Answers compared, one a query, variant and landmark.

    Attributes:
        answers: how many.
        same: of them with the same verdict.
        within: of them with points (guesses included) within one cell.
        farthest: largest distance in pixels where both say "found"; nan where that never is.
    """

    answers: int
    same: int
    within: int
    farthest: float


def agreement(demo: Demo) -> Agreement:
    """Every query under every variant, with the point on each landmark (or where it begins)."""
    pairs = [pair for point in _points(demo) for pair in _pairs(demo, point)]
    return Agreement(
        answers=len(pairs),
        same=sum(same for same, _, _ in pairs),
        within=sum(off <= demo.scene.stride for _, off, _ in pairs),
        farthest=max((off for _, off, both in pairs if both), default=float("nan")),
    )


def _points(demo: Demo) -> list[Point]:
    marks = demo.scene.landmarks.values()
    return [(float(one[0][0]), float(one[0][1])) for one in marks] or [demo.scene.start]


def _pairs(demo: Demo, point: Point) -> Iterable[tuple[bool, float, bool]]:
    scene = demo.scene
    for number, network in enumerate(demo.networks.values()):
        answers = emulated(scene, number, point, scene.window)
        for query, ours in zip(scene.images[1:], answers, strict=True):
            whole = find(network.matcher, scene.images[0], point, query, window=scene.window)
            off = np.hypot(*np.subtract(to_pixels(scene, ours.guess), whole.guess))
            both = ours.status == whole.status == "found"
            yield ours.status == whole.status, float(off), both

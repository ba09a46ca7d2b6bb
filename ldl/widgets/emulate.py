"""What the page computes, in Python: the same arithmetic on the same bytes."""

import numpy as np

from ldl.localize import Localization, Point, filtered, read_map, vector_at
from ldl.localize.images import Window, window_for
from ldl.localize.oneshot import blank_reason
from ldl.widgets.packing import restored
from ldl.widgets.scene import Scene


def emulated(scene: Scene, variant: int, point: Point, window: float) -> list[Localization]:
    """Eq. 26 and 35 on quantised cells, one answer a query.

    Args:
        scene: images and maps.
        variant: its number.
        point: (row, column) in pixels of the support.
        window: its side in pixels of the support.

    Returns:
        maps, peaks and points in **cells** of the query; :func:`to_pixels` takes a point back.
    """
    chosen = scene.variants[variant]
    support = restored(chosen.maps[0])
    target = vector_at(
        filtered(support, _cells(scene, 0, window), sigma=chosen.sigma), to_cells(scene, point)
    )
    answers = []
    for number in range(1, len(scene.images)):
        sides = _cells(scene, number, window)
        values = filtered(restored(chosen.maps[number]), sides, sigma=chosen.sigma)
        similarity = (target @ values.flatten(1)).view(values.shape[1:]).numpy()
        blank = blank_reason(scene.blank[0], scene.blank[number])
        answers.append(read_map(similarity, sides, blank=blank))
    return answers


def best_asked(scene: Scene, within: float) -> tuple[Scene, int]:
    """The scene from the support, landmark and variant with the most right answers, and how many.

    A right answer says "found" and lies within ``within`` windows of the true place. Of equals the
    last variant, then the first landmark and support count: a demo should open on what the method
    can do, and say that this was chosen.
    """
    asked = [
        scene.asked_from(support, landmark, variant)
        for variant in reversed(range(len(scene.variants)))
        for landmark in scene.landmarks
        for support in range(len(scene.images))
    ]
    rights = [_right(one, within) for one in asked]
    return (asked[int(np.argmax(rights))], max(rights)) if asked else (scene, 0)


def _right(scene: Scene, within: float) -> int:
    truths = next(each for each in scene.landmarks.values() if tuple(each[0]) == scene.start)
    answers = emulated(scene, scene.opens, scene.start, scene.window)
    return sum(
        one.status == "found"
        and np.hypot(*np.subtract(to_pixels(scene, one.guess), truth)) < within * scene.window
        for one, truth in zip(answers, truths[1:], strict=True)
    )


def to_cells(scene: Scene, point: Point) -> Point:
    """Pixels -> cells; both count from the centre of the first."""
    row, column = ((place + 0.5) / scene.stride - 0.5 for place in point)
    return row, column


def to_pixels(scene: Scene, point: Point) -> Point:
    """Cells -> pixels."""
    row, column = ((place + 0.5) * scene.stride - 0.5 for place in point)
    return row, column


def _cells(scene: Scene, number: int, window: float) -> Window:
    """The window in cells of an image."""
    here, there = (
        (int(scene.images[k].shape[1]), int(scene.images[k].shape[2])) for k in (0, number)
    )
    rows, columns = window_for(window, here, there)
    return rows / scene.stride, columns / scene.stride

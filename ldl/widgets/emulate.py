"""What the page computes, in Python: the same arithmetic on the same bytes."""

from ldl.localize import Localization, Point, filtered, read_map, vector_at
from ldl.localize.images import Window, window_for
from ldl.localize.oneshot import blank_reason
from ldl.widgets.quantise import restored
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

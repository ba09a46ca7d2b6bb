"""Overlays of a localization: the support with its point, each query with what was found."""

from collections.abc import Sequence
from pathlib import Path

from ldl.data.landmarks.place import Point
from ldl.data.picture import Picture
from ldl.experiments.locate import Located
from ldl.plots.points import drawn, save_png

SUPPORT = "support"


def write_overlays(
    folder: Path, support: Picture, point: Point, found: Sequence[Located], window: float
) -> list[Path]:
    """Write ``support.png`` and a png named after each query; equal names get a number.

    Args:
        folder: where, it exists.
        support: with the point.
        point: (row, column) in pixels of its file.
        found: the queries.
        window: its side in pixels of the squares.

    Returns:
        the files, the support's first.
    """
    taken = {SUPPORT}
    files = [folder / f"{SUPPORT}.png"]
    save_png(drawn(support.pixels, point, window_in(support, window), sure=True), files[0])
    for one in found:
        box = one.query.box
        canvas = drawn(
            one.query.pixels,
            one.point or one.guess,
            window_in(one.query, window),
            sure=one.point is not None,
            similarity=one.answer.similarity,
            area=(box.top, box.bottom, box.left, box.right),
        )
        files.append(folder / f"{_free(one.query.path.name.split('.')[0], taken)}.png")
        save_png(canvas, files[-1])
    return files


def window_in(one: Picture, window: float) -> tuple[float, float]:
    """Rows and columns that a window of the square has in the file."""
    box = one.box
    return window * (box.bottom - box.top) / one.size, window * (box.right - box.left) / one.size


def _free(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    taken.add(free)
    return free

"""One's own images: the point of a support image, found in queries, as csv and as overlays."""

import csv
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ldl.data.landmarks.place import Point
from ldl.data.picture import Picture
from ldl.errors import LdlError
from ldl.localize import Localization, Matcher, find

COLUMNS = (
    "query",
    "status",
    "x",
    "y",
    "guess_x",
    "guess_y",
    "sharpness",
    "similarity",
    "reason",
)


@dataclass(frozen=True)
class Located:
    """A query and what was found in it.

    Attributes:
        answer: in pixels of the query's square.
        point: (row, column) in pixels of its file; None unless the status is "found".
        guess: the same whatever the map looks like.
    """

    query: Picture
    answer: Localization
    point: Point | None
    guess: Point


def locate(
    matcher: Matcher, support: Picture, point: Point, queries: Iterable[Picture], window: float
) -> list[Located]:
    """Find the support's point in every query.

    Args:
        matcher: how.
        support: with the point.
        point: (row, column) in pixels of its file.
        queries: images prepared as the support is.
        window: its side in pixels of the squares.

    Raises:
        LdlError: the point lies outside the file, or outside the part of it that is lit.
    """
    inside = point_inside(support, point)
    found = []
    for query in queries:
        answer = find(matcher, support.square, inside, query.square, window=window)
        there = query.to_file(answer.point) if answer.point else None
        found.append(Located(query, answer, there, query.to_file(answer.guess)))
    return found


def point_inside(support: Picture, point: Point) -> Point:
    """The point in the support's square, refused where there is none."""
    rows, columns = support.shape
    words = f"x {point[1]:g}, y {point[0]:g}"
    if not (-0.5 <= point[0] <= rows - 0.5 and -0.5 <= point[1] <= columns - 0.5):
        raise LdlError(
            f"{support.path}: the point {words} lies outside its {columns} columns (x) and "
            f"{rows} rows (y)"
        )
    inside = support.to_square(point)
    if not all(-0.5 <= place <= support.size - 0.5 for place in inside):
        box = support.box
        raise LdlError(
            f"{support.path}: the point {words} lies outside the lit part, x {box.left} to "
            f"{box.right - 1}, y {box.top} to {box.bottom - 1}"
        )
    return inside


def write_csv(path: Path, found: Sequence[Located]) -> None:
    """One line a query; x counts columns and y rows of its file from the first pixel's centre.

    ``x`` and ``y`` are empty unless the status is "found"; ``guess_x`` and ``guess_y`` are what the
    paper's protocol answers in any case.
    """
    partial = path.with_suffix(f".partial-{os.getpid()}")
    with partial.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows(_line(one) for one in found)
    partial.replace(path)


def _line(one: Located) -> list[str]:
    answer = one.answer
    return [
        str(one.query.path),
        answer.status,
        *_places(one.point),
        *_places(one.guess),
        f"{answer.sharpness:.3f}",
        f"{float(answer.similarity[answer.peak]):.3f}",
        answer.reason,
    ]


def _places(point: Point | None) -> list[str]:
    return ["", ""] if point is None else [f"{point[1]:.2f}", f"{point[0]:.2f}"]

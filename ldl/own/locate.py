"""One's own images: the point of a support image, found in queries, as csv and as overlays."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ldl.data.preprocess import Picture, Point
from ldl.errors import LdlError
from ldl.localize import Localization, Matcher, find
from ldl.own.outputs import Outputs, free, plain_name
from ldl.plots.points import drawn, save_png

CSV = "localized.csv"
COLUMNS = (
    "query",
    "overlay",
    "status",
    "x",
    "y",
    "guess_x",
    "guess_y",
    "sharpness",
    "similarity",
    "reason",
)
_SUPPORT = "support.png"


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
    matcher: Matcher, support: Picture, inside: Point, query: Picture, window: float
) -> Located:
    """Find the support's point in a query.

    Args:
        matcher: how.
        support: with the point.
        inside: the point in the support's square, see `point_inside`.
        query: an image prepared as the support is.
        window: its side in pixels of the squares.
    """
    answer = find(matcher, support.square, inside, query.square, window=window)
    there = query.to_file(answer.point) if answer.point else None
    return Located(query, answer, there, query.to_file(answer.guess))


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


class Answers(Outputs):
    """The csv and the overlays of a localization, written query by query, put in place when whole.

    Overlays are called after their query's file; equal names get a number.

    Args:
        folder: where they will stand; earlier answers there are replaced.
        support: the image with the point.
        queries: the images that will be asked.
    """

    def __init__(self, folder: Path, support: Path, queries: Sequence[Path]) -> None:
        taken = {_SUPPORT}
        self.overlays = [free(plain_name(one), taken, ".png") + ".png" for one in queries]
        super().__init__(
            "localize",
            folder,
            CSV,
            COLUMNS,
            self.overlays,
            [support, *queries],
            named=["overlay"],
            also=[_SUPPORT],
        )

    def support(self, support: Picture, point: Point, window: float) -> None:
        """The overlay of the support with its point (row, column) in pixels of its file."""
        canvas = drawn(support.pixels, point, window_in(support, window), sure=True)
        save_png(canvas, self.work / _SUPPORT)

    def add(self, number: int, one: Located, window: float) -> None:
        """The line and the overlay of a query."""
        box = one.query.box
        canvas = drawn(
            one.query.pixels,
            one.point or one.guess,
            window_in(one.query, window),
            sure=one.point is not None,
            similarity=one.answer.similarity,
            area=(box.top, box.bottom, box.left, box.right),
        )
        save_png(canvas, self.work / self.overlays[number])
        self.row(*_line(one, self.overlays[number]))

    def left_out(self, query: Path, reason: str) -> None:
        """The line of a query that cannot be read."""
        blank = [""] * (len(COLUMNS) - 4)
        self.row(query, "", "unreadable", *blank, reason)


def window_in(one: Picture, window: float) -> tuple[float, float]:
    """Rows and columns that a window of the square has in the file."""
    box = one.box
    return window * (box.bottom - box.top) / one.size, window * (box.right - box.left) / one.size


def _line(one: Located, overlay: str) -> list[str]:
    """x counts columns and y rows of the file from the first pixel's centre.

    ``x`` and ``y`` are empty unless the status is "found"; ``guess_x`` and ``guess_y`` are what the
    paper's protocol answers in any case.
    """
    answer = one.answer
    return [
        str(one.query.path),
        overlay,
        answer.status,
        *_places(one.point),
        *_places(one.guess),
        f"{answer.sharpness:.3f}",
        f"{float(answer.similarity[answer.peak]):.3f}",
        answer.reason,
    ]


def _places(point: Point | None) -> list[str]:
    return ["", ""] if point is None else [f"{point[1]:.2f}", f"{point[0]:.2f}"]

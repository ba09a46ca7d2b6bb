"""One's own images: the point of a support image, found in queries, as csv and as overlays."""

import csv
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ldl import paths
from ldl.data.picture import Picture, Point
from ldl.data.readers.raster import SUFFIXES
from ldl.errors import LdlError
from ldl.localize import Localization, Matcher, find
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


class Answers:
    """The csv and the overlays of a localization, written query by query, put in place when whole.

    Overlays are called after their query's file; equal names get a number.

    Args:
        folder: where they will stand; earlier answers there are replaced.
        support: the image with the point.
        queries: the images that will be asked.

    Raises:
        LdlError: an answer would replace one of the images or a file that is not ours; nothing was
            written then.
        DataError: the folder cannot be written.
    """

    def __init__(self, folder: Path, support: Path, queries: Sequence[Path]) -> None:
        self.folder = folder
        taken = {_SUPPORT}
        self.overlays = [_free(_plain_name(one), taken) for one in queries]
        if folder.exists() and not folder.is_dir():
            raise LdlError(f"--output {folder} is a file; name a folder")
        ours = _ours(folder)
        for name in (CSV, _SUPPORT, *self.overlays):
            target = folder / name
            if os.path.lexists(target) and (name not in ours or _same(target, support, *queries)):
                raise LdlError(
                    f"--output {folder}: {paths.shown(target)} would be replaced, which `ldl "
                    "localize` did not write; name another folder"
                )

    @contextmanager
    def open(self) -> Iterator["Answers"]:
        """Write in a folder beside; on an error nothing of it stays."""
        new = not self.folder.exists()
        paths.writable(self.folder)
        self._work = Path(tempfile.mkdtemp(prefix=".answers-", dir=self.folder))
        try:
            with (
                paths.told(self.folder, ""),
                (self._work / CSV).open(
                    "w", newline="", encoding="utf-8", errors="backslashreplace"
                ) as stream,
            ):
                self._csv = csv.writer(stream)
                self._csv.writerow(COLUMNS)
                yield self
            with paths.told(self.folder, ""):
                for one in sorted(self._work.iterdir(), key=lambda path: path.name == CSV):
                    os.replace(one, self.folder / one.name)
        finally:
            shutil.rmtree(self._work, ignore_errors=True)
            if new and not any(self.folder.iterdir()):
                self.folder.rmdir()

    def support(self, support: Picture, point: Point, window: float) -> None:
        """The overlay of the support with its point (row, column) in pixels of its file."""
        canvas = drawn(support.pixels, point, window_in(support, window), sure=True)
        save_png(canvas, self._work / _SUPPORT)

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
        save_png(canvas, self._work / self.overlays[number])
        self._csv.writerow(_line(one, self.overlays[number]))

    def left_out(self, query: Path, reason: str) -> None:
        """The line of a query that cannot be read."""
        blank = [""] * (len(COLUMNS) - 4)
        self._csv.writerow([str(query), "", "unreadable", *blank, reason])


def window_in(one: Picture, window: float) -> tuple[float, float]:
    """Rows and columns that a window of the square has in the file."""
    box = one.box
    return window * (box.bottom - box.top) / one.size, window * (box.right - box.left) / one.size


def _plain_name(path: Path) -> str:
    """The file's name without the suffix of an image; other dots belong to the name."""
    known = path.suffix.lower() in (*SUFFIXES, ".dcm", ".img", ".gz")
    return path.stem if known else path.name


def _free(name: str, taken: set[str]) -> str:
    """``name.png``, or with the first free number; names that differ in case alone are equal."""
    number, free = 1, f"{name}.png"
    while free.lower() in taken:
        number += 1
        free = f"{name}-{number}.png"
    taken.add(free.lower())
    return free


def _ours(folder: Path) -> set[str]:
    """What an earlier call wrote there, by its csv."""
    try:
        with (folder / CSV).open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
            head = tuple(rows[0]) if rows else ()
    except (OSError, UnicodeDecodeError, csv.Error):
        return set()
    return {CSV, _SUPPORT, *(row["overlay"] for row in rows)} if head == COLUMNS else set()


def _same(target: Path, *inputs: Path) -> bool:
    return any(one.exists() and target.exists() and target.samefile(one) for one in inputs)


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

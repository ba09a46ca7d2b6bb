"""Tables beside the images: centres of disc and fovea (IDRiD's csv, HRF's xls), and grades."""

import csv
from collections.abc import Collection
from pathlib import Path
from typing import Any

import xlrd

from ldl.data.readers.raster import cause, read_bytes, unreadable
from ldl.errors import DataError

Centres = dict[str, tuple[float, float]]


def _add(centres: Centres, path: Path, image_id: str, x: object, y: object) -> None:
    try:
        point = (float(str(x)), float(str(y)))
    except ValueError as error:
        raise DataError(f"{path}: centre of {image_id} is {x!r}, {y!r}, not two numbers") from error
    if not all(0 <= value < 1e5 for value in point):
        raise DataError(f"{path}: centre of {image_id} is {point}, not a position in an image")
    if image_id in centres:
        raise DataError(f"{path}: duplicate id {image_id}; remove one of the two rows")
    centres[image_id] = point


def read_idrid_centres(path: Path) -> Centres:
    """Image id -> (x, y) in pixels of the 4288x2848 originals; rows without content are skipped."""
    centres: Centres = {}
    rows = _rows(path)
    if not rows or not rows[0][0].lower().startswith("image"):
        raise DataError(f"{path}: first row is not Image No, X-Coordinate, Y-Coordinate")
    for row in rows[1:]:
        if len(row) < 3:
            raise DataError(f"{path}: row {row} has no two coordinates")
        _add(centres, path, *row[:3])
    if not centres:
        raise DataError(f"{path}: no centres in it")
    return centres


def read_hrf_centres(path: Path, *, from_second_sheet: tuple[int, ...] = (4,)) -> Centres:
    """Image id -> (x, y) of the optic disc in pixels of the 3504x2336 originals.

    The first sheet of ``optic_disk_centers.xls`` has one wrong centre (row 4, the title row being
    row 0), which the authors' release takes from the second sheet, where there is one; so do we.
    """
    first, second = _hrf_sheets(path)
    centres: Centres = {}
    for row in range(1, first.nrows):
        values = first.row_values(row)
        if row in from_second_sheet and second is not None and row < second.nrows:
            values = [values[0], *second.row_values(row)[1:]]
        if str(values[0]).strip():
            _add(centres, path, str(values[0]).strip(), values[1], values[2])
    return centres


def _hrf_sheets(path: Path) -> tuple[Any, Any]:
    """The first sheet, and the second or None."""
    raw = read_bytes(path)
    try:
        book = xlrd.open_workbook(file_contents=raw)
        first = book.sheet_by_index(0)
        second = book.sheet_by_index(1) if book.nsheets > 1 else None
    except Exception as error:  # xlrd raises nearly everything on damaged files
        raise unreadable(path, raw, "an xls table", error) from error
    if first.nrows < 2 or first.ncols < 3:
        raise DataError(f"{path}: no table of image, x, y in the first sheet")
    return first, second


def read_grades(path: Path, allowed: Collection[int]) -> dict[str, int]:
    """Image id -> grade, from the first two columns (``image,level`` as Kaggle publishes them)."""
    rows = _rows(path)
    if not rows or not rows[0][0].lower().startswith("image"):
        raise DataError(f"{path}: first row is not a header such as image,level")
    grades: dict[str, int] = {}
    for row in rows[1:]:
        name = row[0]
        if name in grades:
            raise DataError(f"{path}: duplicate id {name}; remove one of the two rows")
        cell = row[1] if len(row) > 1 else ""
        if cell not in map(str, allowed):
            known = ", ".join(map(str, sorted(allowed)))
            raise DataError(f"{path}: grade of {name} is {cell!r}, not one of {known}")
        grades[name] = int(cell)
    return grades


def _rows(path: Path) -> list[list[str]]:
    """The cells of a csv, without blank lines at its ends."""
    raw = read_bytes(path)
    try:
        rows = list(csv.reader(raw.decode("utf-8-sig").splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        found = cause(raw) or f"damaged ({error})"
        raise DataError(f"{path}: not a table in UTF-8, but {found}") from error
    rows = [[cell.strip() for cell in row] for row in rows]
    return [row for row in rows if any(row)]

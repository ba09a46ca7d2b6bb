"""Optic-disc and fovea centres: IDRiD's csv, HRF's xls."""

import csv
from pathlib import Path
from typing import Any

import xlrd

from ldl.data.readers.raster import read_bytes
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
    """Image id -> (x, y) in pixels of the 4288x2848 originals.

    The published csv ends in rows and columns without content, which are skipped.

    Raises:
        DataError: unreadable, empty, other columns, not numbers, or a duplicate id.
    """
    centres: Centres = {}
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a text file; fetch it again") from error
    rows = list(csv.reader(text.splitlines()))
    if not rows or not rows[0][0].strip().lower().startswith("image"):
        raise DataError(f"{path}: first row is not Image No, X-Coordinate, Y-Coordinate")
    for row in rows[1:]:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) < 3:
            raise DataError(f"{path}: row {row} has no two coordinates")
        _add(centres, path, row[0].strip(), row[1].strip(), row[2].strip())
    if not centres:
        raise DataError(f"{path}: no centres in it; fetch it again")
    return centres


def read_hrf_centres(path: Path, *, from_second_sheet: tuple[int, ...] = (4,)) -> Centres:
    """Image id -> (x, y) of the optic disc in pixels of the 3504x2336 originals.

    Columns are image, x, y and more. The first sheet has one wrong centre (row 4, the title row
    being row 0), which the authors' release takes from the second sheet; so do we.

    Args:
        path: ``optic_disk_centers.xls``.
        from_second_sheet: rows to take from the second sheet, if there is one.

    Raises:
        DataError: unreadable, empty, other columns, not numbers, or a duplicate id.
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


def read_hrf_experts(
    path: Path, *, slips: tuple[int, ...] = (4, 5)
) -> dict[str, tuple[tuple[float, float], tuple[float, float]]]:
    """Image id -> (x, y) of the optic disc by expert A and by expert B, as written.

    Args:
        path: ``optic_disk_centers.xls``.
        slips: rows left out: in one of the two sheets their y is a slip of the pen (row 4 in the
            first, row 5 in the second), which says nothing of how far experts are apart.

    Raises:
        DataError: as :func:`read_hrf_centres`, or there is no second sheet of the same length.
    """
    first, second = _hrf_sheets(path)
    if second is None or second.nrows != first.nrows:
        raise DataError(f"{path}: no second sheet with as many rows; fetch it again")
    experts: tuple[Centres, Centres] = ({}, {})
    for row in range(1, first.nrows):
        # The second sheet writes 01dr where the first has 01_dr; the order is the same.
        name = str(first.cell_value(row, 0)).strip()
        if name and row not in slips:
            for centres, sheet in zip(experts, (first, second), strict=True):
                _add(centres, path, name, sheet.cell_value(row, 1), sheet.cell_value(row, 2))
    return {name: (experts[0][name], experts[1][name]) for name in experts[0]}


def _hrf_sheets(path: Path) -> tuple[Any, Any]:
    """The first sheet, and the second or None."""
    raw = read_bytes(path)
    try:
        book = xlrd.open_workbook(file_contents=raw)
        first = book.sheet_by_index(0)
        second = book.sheet_by_index(1) if book.nsheets > 1 else None
    except Exception as error:  # xlrd raises nearly everything on damaged files
        raise DataError(f"{path}: unreadable xls ({error}); fetch it again") from error
    if first.nrows < 2 or first.ncols < 3:
        raise DataError(f"{path}: no table of image, x, y in the first sheet")
    return first, second

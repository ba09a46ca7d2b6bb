"""Tables beside the images: centres of disc and fovea (IDRiD's csv, HRF's xls), and grades."""

from collections.abc import Collection, Iterable
from pathlib import Path

from ldl.data.files import read_bytes, read_table, unreadable
from ldl.errors import DataError

Centres = dict[str, tuple[float, float]]


def _centres(path: Path, rows: Iterable[tuple[str, object, object]]) -> Centres:
    centres: Centres = {}
    for image_id, x, y in rows:
        try:
            point = (float(str(x)), float(str(y)))
        except ValueError as error:
            raise DataError(
                f"{path}: centre of {image_id} is {x!r}, {y!r}, not two numbers"
            ) from error
        if not all(0 <= value < 1e5 for value in point):
            raise DataError(f"{path}: centre of {image_id} is {point}, not a position in an image")
        if image_id in centres:
            raise DataError(f"{path}: duplicate id {image_id}; remove one of the two rows")
        centres[image_id] = point
    if not centres:
        raise DataError(f"{path}: no centres in it")
    return centres


def read_idrid_centres(path: Path) -> Centres:
    """Image id -> (x, y) in pixels of the 4288x2848 originals; rows without content are skipped."""
    rows = _below_head(path, "Image No, X-Coordinate, Y-Coordinate")
    for row in rows:
        if len(row) < 3:
            raise DataError(f"{path}: row {row} has no two coordinates")
    return _centres(path, ((row[0], row[1], row[2]) for row in rows))


def read_hrf_centres(path: Path, *, from_second_sheet: tuple[int, ...] = (4,)) -> Centres:
    """Image id -> (x, y) of the optic disc in pixels of the 3504x2336 originals.

    The first sheet of ``optic_disk_centers.xls`` has one wrong centre (row 4, the title row being
    row 0), which the authors' release takes from the second sheet, where there is one; so do we.
    """
    import xlrd

    raw = read_bytes(path)
    try:
        sheets = xlrd.open_workbook(file_contents=raw).sheets()
        first, *more = [[one.row_values(row) for row in range(one.nrows)] for one in sheets[:2]]
    except Exception as error:  # xlrd raises nearly everything on damaged files
        raise unreadable(path, raw, "an xls table", error) from error
    if len(first) < 2 or len(first[0]) < 3:
        raise DataError(f"{path}: no table of image, x, y in the first sheet")
    for second in more:
        for row in from_second_sheet:
            if row < min(len(first), len(second)):
                first[row] = [first[row][0], *second[row][1:]]
    named = ((str(row[0]).strip(), row[1], row[2]) for row in first[1:])
    return _centres(path, (row for row in named if row[0]))


def read_grades(path: Path, allowed: Collection[int]) -> dict[str, int]:
    """Image id -> grade, from the first two columns (``image,level`` as Kaggle publishes them)."""
    grades: dict[str, int] = {}
    for name, *cells in _below_head(path, "a header such as image,level"):
        if name in grades:
            raise DataError(f"{path}: duplicate id {name}; remove one of the two rows")
        cell = cells[0] if cells else ""
        if cell not in map(str, allowed):
            known = ", ".join(map(str, sorted(allowed)))
            raise DataError(f"{path}: grade of {name} is {cell!r}, not one of {known}")
        grades[name] = int(cell)
    return grades


def _below_head(path: Path, head: str) -> list[list[str]]:
    rows = read_table(path)
    if not rows or not rows[0][0].lower().startswith("image"):
        raise DataError(f"{path}: first row is not {head}")
    return rows[1:]

"""Tables of grades: an image and a whole number a row."""

import csv
from collections.abc import Collection
from pathlib import Path

from ldl.data.readers.raster import read_bytes
from ldl.errors import DataError


def read_grades(path: Path, allowed: Collection[int]) -> dict[str, int]:
    """Image id -> grade, from the first two columns (``image,level`` as Kaggle publishes them).

    Args:
        path: a csv with a header.
        allowed: the grades that have a meaning.

    Raises:
        DataError: unreadable, no header, a row without a grade, a grade without a meaning, or a
            duplicate id.
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a text file; fetch it again") from error
    rows = list(csv.reader(text.splitlines()))
    if not rows[0] or not rows[0][0].strip().lower().startswith("image"):
        raise DataError(f"{path}: first row is not a header such as image,level")
    grades: dict[str, int] = {}
    for row in rows[1:]:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        name = cells[0]
        if name in grades:
            raise DataError(f"{path}: duplicate id {name}; remove one of the two rows")
        grades[name] = _grade(path, name, cells[1] if len(cells) > 1 else "", allowed)
    return grades


def _grade(path: Path, name: str, cell: str, allowed: Collection[int]) -> int:
    if cell not in map(str, allowed):
        known = ", ".join(map(str, sorted(allowed)))
        raise DataError(f"{path}: grade of {name} is {cell!r}, not one of {known}")
    return int(cell)

"""The papers' own numbers, shipped with the package as csv files.

The tables are copies of what is printed in the two papers, slips included; `NOTES` names the slips
that can be seen from the printed numbers alone. `ldl_figure7.csv` holds what the text says about
Figure 7, because the figure's points are not printed as numbers.
"""

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from ldl.errors import LdlError

if TYPE_CHECKING:
    import pandas as pd

ALIASES = {f"table{number}": f"ldl_table{number}" for number in range(1, 8)} | {
    "figure7": "ldl_figure7"
}
"""Short names of the LDL tables: ``published("table2")`` is ``published("ldl_table2")``."""

NOTES = {
    "ldl_table2": "“11 of 12” in the paper counts the best of Pd, Pd+mix and Rd together.",
    "ldl_table4": (
        "The tiny VGG16 Pd+mix chest columns differ from the same setting in Tables 2 and 3; the "
        "mean of the scratch small VGG16 fundus columns is 78.57 and is printed as 78.5."
    ),
}
"""What a reader of a printed table should know, computed from that table alone."""


def names() -> tuple[str, ...]:
    """Names of the tables that ship with the package, sorted."""
    folder = files("ldl.tables").joinpath("csv")
    return tuple(
        sorted(entry.name[:-4] for entry in folder.iterdir() if entry.name.endswith(".csv"))
    )


@cache
def _read(name: str) -> "pd.DataFrame":
    # Planning imports this module and reads no table.
    import pandas as pd

    source = files("ldl.tables").joinpath("csv").joinpath(f"{name}.csv")
    with source.open("r", encoding="utf-8") as stream:
        return pd.read_csv(stream)


def published(table: str) -> "pd.DataFrame":
    """One printed table, numbers as numbers, in the paper's order of rows and columns.

    Args:
        table: a name of `names()`, or ``"table1"`` to ``"table7"`` and ``"figure7"`` for LDL's.
    """
    name = ALIASES.get(table, table)
    if name not in names():
        known = ", ".join(names())
        raise LdlError(f"published table {table!r} is not known; the tables are: {known}")
    return _read(name).copy()


def value(table: str, column: str, **where: str) -> float:
    """One printed number, nan for a dash: ``value("table2", "STARE", encoder="Pd")`` is 82.21."""
    frame = published(table)
    for key, wanted in where.items():
        if key not in frame:
            raise LdlError(f"published table {table!r} has no column {key!r}")
        frame = frame[frame[key] == wanted]
    if len(frame) != 1 or column not in frame:
        raise LdlError(f"published table {table!r} has not exactly one {column!r} for {where}")
    return float(frame.iloc[0][column])

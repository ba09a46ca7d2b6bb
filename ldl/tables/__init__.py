"""The tables of both papers, and one of ours: rows x columns -> runs, and their claims."""

from ldl.errors import ConfigError
from ldl.tables import localization, lrc, shape, transfer
from ldl.tables.base import Table

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        transfer.TABLE2,
        transfer.TABLE3,
        transfer.TABLE4,
        shape.TABLE5,
        shape.TABLE6,
        localization.TABLE7,
        lrc.TABLE1,
        lrc.TABLE2,
        lrc.TABLE3,
        lrc.PROBE,
    )
}


def table_named(name: str) -> Table:
    """The table with that name."""
    if name not in TABLES:
        raise ConfigError(f"unknown table {name!r}; use one of {', '.join(TABLES)} or all")
    return TABLES[name]

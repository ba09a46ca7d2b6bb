"""The papers' tables, Figure 7, and some of ours: rows x columns -> runs, and their claims."""

from ldl.engine.jobs import ordered
from ldl.engine.profiles import Profile
from ldl.errors import ConfigError
from ldl.runs.base import Run
from ldl.tables import choices, localization, lrc, shape, transfer
from ldl.tables.base import Cell, Table

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        transfer.TABLE2,
        transfer.FIGURE7,
        transfer.TABLE3,
        transfer.TABLE4,
        shape.TABLE5,
        shape.TABLE6,
        localization.TABLE7,
        lrc.TABLE1,
        lrc.TABLE2,
        lrc.TABLE3,
        lrc.RESOLUTION,
        lrc.PROBE,
        choices.CHOICES,
        choices.SCALE,
    )
}


PAGES = {
    "table2": ("Table 2", "table2_comparison"),
    "figure7": ("Figure 7", "table2_comparison"),
    "table3": ("Table 3", "table3_ablation"),
    "table4": ("Table 4", "table4_architectures"),
    "table5": ("Table 5", "table5_6_shape"),
    "table6": ("Table 6", "table5_6_shape"),
    "table7": ("Table 7", "table7_localization"),
    "lrc_table1": ("LRC Table 1", "lrc_table1"),
    "lrc_table2": ("LRC Table 2", "lrc_table2"),
    "lrc_table3": ("LRC Table 3", "lrc_table3"),
    "lrc_resolution": ("LRC's resolution", "lrc_table1"),
    "lrc_probe": ("LRC's features", "method_lrc"),
    "choices": ("Choices", "paper_vs_release"),
    "scale": ("Scale", "paper_vs_release"),
}
"""Name and page of every table."""


def table_named(name: str) -> Table:
    if name not in TABLES:
        raise ConfigError(f"unknown table {name!r}; use one of {', '.join(TABLES)} or all")
    return TABLES[name]


def plan(table: str, profile: Profile, only: str | None = None) -> list[Cell]:
    """The cells of ``table`` under ``profile``, row by row.

    Args:
        table: its name, or ``"all"``, which is every table.
        only: keep cells whose ``row/column`` contains this text, or any of several with commas.
    """
    cells = [cell for each in _cells(table, profile, only).values() for cell in each]
    if not cells and only is None:
        raise ConfigError(f"{table}: profile {profile.name} has no such runs")
    if not cells:
        raise ConfigError(f"--only {only!r} matches no row/column of {table}")
    return cells


def runs_of(table: str, profile: Profile, only: str | None = None) -> dict[str, Run]:
    """All runs of a table and what they need, needed ones first, by id."""
    return ordered(plan(table, profile, only))


def by_table(table: str, profile: Profile, only: str | None = None) -> dict[str, set[str]]:
    """Ids of all runs of each table, in the book's order; runs may belong to several."""
    return {name: set(ordered(cells)) for name, cells in _cells(table, profile, only).items()}


def _cells(table: str, profile: Profile, only: str | None) -> dict[str, list[Cell]]:
    tables = TABLES.values() if table == "all" else [table_named(table)]
    wanted = [part.strip() for part in only.split(",")] if only else [""]
    return {
        one.name: [
            cell
            for cell in one.cells(profile)
            if any(part in f"{cell.row.key}/{cell.column.key}" for part in wanted)
        ]
        for one in tables
    }

"""Tables as lists of cells, and as the runs behind them."""

from ldl.engine.jobs import ordered
from ldl.engine.profiles import Profile
from ldl.errors import ConfigError
from ldl.runs.base import Run
from ldl.tables import TABLES, table_named
from ldl.tables.base import Cell


def plan(table: str, profile: Profile, only: str | None = None) -> list[Cell]:
    """The cells of ``table`` under ``profile``, row by row.

    Args:
        table: its name, or ``"all"``, which is every table.
        profile: the budget.
        only: keep cells whose ``row/column`` contains this text, or any of several with commas.

    Raises:
        ConfigError: unknown table, or ``only`` keeps nothing.
    """
    tables = TABLES.values() if table == "all" else [table_named(table)]
    wanted = [part.strip() for part in only.split(",")] if only else [""]
    cells = [
        cell
        for one in tables
        for cell in one.cells(profile)
        if any(part in f"{cell.row.key}/{cell.column.key}" for part in wanted)
    ]
    if not cells:
        raise ConfigError(f"--only {only!r} matches no row/column of {table}")
    return cells


def runs_of(table: str, profile: Profile, only: str | None = None) -> dict[str, Run]:
    """All runs of a table and what they need, needed ones first, by id."""
    return ordered(plan(table, profile, only))

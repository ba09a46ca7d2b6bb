"""Tables as lists of runs."""

from importlib import import_module

from ldl.engine.profiles import Profile
from ldl.errors import ConfigError
from ldl.experiments.rows import TABLES, Cell, has, table_named
from ldl.tables.encoders import transfer_configs
from ldl.tasks import FUNDUS_TASKS, XRAY_TASKS

# Tables of other measurements than transfers, and the module whose ``cells(profile)`` plans them.
ELSEWHERE = {
    "table5": "ldl.experiments.shape.dsa",
    "table6": "ldl.experiments.shape.octa",
    "table7": "ldl.experiments.localization",
    "lrc_table1": "ldl.experiments.lrc.table1",
    "lrc_table2": "ldl.experiments.lrc.table2",
    "lrc_table3": "ldl.experiments.lrc.table3",
}


def table_names() -> tuple[str, ...]:
    """All tables that have runs, in the papers' order."""
    return (*TABLES, *ELSEWHERE)


def plan(table: str, profile: Profile, only: str | None = None) -> list[Cell]:
    """The cells of ``table`` under ``profile``, row by row.

    Args:
        table: its name, or ``"all"``, which is every table.
        profile: the budget.
        only: keep cells whose ``row/task`` contains this text, or any of several with commas.

    Raises:
        ConfigError: unknown table, or ``only`` keeps nothing.
    """
    if table not in (*table_names(), "all"):
        raise ConfigError(f"unknown table {table!r}; use one of {', '.join(table_names())} or all")
    wanted = [part.strip() for part in only.split(",")] if only else [""]
    cells = [
        cell
        for name in (table_names() if table == "all" else (table,))
        for cell in _cells(name, profile)
        if any(part in f"{cell.row.key}/{cell.task}" for part in wanted)
    ]
    if not cells:
        raise ConfigError(f"--only {only!r} matches no row/task of {table}")
    return cells


def _cells(name: str, profile: Profile) -> list[Cell]:
    if name in ELSEWHERE:
        found: list[Cell] = import_module(ELSEWHERE[name]).cells(profile)
        return found
    return [
        Cell(row, task, transfer_configs(row.variant, task, profile))
        for row in table_named(name).rows
        for task in (*FUNDUS_TASKS, *XRAY_TASKS)
        if task not in profile.without and has(row, task)
    ]

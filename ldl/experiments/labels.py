"""Figure 7: how much of the labels is needed. The chest runs of Table 2, share by share."""

from dataclasses import replace

import pandas as pd

from ldl.engine.profiles import Profile
from ldl.engine.store import RunStore
from ldl.experiments.plan import plan
from ldl.experiments.rows import Cell
from ldl.experiments.tables import measure
from ldl.tasks import TASKS, XRAY_TASKS

# Which rows of Table 2 the figure shows: ours, and what they are compared with in its text.
SHOWN = ("scratch", "scratch-equal", "pd", "pd+mix", "rd")


def by_share(cell: Cell) -> dict[float, Cell]:
    """A cell's runs parted by the share of the labels they were trained with."""
    shares = sorted({run.label_fraction for run in cell.runs})
    return {
        share: replace(cell, runs=tuple(r for r in cell.runs if r.label_fraction == share))
        for share in shares
    }


def label_frame(profile: Profile, store: RunStore) -> pd.DataFrame:
    """What is measured of Figure 7, one line for each chest task, row of SHOWN and share.

    Columns: panel (the task's column), start (the row's label), share (%), ours, low, high,
    records. Empty, without columns, where nothing is measured.
    """
    lines = []
    for cell in plan("table2", profile):
        if cell.task not in XRAY_TASKS or cell.row.key not in SHOWN:
            continue
        for share, part in by_share(cell).items():
            found = measure(part, store)
            if found is None:
                continue
            lines.append(
                {
                    "panel": TASKS[cell.task].column,
                    "start": cell.row.label,
                    "share": 100 * share,
                    "ours": found.value,
                    "low": found.low,
                    "high": found.high,
                    "records": found.records,
                }
            )
    return pd.DataFrame(lines)


def share_that_beats(frame: pd.DataFrame, panel: str, start: str) -> float | None:
    """The smallest share (%) with which ``start`` exceeds scratch with all labels; None if none."""
    part = frame[frame["panel"] == panel]
    full = part[(part["start"] == "Scratch") & (part["share"] == 100)]
    mine = part[part["start"] == start].sort_values("share")
    if full.empty:
        return None
    above = mine[mine["ours"] > float(full["ours"].iloc[0])]
    return None if above.empty else float(above["share"].iloc[0])

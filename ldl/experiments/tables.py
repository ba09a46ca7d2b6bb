"""Numbers of a table, computed from records beside the paper's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ldl.engine.profiles import Profile
from ldl.engine.store import Record, RunStore
from ldl.experiments.plan import plan
from ldl.experiments.rows import Cell, Row, table_named
from ldl.stats import bootstrap_interval
from ldl.tables.published import published
from ldl.tasks import FUNDUS_TASKS, TASKS, XRAY_TASKS

MEANS = {"fundus_mean": FUNDUS_TASKS, "xray_mean": XRAY_TASKS}
_KEYS = {
    "table2": ("encoder",),
    "table3": ("section", "setting"),
    "table4": ("initialization", "architecture"),
}


@dataclass(frozen=True)
class Measured:
    """One measured number in per cent.

    Attributes:
        value: mean DSC over runs and test images.
        low, high: bootstrap interval over test images.
        images: number of test images.
        seed_deviation: standard deviation over seeds; nan with one seed.
        seeds: number of seeds.
        stale: whether a record was made by other code.
        trained: whether the pretraining was long enough; None from scratch.
        records: the transfers' records.
    """

    value: float
    low: float
    high: float
    images: int
    seed_deviation: float
    seeds: int
    stale: bool
    trained: bool | None
    records: tuple[Record, ...]


def measure(cell: Cell, store: RunStore) -> Measured | None:
    """The number of ``cell``, None as long as one of its runs has no record."""
    records = [store.record(run) for run in cell.runs]
    if any(record is None for record in records):
        return None
    found = [record for record in records if record is not None]
    scores = 100 * np.array([record["dsc"] for record in found])
    by_seed = pd.Series(scores.mean(axis=1)).groupby([run.seed for run in cell.runs]).mean()
    per_image = scores.mean(axis=0)
    low, high = bootstrap_interval(per_image)
    return Measured(
        value=float(per_image.mean()),
        low=low,
        high=high,
        images=len(per_image),
        seed_deviation=float(by_seed.std(ddof=1)) if len(by_seed) > 1 else float("nan"),
        seeds=len(by_seed),
        stale=any(store.status(run) == "stale" for run in cell.runs),
        trained=_trained(cell, store),
        records=tuple(found),
    )


def _trained(cell: Cell, store: RunStore) -> bool | None:
    encoders = [run.encoder for run in cell.runs if run.encoder]
    if not encoders:
        return None
    records = [store.record(encoder) for encoder in encoders]
    return all(record is not None and record["trained"] for record in records)


def paper_value(table: str, row: Row, column: str) -> float:
    """The paper's number beside ``row``, nan where it prints none."""
    if row.published is None:
        return float("nan")
    frame = published(table)
    for key, wanted in zip(_KEYS[table], row.published.split("/"), strict=True):
        frame = frame[frame[key].astype(str) == wanted]
    return float(frame.iloc[0][column])


def paper_mean(table: str, row: Row, column: str, tasks: Sequence[str]) -> float:
    """The paper's mean as printed, or over ``tasks`` alone where not all of them are at hand.

    Our mean over three chest tasks must not stand beside the paper's over four.
    """
    if len(tasks) == len(MEANS[column]):
        return paper_value(table, row, column)
    return float(np.mean([paper_value(table, row, TASKS[task].column) for task in tasks]))


def table_frame(table: str, profile: Profile, store: RunStore) -> pd.DataFrame:
    """A long frame, one line for each row and column of ``table``, the two means included.

    Columns: row, label, column, task (None for a mean), paper, ours, low, high, difference
    (ours - paper), images, seeds, seed_deviation, stale, trained, measured, planned.
    A number that is not there is nan; a row that is not yet run has ``measured`` False throughout.
    ``planned``: whether the profile has runs for it; of a mean, for any of its tasks.
    """
    cells = {(cell.row.key, cell.task): cell for cell in plan(table, profile)}
    lines = []
    for row in table_named(table).rows:
        found = {
            task: measure(cells[row.key, task], store) for task in TASKS if (row.key, task) in cells
        }
        for task, each in TASKS.items():
            paper = paper_value(table, row, each.column)
            line = _line(row, each.column, task, found.get(task), paper)
            lines.append(line | {"planned": task in found})
        for column, members in MEANS.items():
            there = [task for task in members if task not in profile.without]
            parts = [found.get(task) for task in there]
            paper = paper_mean(table, row, column, there)
            line = _line(row, column, None, _mean(parts), paper)
            lines.append(line | {"planned": any(task in found for task in there)})
    return pd.DataFrame(lines)


def _mean(parts: Sequence[Measured | None]) -> Measured | None:
    """Mean over tasks; its interval combines the tasks' half-widths as independent errors."""
    found = [part for part in parts if part is not None]
    if not found or len(found) < len(parts):
        return None
    value = float(np.mean([part.value for part in found]))
    below = float(np.linalg.norm([part.value - part.low for part in found])) / len(found)
    above = float(np.linalg.norm([part.high - part.value for part in found])) / len(found)
    trained = [part.trained for part in found if part.trained is not None]
    return Measured(
        value=value,
        low=value - below,
        high=value + above,
        images=sum(part.images for part in found),
        seed_deviation=float(np.mean([part.seed_deviation for part in found])),
        seeds=min(part.seeds for part in found),
        stale=any(part.stale for part in found),
        trained=all(trained) if trained else None,
        records=tuple(record for part in found for record in part.records),
    )


def _line(
    row: Row, column: str, task: str | None, found: Measured | None, paper: float
) -> dict[str, object]:
    nan = float("nan")
    return {
        "row": row.key,
        "label": row.label,
        "column": column,
        "task": task,
        "paper": paper,
        "ours": found.value if found else nan,
        "low": found.low if found else nan,
        "high": found.high if found else nan,
        "difference": found.value - paper if found else nan,
        "images": found.images if found else 0,
        "seeds": found.seeds if found else 0,
        "seed_deviation": found.seed_deviation if found else nan,
        "stale": found.stale if found else False,
        "trained": found.trained if found else None,
        "measured": found is not None,
    }

"""Numbers of Tables 5 and 6, computed from records beside the paper's."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ldl.engine.profiles import Profile
from ldl.engine.store import Record, RunStore
from ldl.experiments.rows import Cell, Row
from ldl.experiments.shape.rows import COLUMNS, ROWS, TABLES, shape_configs
from ldl.metrics_shape import words
from ldl.runs.shape import PriorName, ShapeConfig
from ldl.stats import bootstrap_interval
from ldl.tables.published import published

MEAN = "shape_mean"  # `ldl.experiments.cells` calls a column of that ending "Mean"


@dataclass(frozen=True)
class Row56:
    """One row as measured.

    Attributes:
        row: of the tables.
        scores: column -> (seeds, images) DSC in per cent.
        collapses: of each seed, see `ldl.metrics_shape.collapse`.
        records: one a seed.
        stale: whether one was made by other code.
    """

    row: Row
    scores: dict[str, np.ndarray]
    collapses: tuple[str, ...]
    records: tuple[Record, ...]
    stale: bool

    def by_seed(self, column: str) -> np.ndarray:
        """(seeds,) mean DSC over test images; the mean column weighs the four sets alike."""
        if column == MEAN:
            return np.mean([each.mean(axis=1) for each in self.scores.values()], axis=0)
        means: np.ndarray = self.scores[column].mean(axis=1)
        return means

    def interval(self, column: str) -> tuple[float, float]:
        """95 % bootstrap interval over the test images, each the mean of its seeds."""
        if column != MEAN:
            return bootstrap_interval(self.scores[column].mean(axis=0))
        value = float(self.by_seed(MEAN).mean())
        each = [(s.mean(), *bootstrap_interval(s.mean(axis=0))) for s in self.scores.values()]
        below = float(np.linalg.norm([mean - low for mean, low, _ in each])) / len(each)
        above = float(np.linalg.norm([high - mean for mean, _, high in each])) / len(each)
        return value - below, value + above


def measured(row: Row, prior: PriorName, profile: Profile, store: RunStore) -> Row56 | None:
    """What is known of a row, None as long as one of its seeds has no record."""
    runs = shape_configs(row, prior, profile)
    records = [record for run in runs if (record := store.record(run))]
    if len(records) < len(runs):
        return None
    scores = {
        column: 100 * np.array([record["tests"][task]["dsc"] for record in records])
        for task, column in COLUMNS.items()
    }
    return Row56(
        row,
        scores,
        tuple(record["collapse"] for record in records),
        tuple(records),
        any(store.status(run) == "stale" for run in runs),
    )


def all_measured(prior: PriorName, profile: Profile, store: RunStore) -> dict[str, Row56]:
    """The rows that have all their records, by key."""
    found = {row.key: measured(row, prior, profile, store) for row in ROWS}
    return {key: row for key, row in found.items() if row}


def paper_number(prior: PriorName, row: Row, column: str) -> float:
    """The paper's number, nan where it prints none."""
    if row.published is None:
        return float("nan")
    printed = published(TABLES[prior]).set_index("method")
    return float(printed.loc[row.published, "mean" if column == MEAN else column])


def shape_frame(prior: PriorName, rows: dict[str, Row56]) -> pd.DataFrame:
    """A long frame, one line for each row and column, the mean included.

    Columns: row, label, column, paper, ours, low, high, difference (ours - paper), images, seeds,
    seed_deviation, by_seed (a list), collapse (in words), stale, trained (None: nothing is asked),
    measured, planned.
    """
    return pd.DataFrame(
        _line(prior, row, column, rows.get(row.key))
        for row in ROWS
        for column in (*COLUMNS.values(), MEAN)
    )


def _line(prior: PriorName, row: Row, column: str, found: Row56 | None) -> dict[str, object]:
    nan = float("nan")
    paper = paper_number(prior, row, column)
    line: dict[str, object] = {
        "row": row.key,
        "label": row.label,
        "column": column,
        "paper": paper,
        "trained": None,
        "measured": found is not None,
        "planned": True,
    }
    if found is None:
        return line | {
            "ours": nan, "low": nan, "high": nan, "difference": nan, "images": 0, "seeds": 0,
            "seed_deviation": nan, "by_seed": [], "collapse": "", "stale": False,
        }  # fmt: skip
    values = found.by_seed(column)
    low, high = found.interval(column)
    images = (
        sum(each.shape[1] for each in found.scores.values())
        if column == MEAN
        else found.scores[column].shape[1]
    )
    return line | {
        "ours": float(values.mean()),
        "low": low,
        "high": high,
        "difference": float(values.mean()) - paper,
        "images": images,
        "seeds": len(values),
        "seed_deviation": float(values.std(ddof=1)) if len(values) > 1 else nan,
        "by_seed": [float(value) for value in values],
        "collapse": words(found.collapses),
        "stale": found.stale,
    }


def runs_of(cells: list[Cell[ShapeConfig]]) -> dict[str, ShapeConfig]:
    """Every run of some cells once, by id."""
    return {run.run_id(): run for cell in cells for run in cell.runs}

"""Groups of rows against each other: the best of ours against the best of the other methods.

Which row is the best is chosen from the same scores, so the choice is part of every resample.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ldl.experiments.rows import COMPARED, LDL, TABLES, has
from ldl.experiments.tables import paper_value
from ldl.rng import numpy_generator
from ldl.stats import RESAMPLES
from ldl.tasks import TASKS

OURS: tuple[str, ...] = LDL
OTHERS: tuple[str, ...] = ("scratch", "scratch-equal", *COMPARED)
Scores = Mapping[tuple[str, str], NDArray]
_ROWS = {row.key: row for row in TABLES["table2"].rows}


@dataclass(frozen=True)
class Lead:
    """The best of ``mine`` over the best of ``others``, in points of mean DSC.

    Attributes:
        best, rival: the rows' keys.
        lead: their difference; its interval from resampled test images, the best chosen each time.
        paper: the paper's lead of the best of the same rows over the same tasks.
        paper_best, paper_rival: which rows those are in the paper.
    """

    best: str
    rival: str
    lead: float
    low: float
    high: float
    paper: float
    paper_best: str
    paper_rival: str

    @property
    def verdict(self) -> str:
        """Clear of zero on one side, or undecided."""
        if self.low > 0:
            return "ahead"
        return "behind" if self.high < 0 else "undecided"


def label_of(row: str) -> str:
    """A row of Table 2 as it is printed."""
    return _ROWS[row].label


def missing(rows: Sequence[str], tasks: Sequence[str], scores: Scores) -> tuple[str, ...]:
    """The rows that have no score on some of ``tasks``, though the table has such a cell."""
    return tuple(
        row
        for row in rows
        if any(has(_ROWS[row], task) and (row, task) not in scores for task in tasks)
    )


def lead(
    mine: Sequence[str], others: Sequence[str], tasks: Sequence[str], scores: Scores
) -> Lead | None:
    """Who leads in the mean over ``tasks``; None while one of the rows is missing.

    Args:
        mine: keys of rows of Table 2.
        others: the same; rows without such cells (Supervised on X-rays) are left out.
        tasks: over which the mean is taken.
        scores: of `ldl.experiments.gains.per_image`.
    """
    mine, others = _with_cells(mine, tasks), _with_cells(others, tasks)
    if not (mine and others and tasks) or missing([*mine, *others], tasks, scores):
        return None
    rows = [*mine, *others]
    means = {task: np.stack([scores[row, task] for row in rows]) for task in tasks}
    value = np.mean([each.mean(axis=1) for each in means.values()], axis=0)
    drawn = np.mean([_resampled(task, each) for task, each in means.items()], axis=0)
    ahead = drawn[:, : len(mine)].max(axis=1) - drawn[:, len(mine) :].max(axis=1)
    low, high = np.quantile(ahead, [0.025, 0.975])
    best, rival = _top(mine, value[: len(mine)]), _top(others, value[len(mine) :])
    return Lead(
        best=best,
        rival=rival,
        lead=float(value[: len(mine)].max() - value[len(mine) :].max()),
        low=float(low),
        high=float(high),
        paper=printed_lead(mine, others, tasks),
        paper_best=favourite(mine, tasks),
        paper_rival=favourite(others, tasks),
    )


def favourite(rows: Sequence[str], tasks: Sequence[str]) -> str:
    """Which of ``rows`` has the paper's highest mean over ``tasks``."""
    return max(_with_cells(rows, tasks), key=lambda row: _printed(row, tasks))


def printed_lead(mine: Sequence[str], others: Sequence[str], tasks: Sequence[str]) -> float:
    """The paper's lead of the best of ``mine`` over the best of ``others``."""
    return _printed(favourite(mine, tasks), tasks) - _printed(favourite(others, tasks), tasks)


def _with_cells(rows: Sequence[str], tasks: Sequence[str]) -> list[str]:
    return [row for row in rows if all(has(_ROWS[row], task) for task in tasks)]


def _resampled(task: str, scores: NDArray) -> NDArray:
    """(rows, images) -> (RESAMPLES, rows): means over images drawn with replacement, paired."""
    count = scores.shape[1]
    draw = numpy_generator(0, "bootstrap", task).integers(0, count, (RESAMPLES, count))
    return np.stack([row[draw].mean(axis=1) for row in scores], axis=1)


def _printed(row: str, tasks: Sequence[str]) -> float:
    values = [paper_value("table2", _ROWS[row], TASKS[task].column) for task in tasks]
    # What the paper does not print cannot be its best.
    return float(np.nan_to_num(np.mean(values), nan=-np.inf))


def _top(rows: Sequence[str], values: NDArray) -> str:
    return rows[int(np.argmax(values))]

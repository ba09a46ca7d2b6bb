"""What every table of both papers is made of: rows x columns -> runs, and what is claimed of them.

A row and a column name the runs of a cell; a run's record holds one score a case (a test image, a
volume, a query). All else, from the mean to a verdict, is one code for all tables:
`ldl.tables.measure` and `ldl.tables.compare`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ldl.engine.profiles import Profile
from ldl.engine.store import Record
from ldl.runs.base import Run


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        key: its name in ``--only``.
        label: in the table.
        variant: what makes its runs differ; each table has its own.
        published: the paper's row it stands beside; None for rows of our own.
    """

    key: str
    label: str
    variant: Any
    published: str | None = None


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        key: its name in ``--only``.
        label: in the table.
        group: what it stands together with: a modality, a share of labels, a region.
        of: what is measured there: a task, a landmark, a region with its volumes.
        published: the paper's column; None where it has none.
        members: keys of the columns that this one is the mean of.
    """

    key: str
    label: str
    group: str
    of: Any = None
    published: str | None = None
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """The runs, one a seed, that one number is the mean of."""

    row: Row
    column: Column
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Claim:
    """``better`` is better than ``worse``, two rows of ``table``, in ``column``.

    Attributes:
        text: the comparison in words.
        least: the smallest difference of interest, in the table's unit; stated before the runs.
        ours: our own question, about which the paper says nothing.
        family: name of the claims that pages count together.
    """

    text: str
    table: str
    better: str
    worse: str
    column: str
    least: float = 1.0
    ours: bool = False
    family: str = ""


Scores = Callable[[Record, Column], NDArray[np.float64]]
Gaps = Callable[[Sequence[Record], Sequence[Record]], NDArray[np.float64]]


@dataclass(frozen=True)
class Table:
    """A table of a paper.

    Attributes:
        name: as the command line has it.
        title: what it is about.
        unit: of its numbers, for captions.
        case: what is scored: "test images", "test volumes", "queries".
        rows, columns: under a profile, in the paper's order, our own rows last.
        runs: of a row and a column; empty where the row has no such cell.
        scores: name -> what reads the scores of a record for a column: (N,) or (K, N) float64 for K
            draws of one run (support images), nan where there is no answer. "score" is what the
            table shows.
        paper: the printed number, nan where there is none; without it a table of our own.
        claims: of the paper, and our own questions.
        gaps: (S, N) differences of two rows by seed and case, from their records, where a case has
            parts that only one of them was scored on; None: the scores are subtracted.
        without: keys of columns that a profile leaves out.
        doubt: why a record cannot decide anything, one of `ldl.tables.compare.VERDICTS`; "" where
            it can. A claim between two rows is not judged if all records of one are in doubt.
    """

    name: str
    title: str
    unit: str
    case: str
    rows: Callable[[Profile], tuple[Row, ...]]
    columns: Callable[[Profile], tuple[Column, ...]]
    runs: Callable[[Row, Column, Profile], tuple[Run, ...]]
    scores: Mapping[str, Scores]
    paper: Callable[[Row, Column, Profile], float] = lambda row, column, profile: float("nan")
    claims: tuple[Claim, ...] = ()
    gaps: Gaps | None = None
    without: Callable[[Profile], tuple[str, ...]] = lambda profile: ()
    doubt: Callable[[Record], str] = lambda record: ""

    def cells(self, profile: Profile) -> list[Cell]:
        """Row by row; means and columns that are left out have none."""
        away = self.without(profile)
        return [
            Cell(row, column, runs)
            for row in self.rows(profile)
            for column in self.columns(profile)
            if not column.members and column.key not in away
            if (runs := self.runs(row, column, profile))
        ]

"""Two rows held against each other, case by case, and the verdict on a claim.

The rule is stated in ``results/STATEMENT.md`` before the runs are made.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ldl.stats import seeds_by_images
from ldl.tables.base import Claim, Gaps
from ldl.tables.measure import NAN, Measured, Shown

# In the order of a count: what a verdict can be.
VERDICTS = (
    "reproduced",
    "opposite",
    "higher",
    "lower",
    "no difference of interest",
    "undecided",
    "higher (one seed)",
    "lower (one seed)",
    "not trained here",
    "collapsed",
    "loss without background",
    "not yet run",
)


@dataclass(frozen=True)
class Difference:
    """How much higher one row is than another, paired by seed and case.

    Attributes:
        value: mean over parts, seeds and cases.
        low, high: its 95 % interval, for other seeds and other cases.
        draws: (S,) of each seed by itself.
    """

    value: float
    low: float
    high: float
    draws: NDArray[np.float64]
    cases: int
    seeds: int
    parts: int


def difference(better: Measured, worse: Measured, gaps: Gaps | None = None) -> Difference:
    """``better`` minus ``worse``, on the cases that both have.

    Where one has more seeds than the other, each is first averaged over its own.

    Args:
        better, worse: two rows in one column.
        gaps: the table's, for a column of its own.
    """
    if gaps:
        pairs = [gaps(better.records, worse.records)]
    else:
        pairs = [_paired(one, other) for one, other in zip(better.parts, worse.parts, strict=True)]
    low, high = seeds_by_images(pairs)
    return Difference(
        value=float(np.mean([np.nanmean(pair) for pair in pairs])),
        low=low,
        high=high,
        draws=np.mean([np.nanmean(pair, axis=1) for pair in pairs], axis=0),
        cases=sum(int(np.isfinite(pair).any(axis=0).sum()) for pair in pairs),
        seeds=min(better.seeds, worse.seeds),
        parts=len(pairs),
    )


def _paired(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(one) != len(other):
        one, other = (np.nanmean(each, axis=0, keepdims=True) for each in (one, other))
    return one - other


@dataclass(frozen=True)
class Finding:
    """What the records say about a claim.

    Attributes:
        found: None while one of the rows has no number.
        paper: the paper's difference; nan where it prints none.
        verdict: one of `VERDICTS`.
    """

    claim: Claim
    found: Difference | None
    paper: float
    verdict: str


def judge(claim: Claim, shown: Shown) -> Finding:
    """The finding on ``claim``, whose table is ``shown``."""
    rows = {row.key: row for row in shown.table.rows(shown.profile)}
    columns = {column.key: column for column in shown.table.columns(shown.profile)}
    if claim.column not in columns or {claim.better, claim.worse} - rows.keys():
        return Finding(claim, None, NAN, "not yet run")
    column = columns[claim.column]
    printed = [
        shown.table.paper(rows[key], column, shown.profile) for key in (claim.better, claim.worse)
    ]
    paper = printed[0] - printed[1]
    better, worse = (shown.cells.get((key, claim.column)) for key in (claim.better, claim.worse))
    if better is None or worse is None:
        return Finding(claim, None, paper, "not yet run")
    found = difference(better, worse, shown.table.gaps)
    for side in (better, worse):
        doubts = [shown.table.doubt(record) for record in side.records]
        if side.trained is False:
            return Finding(claim, found, paper, "not trained here")
        if all(doubts):
            return Finding(claim, found, paper, doubts[0])
    return Finding(claim, found, paper, _verdict(found, claim))


def _verdict(found: Difference, claim: Claim) -> str:
    least = claim.least
    if -least < found.low and found.high < least:
        return "no difference of interest"
    if found.low <= 0 <= found.high:
        return "undecided"
    if found.seeds < 2:
        return "higher (one seed)" if found.value > 0 else "lower (one seed)"
    if abs(found.value) < least:
        return "undecided"
    higher = found.value > 0
    if claim.ours:
        return "higher" if higher else "lower"
    return "reproduced" if higher else "opposite"


def counted(findings: Iterable[Finding]) -> dict[str, int]:
    """How many have each verdict, those that do not occur left out."""
    verdicts = [finding.verdict for finding in findings]
    return {verdict: verdicts.count(verdict) for verdict in VERDICTS if verdict in verdicts}

"""What the paper claims, as comparisons of two rows, and what the records say about each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ldl.engine.profiles import Profile
from ldl.engine.store import RunStore
from ldl.experiments.gains import per_image
from ldl.experiments.rows import COMPARED, LDL, has, table_named
from ldl.experiments.tables import paper_value
from ldl.stats import bootstrap_interval
from ldl.tasks import TASKS, Modality

Scores = dict[tuple[str, str], NDArray]


@dataclass(frozen=True)
class Claim:
    """``better`` is better than ``worse``, both rows of ``table``, in the mean of ``modality``."""

    text: str
    table: str
    better: str
    worse: str
    modality: Modality


_BOTH: tuple[tuple[str, str, str, str], ...] = (
    ("Pd is a better start than scratch", "table2", "pd", "scratch"),
    ("Pd+mix is a better start than scratch", "table2", "pd+mix", "scratch"),
    ("Rd is a better start than scratch", "table2", "rd", "scratch"),
    ("Pd+mix is better than scratch at equal updates", "table2", "pd+mix", "scratch-equal"),
    ("Rd is better than scratch at equal updates", "table2", "rd", "scratch-equal"),
    ("mixup helps: Pd+mix over Pd", "table2", "pd+mix", "pd"),
    ("regions help: Rd over Pd+mix", "table2", "rd", "pd+mix"),
    ("patches over dense contrast: Rd over DenseCL", "table2", "rd", "densecl"),
    ("fine patches help: 8×8 over 1×1", "table3", "pd+mix/g8", "pd+mix/g1"),
    ("width hurts from scratch: tiny over full", "table4", "scratch/tiny", "scratch/full"),
    ("width helps when pretrained: full over tiny", "table4", "pd+mix/full", "pd+mix/tiny"),
)
CLAIMS = tuple(
    Claim(text, table, better, worse, modality)
    for modality in ("fundus", "xray")
    for text, table, better, worse in _BOTH
)
_ROWS = {row.key: row for row in table_named("table2").rows}
# Section 6.1.3: "our method outperforms a series of instance discrimination methods and finer dense
# contrastive method", and the supervised one. Rows without such cells are left out.
OVER_OTHERS = tuple(
    Claim(f"{_ROWS[better].label} over {_ROWS[worse].label}", "table2", better, worse, modality)
    for modality in ("fundus", "xray")
    for worse in COMPARED
    for better in LDL
    if any(task.modality == modality and has(_ROWS[worse], key) for key, task in TASKS.items())
)


@dataclass(frozen=True)
class Finding:
    """What the records say about a claim, in points of mean DSC.

    Attributes:
        gain: mean over the tasks of the paired difference; its interval treats the tasks' errors as
            independent.
        paper: the paper's difference over the same tasks; nan where it prints no such row.
        tasks: number of tasks that both rows have.
    """

    claim: Claim
    gain: float
    low: float
    high: float
    paper: float
    tasks: int

    @property
    def verdict(self) -> str:
        """In words; a claim counts as reproduced only if its interval leaves out zero."""
        if self.low > 0:
            return "reproduces"
        if self.high < 0:
            return "opposite"
        return f"undecided ({'same' if self.gain > 0 else 'opposite'} sign)"


def judge(claim: Claim, profile: Profile, scores: Scores) -> Finding | None:
    """The finding on ``claim``; None if no task has both rows.

    Args:
        claim: what to compare.
        profile: tells which tasks are left out.
        scores: of `ldl.experiments.gains.per_image` for the claim's table.
    """
    pairs = {
        key: scores[claim.better, key] - scores[claim.worse, key]
        for key, task in TASKS.items()
        if task.modality == claim.modality
        and (claim.better, key) in scores
        and (claim.worse, key) in scores
    }
    if not pairs:
        return None
    spans = [(float(each.mean()), *bootstrap_interval(each)) for each in pairs.values()]
    gain = float(np.mean([mean for mean, _, _ in spans]))
    below = float(np.linalg.norm([mean - low for mean, low, _ in spans])) / len(spans)
    above = float(np.linalg.norm([high - mean for mean, _, high in spans])) / len(spans)
    paper = float(np.mean([_printed(claim, TASKS[key].column) for key in pairs]))
    return Finding(claim, gain, gain - below, gain + above, paper, len(pairs))


def _printed(claim: Claim, column: str) -> float:
    rows = {row.key: row for row in table_named(claim.table).rows}
    better = paper_value(claim.table, rows[claim.better], column)
    return better - paper_value(claim.table, rows[claim.worse], column)


Judged = tuple[Claim, Finding | None]


def findings(profile: Profile, store: RunStore, claims: Sequence[Claim] = CLAIMS) -> list[Judged]:
    """Every claim with its finding under ``profile``, in the order of ``claims``."""
    tables = {claim.table for claim in claims}
    scores = {table: per_image(table, profile, store) for table in tables}
    return [(claim, judge(claim, profile, scores[claim.table])) for claim in claims]


def counted(found: Sequence[Judged]) -> dict[str, int]:
    """How many reproduce, are undecided, come out the opposite way, or cannot be made yet."""
    counts = {"reproduces": 0, "undecided": 0, "opposite": 0, "not yet": 0}
    for _, finding in found:
        verdict = finding.verdict if finding else "not yet"
        counts[next(word for word in counts if verdict.startswith(word))] += 1
    return counts

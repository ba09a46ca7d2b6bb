"""What the paper claims of one-shot localization, and our own questions, judged from records."""

from collections.abc import Sequence
from dataclasses import dataclass

from ldl.engine.profiles import Profile
from ldl.experiments.localization import ROWS, Column, columns
from ldl.experiments.localization_answers import Answers, Value, interval
from ldl.experiments.localization_scores import paper_number

_FULL = "pd+mix+ms+cs"


@dataclass(frozen=True)
class Claim:
    """``better`` is better than ``worse``, rows of Table 7, at every landmark.

    Attributes:
        value: compared in points of the mean accuracy, or by the sharpness of the peaks.
        own: our own question, about which the paper says nothing.
    """

    text: str
    better: str
    worse: str
    value: Value = "accuracy"
    own: bool = False


# Observations 2 and 3 of section 6.3.2.
CLAIMS = (
    Claim("mixup helps: Pd+mix over Pd", "pd+mix", "pd"),
    Claim("windows of random size help: +ms over Pd+mix", "pd+mix+ms", "pd+mix"),
    Claim("centre-sensitive weights help: +cs over +ms", _FULL, "pd+mix+ms"),
    Claim("all together: Pd+mix+ms+cs over Pd", _FULL, "pd"),
    Claim("centre-sensitive weights sharpen the peak", _FULL, "pd+mix+ms", "sharpness"),
)
QUESTIONS = (
    Claim("Is the paper's best row above template matching?", _FULL, "ncc", own=True),
    Claim("Is Pd+mix above template matching?", "pd+mix", "ncc", own=True),
    Claim("Is the paper's best row above the support's own place?", _FULL, "place", own=True),
    Claim("Is Pd+mix above the support's own place?", "pd+mix", "place", own=True),
    Claim("Does training help the paper's best row?", _FULL, "untrained", own=True),
    Claim("Do decoder and embedding help over raw features?", _FULL, "features", own=True),
    Claim("Do centre-sensitive weights help in the test alone?", "test-cs", "pd+mix+ms", own=True),
    Claim("Does taking the place away help Pd+mix?", "mix-centred", "pd+mix", own=True),
    Claim("Does taking the place away help the paper's best row?", "full-centred", _FULL, own=True),
)


@dataclass(frozen=True)
class Finding:
    """What the records say about a claim in one column.

    Attributes:
        gain: mean difference over supports and queries, with its interval.
        paper: the paper's difference; nan where it prints none.
    """

    claim: Claim
    column: Column
    gain: float
    low: float
    high: float
    paper: float

    @property
    def verdict(self) -> str:
        """Clear of zero on one side, or undecided."""
        if self.low > 0:
            return "yes" if self.claim.own else "reproduces"
        if self.high < 0:
            return "no, the reverse" if self.claim.own else "opposite"
        return "undecided"


def judge(claim: Claim, column: Column, found: Answers) -> Finding | None:
    """The finding on ``claim`` in ``column``; None while one of the rows has no record.

    Args:
        claim: what to compare.
        column: where.
        found: answers of the claim's value.
    """
    if any((row, column.key) not in found for row in (claim.better, claim.worse)):
        return None
    difference = found[claim.better, column.key] - found[claim.worse, column.key]
    # Not by the claim: all differences in a column are of the same resamples.
    mean, low, high = interval(difference, column.key)
    return Finding(claim, column, mean, low, high, printed(claim, column))


def printed(claim: Claim, column: Column) -> float:
    """The paper's difference in mean accuracy, nan where it prints none."""
    if claim.value != "accuracy":
        return float("nan")
    rows = {row.key: row for row in ROWS}
    better, worse = (
        paper_number(rows[key], column, "mean_accuracy") for key in (claim.better, claim.worse)
    )
    return better - worse


Judged = tuple[Claim, tuple[tuple[Column, Finding | None], ...]]


def findings(
    profile: Profile, accuracy: Answers, sharpness: Answers, claims: Sequence[Claim]
) -> list[Judged]:
    """Every claim with its finding in each column that the profile has."""
    there = [one for one in columns(profile) if one.key not in profile.localization.without]
    return [
        (
            claim,
            tuple(
                (one, judge(claim, one, accuracy if claim.value == "accuracy" else sharpness))
                for one in there
            ),
        )
        for claim in claims
    ]


def counted(judged: Sequence[Judged]) -> dict[str, int]:
    """How many findings have each verdict, and how many cannot be made yet."""
    counts: dict[str, int] = {}
    for _, each in judged:
        for _, finding in each:
            word = finding.verdict if finding else "not yet"
            counts[word] = counts.get(word, 0) + 1
    return counts

"""Two rows held against each other, case by case, and the verdict on a claim.

The rule is stated in ``results/STATEMENT.md`` before the runs are made.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import Any

import numpy as np
import yaml

from ldl.engine.profiles import profile_named
from ldl.errors import DataError
from ldl.metrics import mean_of_known
from ldl.stats import holm, seeds_by_images, seeds_by_images_p
from ldl.tables import TABLES
from ldl.tables.base import Claim, Gaps
from ldl.tables.measure import NAN, Array, Measured, Repeats, Shown
from ldl.tables.published import value

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


# Families of claims whose p values are adjusted by Holm, as the statement names them.
ADJUSTED = ("others",)
LEVEL = 0.05


@dataclass(frozen=True)
class Difference:
    """How much higher one row is than another, paired by seed and case.

    Attributes:
        value: mean over parts of the mean over seeds and cases.
        low, high: its 95 % interval, for other seeds and other cases; with one seed for other
            cases alone.
        gaps: one (S K, N) array a part: S seeds of K draws, N cases; nan where one has no score.
        seeds: S; 1 where each row was averaged over its own.
    """

    value: float
    low: float
    high: float
    gaps: tuple[Array, ...]
    seeds: int

    @property
    def cases(self) -> int:
        """That both have, over all parts."""
        return sum(int(np.isfinite(part).any(axis=0).sum()) for part in self.gaps)


def difference(better: Measured, worse: Measured, gaps: Gaps | None = None) -> Difference:
    """``better`` minus ``worse``, on the cases and over the seeds that both have.

    A row that is made once, without a network, stands beside every seed of the other. Where one has
    a single seed and the other several, each is first averaged over its own.

    Args:
        better, worse: two rows in one column.
        gaps: the table's, for a column of its own.
    """
    one, other = _matched(better.repeats, worse.repeats)
    better, worse = better.only(one), worse.only(other)
    if gaps:
        pairs = [gaps(better.records, worse.records)]
    else:
        both = zip(better.by_draw(), worse.by_draw(), strict=True)
        pairs = [_paired(*parts) for parts in both]
    value, seeds = float(np.mean([np.nanmean(part) for part in pairs])), min(len(one), len(other))
    return Difference(value, *seeds_by_images(pairs, seeds=seeds), tuple(pairs), seeds)


def _matched(one: Repeats, other: Repeats) -> tuple[Repeats, Repeats]:
    """The seeds of two rows that are held against each other, each beside its own."""
    if one == (None,):
        return one * len(other), other
    if other == (None,):
        return one, other * len(one)
    if 1 in (len(one), len(other)):
        return one, other
    common = tuple(each for each in one if each in other)
    if not common:
        raise DataError(f"seeds {one} and {other} have none in common; make the same for both rows")
    return common, common


def _paired(one: Array, other: Array) -> Array:
    """(S K, N) from (S, K, N) each; where S or K differ, each is averaged over its own."""
    for axis in (0, 1):
        if one.shape[axis] != other.shape[axis]:
            one, other = (mean_of_known(each, axis) for each in (one, other))
    return (one - other).reshape(-1, one.shape[2])


@dataclass(frozen=True)
class Finding:
    """What the records say about a claim.

    Attributes:
        found: None while one of the rows has no number.
        paper: the paper's difference; nan where it prints none.
        verdict: one of `VERDICTS`.
        p: two-sided, adjusted by Holm within the claim's family; nan outside those of `ADJUSTED`.
    """

    claim: Claim
    found: Difference | None
    paper: float
    verdict: str
    p: float = NAN


def judged(shown: Shown, claims: Iterable[Claim] | None = None) -> list[Finding]:
    """Findings on ``claims`` (default: all of the table) whose column the table has.

    A claim's family is always that of the whole table, whichever claims are asked for.
    """
    rows = {row.key: row for row in shown.table.rows(shown.profile)}
    columns = {column.key: column for column in shown.table.columns(shown.profile)}
    adjusted = _adjusted(shown)
    findings = []
    for claim in shown.table.claims if claims is None else claims:
        if claim.column not in columns:
            continue
        printed = [
            shown.table.paper(rows[key], columns[claim.column], shown.profile)
            for key in (claim.better, claim.worse)
            if key in rows
        ]
        paper = printed[0] - printed[1] if len(printed) == 2 else NAN
        found, p = _found(claim, shown), adjusted.get(claim, NAN)
        verdict = _doubt(claim, shown) or _verdict(claim, found, p) if found else "not yet run"
        findings.append(Finding(claim, found, paper, verdict, p))
    return findings


def _found(claim: Claim, shown: Shown) -> Difference | None:
    better, worse = _sides(claim, shown)
    return difference(better, worse, shown.table.gaps) if better and worse else None


def _sides(claim: Claim, shown: Shown) -> list[Measured | None]:
    return [shown.cells.get((key, claim.column)) for key in (claim.better, claim.worse)]


def _adjusted(shown: Shown) -> dict[Claim, float]:
    """p of every claim in a family of `ADJUSTED` that can be judged."""
    values: dict[Claim, float] = {}
    for family in ADJUSTED:
        members = {
            claim: seeds_by_images_p(found.gaps, seeds=found.seeds)
            for claim in shown.table.claims
            if claim.family == family
            and (found := _found(claim, shown))
            and not _doubt(claim, shown)
        }
        values |= zip(members, holm(list(members.values())), strict=True)
    return values


def _doubt(claim: Claim, shown: Shown) -> str:
    """Why nothing follows from the records of either row; "" where something may."""
    for side in filter(None, _sides(claim, shown)):
        doubts = [shown.table.doubt(record) for record in side.records]
        if side.trained is False:
            return "not trained here"
        if all(doubts):
            return doubts[0]
    return ""


def _verdict(claim: Claim, found: Difference, p: float) -> str:
    least = claim.least
    if -least < found.low and found.high < least:
        return "no difference of interest"
    if found.low <= 0 <= found.high or p >= LEVEL:
        return "undecided"
    higher = found.value > 0
    if found.seeds < 2:
        return "higher (one seed)" if higher else "lower (one seed)"
    if abs(found.value) < least:
        return "undecided"
    if claim.ours:
        return "higher" if higher else "lower"
    return "reproduced" if higher else "opposite"


def counted(findings: Iterable[Finding]) -> dict[str, int]:
    """How many have each verdict, those that do not occur left out."""
    verdicts = [finding.verdict for finding in findings]
    return {verdict: verdicts.count(verdict) for verdict in VERDICTS if verdict in verdicts}


@dataclass(frozen=True)
class Sentence:
    """One sentence, or several that say the same.

    Attributes:
        paper: "LDL" or "LRC".
        says: shortened.
        where: sections.
        how: "each", "count" or "wins", see the file.
        claims: the pairs of rows that decide it; none where no run here does.
        why: then, why not.
        rows: of "wins": table, better rows, worse rows, columns.
        printed: the paper's difference by column, where the sentence has it and no table does.
    """

    paper: str
    says: str
    where: str
    how: str
    claims: tuple[Claim, ...]
    why: str
    rows: tuple[Any, ...] = field(compare=False)
    printed: Mapping[str, float] = field(compare=False)


def sentences() -> tuple[Sentence, ...]:
    """All of them, LDL's first, in the order of the papers."""
    text = files("ldl.tables").joinpath("csv/sentences.yaml").read_text(encoding="utf-8")
    return tuple(_read(paper, one) for paper, all_ in yaml.safe_load(text).items() for one in all_)


def _read(paper: str, one: dict[str, Any]) -> Sentence:
    how, on = one.get("how", "each"), tuple(one.get("rows", ()))
    printed: dict[str, float] = {}
    if "printed" in one:
        table, column, key, names = one["printed"]
        found = (value(table, column, **{key: name}) for name in names)
        printed = dict(zip(on[0][3], map(float, filter(None, found)), strict=True))
    claims = () if how == "wins" else tuple(claim for part in on for claim in _claims(*part))
    return Sentence(paper, one["says"], one["where"], how, claims, one.get("why", ""), on, printed)


def _claims(table: str, better: list[str], worse: list[str], columns: list[str]) -> Iterator[Claim]:
    """The table's own claims, with what was stated of them, else new ones alike."""
    known = {(one.better, one.worse, one.column): one for one in TABLES[table].claims}
    labels = {row.key: row.label for row in TABLES[table].rows(profile_named("open"))}
    least = TABLES[table].claims[0].least
    for column in columns:
        for one, other in zip(better, worse, strict=True):
            text = f"{labels.get(one, one)} over {labels.get(other, other)}"
            new = Claim(text, table, one, other, column, least)
            yield known.get((one, other, column), new)


def findings(
    all_: Iterable[Sentence], shown: Mapping[str, Shown]
) -> dict[Sentence, tuple[Finding, ...]]:
    """What the records say of every claim of every sentence, in its order.

    Args:
        all_: the sentences.
        shown: their tables under one profile, by name.
    """
    sentences = list(all_)
    claims = {one: None for sentence in sentences for one in sentence.claims}
    found = {
        each.claim: each
        for name, table in shown.items()
        for each in judged(table, [one for one in claims if one.table == name])
    }
    nothing = {one: Finding(one, None, float("nan"), "not yet run") for one in claims}
    both = nothing | found
    return {
        sentence: tuple(
            replace(both[one], paper=sentence.printed.get(one.column, both[one].paper))
            for one in sentence.claims
        )
        for sentence in sentences
    }

"""What both papers say in words: every sentence that compares two things, and what decides it.

The sentences are data, `csv/sentences.yaml`; their numbers come from records as all others do.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import Any

import yaml

from ldl.engine.profiles import profile_named
from ldl.tables import TABLES
from ldl.tables.base import Claim
from ldl.tables.compare import Finding, judged
from ldl.tables.measure import Shown
from ldl.tables.published import value


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

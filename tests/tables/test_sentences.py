"""The papers' sentences name rows and columns that exist, and get the verdicts of the tables."""

import pytest

from ldl.engine.profiles import profile_named
from ldl.engine.store import RunStore
from ldl.tables import TABLES
from ldl.tables.compare import findings, judged, sentences
from ldl.tables.measure import show

ALL = sentences()


@pytest.mark.parametrize("sentence", ALL, ids=lambda one: one.says[:40])
def test_a_sentence_is_decided_by_rows_of_the_paper_or_says_why_not(sentence) -> None:
    assert bool(sentence.rows) != bool(sentence.why)
    assert bool(sentence.claims) == (sentence.how in ("each", "count") and not sentence.why)
    profile = profile_named("paper")
    for table, better, worse, columns in sentence.rows:
        assert {*better, *worse} <= {row.key for row in TABLES[table].rows(profile)}
        both = (profile, profile_named("open"))
        known = {one.key for each in both for one in TABLES[table].columns(each)}
        assert {*columns} <= known


def test_both_papers_speak() -> None:
    assert {one.paper for one in ALL} == {"LDL", "LRC"}


def test_a_claim_of_a_table_keeps_its_finding_and_a_printed_gain_its_number() -> None:
    store = RunStore()
    shown = {name: show(name, "open", store) for name in ("table2",)}
    mine = [one for one in ALL if one.claims and all(c.table == "table2" for c in one.claims)]
    found = findings(mine, shown)
    known = {(e.claim.better, e.claim.worse, e.claim.column): e for e in judged(shown["table2"])}
    same = [e for part in found.values() for e in part]
    checked = [known[k].verdict == e.verdict for e in same
               if (k := (e.claim.better, e.claim.worse, e.claim.column)) in known]  # fmt: skip
    assert checked
    assert all(checked)
    (gains,) = (part for one, part in found.items() if one.printed)
    assert [e.paper for e in gains] == [8.81, 7.1, 12.49]

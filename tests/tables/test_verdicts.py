"""Verdicts and counts once more, by plain loops over committed records and other formulas."""

import math
import re
import warnings
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache

import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup

from ldl.book.execute import execute
from ldl.book.parameters import PRIVATE, THREADS, notebook_path
from ldl.engine.store import Record, RunStore
from ldl.methods import METHODS
from ldl.paths import results_dir
from ldl.runs.base import Run
from ldl.runs.localize import FACTORS
from ldl.stats import seeds_by_images_p
from ldl.tables import TABLES
from ldl.tables.base import Claim, Column
from ldl.tables.compare import Finding, judged, sentences
from ldl.tables.measure import Shown, pretraining_record, show


def _raw(name: str, record: Record, column: Column) -> dict[int, dict[str, dict[str, float]]]:
    """draw -> case -> what is scored in it -> points, read from a record without the package."""
    if name == "table7":
        return {
            draw: {
                case: {"": 100 * sum(d < f * one["window"] for f in FACTORS) / len(FACTORS)}
                for case, d in zip(
                    [case for case in record["ids"] if case != one["support"]],
                    one["distance_of"],
                    strict=True,
                )
            }
            for draw, one in enumerate(record["supports"])
        }
    if name.startswith("lrc"):
        return {0: {
            case["id"]: {str(k): 100 * d for k, d in enumerate(case["dsc"]) if d is not None}
            for case in record["volumes"]
        }}  # fmt: skip
    scores = record["tests"][column.key]["dsc"] if "tests" in record else record["dsc"]
    return {0: {str(k): {"": 100 * d} for k, d in enumerate(scores)}}


def _seed(run: Run) -> int:
    return getattr(getattr(run, "network", None) or run, "seed")  # noqa: B009 - typed as any run


def _again(
    shown: Shown, claim: Claim, column: Column
) -> tuple[dict[tuple[int, int], dict[str, float]], set[int]]:
    """(seed, draw) -> case -> difference in one column, and the seeds that both rows have."""
    found = [
        {
            _seed(run): _raw(shown.table.name, record, column)
            for run in shown.runs[row, column.key]
            if (record := shown.store.record(run))
        }
        for row in (claim.better, claim.worse)
    ]
    for place, row in enumerate((claim.better, claim.worse)):
        if all(run.repeat is None for run in shown.runs[row, column.key]):  # no network, no seed
            found[place] = dict.fromkeys(found[1 - place], *found[place].values())
    seeds = set(found[0]) & set(found[1])
    if 1 in map(len, found):  # each over its own seeds
        seeds, found = {0}, [{0: _over_seeds(each)} for each in found]
    gaps: dict[tuple[int, int], dict[str, float]] = {}
    for seed in sorted(seeds):
        for draw, cases in found[0][seed].items():
            line = gaps.setdefault((seed, draw), {})
            for case, ours in cases.items():
                theirs = found[1][seed][draw].get(case, {})
                both = [ours[part] - theirs[part] for part in ours if part in theirs]
                if both:
                    line[case] = sum(both) / len(both)
    return gaps, seeds


def _mean(gaps: dict[tuple[int, int], dict[str, float]]) -> float:
    every = [gap for line in gaps.values() for gap in line.values()]
    return sum(every) / len(every)


def _resampled(parts: list[dict[tuple[int, int], dict[str, float]]]) -> np.ndarray:
    """Means of resamples as the statement has them, each gathered seed by seed, support by support
    and case by case."""
    rng, total = np.random.default_rng(1), np.zeros(1000)
    seeds, supports = (sorted({key[place] for key in parts[0]}) for place in (0, 1))
    chosen, asked = (rng.integers(0, len(one), (1000, len(one))) for one in (seeds, supports))
    for gaps in parts:
        cases = sorted({case for line in gaps.values() for case in line})
        scores = np.array(
            [[[gaps[s, k].get(case, np.nan) for case in cases] for k in supports] for s in seeds]
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a support is not asked for itself
            middle, of_seed, of_support = (
                np.nanmean(scores, axis=over, keepdims=True) for over in ((0, 1), 1, 0)
            )
        far, near = (math.sqrt(n / max(1, n - 1)) for n in scores.shape[:2])
        wide = middle + far * (of_seed - middle) + near * (of_support - middle)
        wide = wide + far * near * (scores - of_seed - of_support + middle)
        drawn = rng.integers(0, len(cases), (1000, len(cases)))
        picked = wide[chosen[:, :, None, None], asked[:, None, :, None], drawn[:, None, None]]
        total += np.nanmean(picked, axis=(1, 2, 3)) / len(parts)
    return total


Scored = dict[int, dict[str, dict[str, float]]]


def _over_seeds(scored: dict[int, Scored]) -> Scored:
    """The mean over seeds of what each seed scores."""
    first, *others = scored.values()
    return {
        draw: {
            case: {
                part: sum(one[draw][case][part] for one in (first, *others)) / len(scored)
                for part in parts
                if all(part in one[draw][case] for one in others)
            }
            for case, parts in cases.items()
        }
        for draw, cases in first.items()
    }


def _worded(finding: Finding, doubt: str) -> str:
    """The rule of the statement, once more."""
    found, least = finding.found, finding.claim.least
    if found is None or doubt:
        return doubt or "not yet run"
    clear = (found.low > 0 or found.high < 0) and not finding.p >= 0.05
    if max(abs(found.low), abs(found.high)) < least:
        return "no difference of interest"
    if clear and found.seeds == 1:
        return "higher (one seed)" if found.value > 0 else "lower (one seed)"
    if clear and abs(found.value) >= least:
        words = ("higher", "lower") if finding.claim.ours else ("reproduced", "opposite")
        return words[found.value < 0]
    return "undecided"


def _file(run: Run) -> bool:
    return (results_dir() / "open" / f"{run.run_id()}.json").is_file()


@dataclass(frozen=True)
class Again:
    """A finding of the package beside what plain loops make of the same records.

    Attributes:
        value, seeds, cases: mean difference; seeds and cases that both rows have.
        drawn: (1000,) means of resamples.
        doubt: why nothing follows from the records of either row.
    """

    finding: Finding
    value: float = math.nan
    seeds: int = 0
    cases: int = 0
    drawn: np.ndarray | None = None
    doubt: str = ""

    @property
    def verdict(self) -> str:
        return _worded(self.finding, self.doubt)

    @property
    def line(self) -> tuple[str, str, str]:
        """Mean, cases with seeds, and verdict as a page has them."""
        if self.drawn is None:
            return "–", "", self.verdict
        return f"{self.value:+.1f}".replace("-", "−"), f"{self.cases} ({self.seeds})", self.verdict


@cache
def _table(name: str) -> tuple[Again, ...]:
    """Every claim of the table and of the claim board, both ways."""
    shown = show(name, "open", RunStore(committed=None))
    columns = {column.key: column for column in shown.table.columns(shown.profile)}
    board = (claim for sentence in sentences() for claim in sentence.claims)
    asked = dict.fromkeys((*shown.table.claims, *(one for one in board if one.table == name)))
    findings = judged(shown, asked)
    assert [each.claim for each in findings] == [one for one in asked if one.column in columns]
    return tuple(_both(shown, each, columns) for each in findings)


def _both(shown: Shown, finding: Finding, columns: dict[str, Column]) -> Again:
    claim = finding.claim
    members = columns[claim.column].members or (claim.column,)
    seeds = [
        set.intersection(*({run.repeat for run in shown.runs.get((row, key), ()) if _file(run)}
                           for key in members))
        for row in (claim.better, claim.worse)
    ]  # fmt: skip
    assert (finding.found is not None) == all(seeds), "a finding where both rows have records"
    if finding.found is None:
        return Again(finding)
    again = [_again(shown, claim, columns[key]) for key in members]
    doubt = ""
    for row in (claim.better, claim.worse):
        runs = [run for key in members for run in shown.runs[row, key]]
        made = [run for run in runs if shown.store.record(run)]
        records = [shown.store.record(run) for run in made]
        needed = [other for run in made for other in run.needs()]
        before = [pretraining_record(other, shown.store) for other in needed]
        doubts = [shown.table.doubt(record) for record in records]
        short = all(before) and any(one and one.get("trained") is False for one in before)
        doubt = doubt or ("not trained here" if short else doubts[0] if all(doubts) else "")
    return Again(
        finding,
        value=sum(_mean(gaps) for gaps, _ in again) / len(again),
        seeds=len(set.intersection(*(seeds for _, seeds in again))),
        cases=sum(len({case for line in gaps.values() for case in line}) for gaps, _ in again),
        drawn=_resampled([gaps for gaps, _ in again]),
        doubt=doubt,
    )


@pytest.mark.parametrize("name", TABLES)
def test_committed_verdicts_follow_from_the_records_by_another_way(name: str) -> None:
    """Mean difference, interval and verdict."""
    for again in _table(name):
        found = again.finding.found
        assert again.finding.verdict == again.verdict
        if found is None or again.drawn is None:
            assert again.finding.verdict == "not yet run"
            continue
        assert found.value == pytest.approx(again.value)
        assert (found.seeds, found.cases) == (again.seeds, again.cases)
        # 2.5 % on either side, give or take four standard deviations of draws there and here.
        for beyond in (again.drawn - found.low, found.high - again.drawn):
            assert np.mean(beyond < -1e-9) < 0.05, again.finding.claim
            assert np.mean(beyond <= 1e-9) > 0.003, again.finding.claim


def _closed(values: list[float]) -> list[float]:
    """Adjusted p by the closed test whose shortcut Holm's is: the largest Bonferroni p of any set
    of the family that holds it, which is with those least significant for company.
    """
    adjusted = []
    for place, value in enumerate(values):
        others = sorted(values[:place] + values[place + 1 :], reverse=True)
        sets = (min(value, *others[:more]) * (more + 1) if more else value
                for more in range(len(values)))  # fmt: skip
        adjusted.append(min(1.0, max(sets)))
    return adjusted


@pytest.mark.parametrize("doubted", [True, False], ids=["as trained", "as if all were trained"])
def test_p_of_the_stated_family_is_adjusted_by_another_way(doubted: bool) -> None:
    """One family: Rd over every comparison method in Table 2, without what decides nothing."""
    shown = show("table2", "open", RunStore())
    if not doubted:
        cells = {key: replace(cell, trained=None) for key, cell in shown.cells.items()}
        shown = replace(shown, cells=cells)
    family, alone, adjusted = [], [], []
    for again, finding in zip(_table("table2"), judged(shown), strict=False):
        claim, found = finding.claim, finding.found
        assert claim == again.finding.claim
        opponent = METHODS.get(claim.worse)
        mine = claim.better == "rd" and opponent is not None and opponent.compared
        if not mine or found is None or again.drawn is None or (doubted and again.doubt):
            assert math.isnan(finding.p)
            continue
        p = seeds_by_images_p(found.gaps, seeds=found.seeds)
        # Twice the rank of zero, among 1000 means here and 2000 there.
        share = min(np.mean(again.drawn <= 0), np.mean(again.drawn >= 0))
        spread = math.sqrt(max(share, p / 2) * (1 / 1000 + 1 / 2000))
        assert abs(p - min(1.0, 2 * share)) < 8 * spread + 0.004
        family, alone, adjusted = [*family, claim], [*alone, p], [*adjusted, finding.p]
    assert adjusted == pytest.approx(_closed(alone))
    assert len(family) == len(set(family))
    assert doubted or len(family) > 8


def test_no_other_comparison_is_adjusted() -> None:
    others = (each.finding for name in TABLES if name != "table2" for each in _table(name))
    assert all(math.isnan(finding.p) for finding in others)


PAGES = {
    "table2": "table2_comparison", "figure7": "table2_comparison",
    "table3": "table3_ablation", "table4": "table4_architectures",
    "table5": "table5_6_shape", "table6": "table5_6_shape", "table7": "table7_localization",
    "lrc_table1": "lrc_table1", "lrc_table2": "lrc_table2", "lrc_table3": "lrc_table3",
    "lrc_resolution": "lrc_table1", "lrc_probe": "method_lrc",
    "choices": "paper_vs_release", "scale": "paper_vs_release",
}  # fmt: skip
HEADINGS = {
    "Held so far": r"reproduced|higher.*",
    "Did not hold": r"opposite|lower.*|no difference of interest",
    "Undecided or not tested": r"undecided|not .*|collapsed|loss without background",
}


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> BeautifulSoup:
    """What the front page says."""
    page = tmp_path_factory.mktemp("front") / "summary.ipynb"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LDL_CACHE", *PRIVATE):
            patch.setenv(name, str(page.parent / "private"))
        for name in THREADS:
            patch.setenv(name, "1")
        outcome = execute(notebook_path("summary"), page, {"profile": "smoke"})
    assert not outcome.failure, outcome.failure
    outputs = [o for cell in nbformat.read(page, 4).cells for o in cell.get("outputs", [])]
    data = [output.get("data", {}) for output in outputs]
    texts = [one.get("text/html") or f"<p>{one.get('text/markdown', '')}</p>" for one in data]
    return BeautifulSoup("\n".join(texts), "html.parser")


def test_the_front_page_counts_what_the_records_say(front: BeautifulSoup) -> None:
    """Its counts are of all comparisons that tables state of the papers' rows."""
    (said,) = re.findall(r"All (\d+) comparisons of the papers' rows: (.*?)\.", front.get_text())
    again = [each for name in TABLES for each in _table(name)]
    stated = [
        each for each in again if each.finding.claim in TABLES[each.finding.claim.table].claims
    ]
    papers = Counter(each.verdict for each in stated if not each.finding.claim.ours)
    told = {word: int(n) for n, word in re.findall(r"(\d+) ([^,]+)", said[1])}
    assert (int(said[0]), told) == (papers.total(), papers)


def test_each_line_of_the_front_page_stands_where_its_records_put_it(front: BeautifulSoup) -> None:
    """Under "held" or "did not hold", with mean, number of cases, seeds and verdict."""
    heading, lines, groups = "", [], Counter[str]()
    for row in front.table.select("tbody tr"):  # type: ignore[union-attr]
        if not row.select("td"):
            heading = row.get_text().strip()
            continue
        ours, _, cases, verdict = ([*cell.stripped_strings, ""] for cell in row.select("td"))
        lines.append((ours[0], cases[0], verdict[0]))
        assert re.fullmatch(HEADINGS[heading], verdict[0]), row.get_text()
        page = row.a["href"].removesuffix(".html")  # type: ignore[index, union-attr]
        tables = [name for name in TABLES if PAGES[name] == page]
        assert lines[-1] in [each.line for name in tables for each in _table(name)]
        groups[heading] += 1
    assert len(lines) == len(set(lines)) >= 8
    (said,) = re.findall(r"Of (\d+) claims: (.*?)\.", front.get_text())
    told = {word: int(n) for n, word in re.findall(r"(\d+) ([^,*]+)", said[1])}
    assert told == {name.lower(): groups[name] for name in HEADINGS}

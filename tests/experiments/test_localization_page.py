"""What the page of Table 7 says, on answers made by hand."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from ldl.experiments.localization_claims import CLAIMS, QUESTIONS, Claim

from ldl.engine.profiles import PROFILES, Profile
from ldl.engine.store import RunStore
from ldl.experiments import (
    localization_answers,
    localization_cells,
    localization_claims,
    localization_frame,
    localization_luck,
    localization_page,
    localization_printed,
    localization_statements,
)
from ldl.tables.localization import ROWS, columns

DEMO, OPEN = PROFILES["demo"], PROFILES["open"]
NAN = float("nan")
SUPPORTS, IMAGES = 4, 12


def made(level: float, spread: float = 5.0, seed: int = 0) -> np.ndarray:
    """(SUPPORTS, IMAGES) answers about a level, nan where a support would be asked for itself."""
    draw = np.random.default_rng(seed)
    values = level + spread * draw.standard_normal((SUPPORTS, IMAGES))
    values[range(SUPPORTS), range(SUPPORTS)] = NAN
    return values


def text(html: object) -> str:
    """A table without its tags and style."""
    plain = re.sub(r"<style.*?</style>", "", html.data, flags=re.DOTALL)  # type: ignore[attr-defined]
    return re.sub(r"<[^>]+>", " ", plain)


def shown_with(found: dict[str, float], profile: Profile = OPEN) -> localization_page.Shown:
    """A page whose rows have these levels in every column that is at hand."""
    there = [one for one in columns(profile) if one.key not in profile.localization.without]
    answers = {
        (row, one.key): made(level, seed=number)
        for number, (row, level) in enumerate(found.items())
        for one in there
    }
    shares = {"common": 0.3, "place": 0.6, "content": 0.1}
    return localization_page.Shown(
        profile=profile,
        frame=pd.DataFrame({"measured": [True]}),
        accuracy=answers,
        sharpness={key: array / 100 for key, array in answers.items()},
        frames={key: shares for key in answers if key[0] not in ("ncc", "place")},
        records={one.key: ({},) for one in there},
        encoders=(),
    )


def test_an_interval_is_of_both_samples_and_leaves_gaps_out() -> None:
    values = made(10.0)
    mean, low, high = localization_answers.interval(values, "column")
    assert mean == pytest.approx(np.nanmean(values))
    assert low < mean < high
    assert localization_answers.interval(values, "column") == (mean, low, high)
    flat = np.where(np.isnan(values), NAN, 3.0)
    assert localization_answers.interval(flat, "column") == pytest.approx((3.0, 3.0, 3.0))
    # One support decides: drawing it anew moves the mean by far more than the queries do.
    by_support = flat + 20 * np.arange(SUPPORTS)[:, None]
    wide = localization_answers.interval(by_support, "column")
    assert wide[2] - wide[1] > 25


def test_a_claim_is_judged_by_its_interval() -> None:
    column = columns(OPEN)[1]
    claim = Claim("b over a", "b", "a")
    for level, word in ((30.0, "reproduces"), (-30.0, "opposite"), (0.0, "undecided")):
        answers = {("a", column.key): made(50.0), ("b", column.key): made(50.0 + level, seed=1)}
        finding = _judged(claim, column, answers)
        assert finding.verdict == word
        assert finding.gain == pytest.approx(level, abs=3)
    own = _judged(replace(claim, own=True), column, answers | {("b", column.key): made(90.0)})
    assert own.verdict == "yes"
    assert localization_claims.judge(claim, column, {("a", column.key): made(1.0)}) is None


def _judged(claim, column, answers):
    """The finding without the paper's number, which rows made up do not have."""
    mean, low, high = localization_answers.interval(
        answers[claim.better, column.key] - answers[claim.worse, column.key], column.key
    )
    return localization_claims.Finding(claim, column, mean, low, high, NAN)


def test_every_claim_names_rows_and_the_papers_has_the_papers_difference() -> None:
    keys = {row.key for row in ROWS}
    assert all({claim.better, claim.worse} <= keys for claim in (*CLAIMS, *QUESTIONS))
    disc = next(one for one in columns(OPEN) if one.key == "idrid_disc")
    assert localization_claims.printed(CLAIMS[0], disc) == pytest.approx(37.26 - 15.90)
    assert np.isnan(localization_claims.printed(CLAIMS[-1], disc)), "no sharpness is printed"
    assert np.isnan(localization_claims.printed(QUESTIONS[0], disc))


def test_findings_are_counted_and_what_is_missing_is_said() -> None:
    shown = shown_with({"pd": 20.0, "pd+mix": 60.0})
    found = localization_claims.findings(OPEN, shown.accuracy, shown.sharpness, CLAIMS)
    assert [len(each) for _, each in found] == [5] * len(CLAIMS)
    counts = localization_claims.counted(found)
    assert counts == {"reproduces": 5, "not yet": 20}
    words = text(localization_statements.claim_table(shown, found))
    assert "reproduces" in words
    assert "not yet run" in words
    assert "+21.4" in words
    phantom = shown_with({"pd": 20.0, "pd+mix": 60.0}, DEMO)
    found = localization_claims.findings(DEMO, phantom.accuracy, phantom.sharpness, CLAIMS)
    words = text(localization_statements.claim_table(phantom, found))
    assert "reproduces" not in words
    assert "nothing is judged" in words


def test_the_luck_of_one_support() -> None:
    shown = shown_with({"pd": 20.0, "pd+mix": 60.0})
    words = text(localization_luck.luck_table(shown))
    assert "4 of 4" in words
    assert "Pd+mix 4" in words
    upside = shown_with({"pd": 60.0, "pd+mix": 20.0})
    assert "0 of 4" in text(localization_luck.luck_table(upside))
    assert localization_luck.luck_table(shown_with({"ncc": 20.0})) is None
    assert localization_luck.counts(["b", "a", "b"]) == "b 2, a 1"


def test_the_remedy_is_counted_whatever_comes_out() -> None:
    levels = {"pd+mix": 30.0, "mix-centred": 60.0, "pd+mix+ms+cs": 60.0, "full-centred": 30.0,
              "ncc": 45.0}  # fmt: skip
    words = localization_frame.verdict(shown_with(levels))
    assert "90 to 90 %" in words
    assert "raises the mean accuracy in 5 of 10 pairs (Pd+mix, Disc (HRF);" in words
    assert "does not in 5 (Pd+mix+ms+cs, Disc (HRF);" in words
    assert "above template matching in 5 of 10" in words
    assert "not yet run" in localization_frame.verdict(shown_with({"ncc": 1.0}))
    table = text(localization_frame.frame_table(shown_with(levels)))
    assert "30 / 60 / 10" in table
    assert re.search(r"centred (59|60|61)", table)
    assert localization_frame.frame_table(shown_with({"ncc": 1.0})) is None


def test_steps_of_the_printed_table_are_queries() -> None:
    words = text(localization_printed.steps_table())
    assert "+2, +7, +9, +13, +16" in words
    assert "−1, −2, +16, +36, +55" in words
    told = localization_printed.words()
    assert "3 of its 15 steps" in told
    assert "is 2.3 points" in told


def line(**more: object) -> pd.Series:
    """One cell of Table 7."""
    return pd.Series(
        {"ours": 40.2, "deviation": 12.5, "lowest": 10.0, "highest": 66.0, "paper": 31.7,
         "score": "mean_accuracy", "measured": True} | more
    )  # fmt: skip


def test_a_cell_shows_the_spread_over_supports_and_the_paper() -> None:
    cell = localization_cells.accuracy_cell(line(), best=40.2)
    assert all(part in cell for part in ("<b>40.2</b>", "± 12.5", "10–66", "31.70", "(+8.5)"))
    assert "<b>" not in localization_cells.accuracy_cell(line(), best=50.0)
    assert "(+" not in localization_cells.accuracy_cell(line(score="accuracy@0.05"), best=50.0)
    gap = localization_cells.accuracy_cell(line(measured=False), best=None)
    assert gap == "<small><i>31.70</i></small>"
    none = localization_cells.accuracy_cell(line(measured=False, paper=NAN), best=None)
    assert none == "<small>–</small>"


def test_the_page_without_any_record_says_what_is_missing(store: RunStore) -> None:
    shown = localization_page.gather("open", store)
    assert not shown.measured
    assert shown.there == []
    words = localization_page.budget_words(shown).data
    assert "Not at hand" not in words
    assert "Not yet run: 55 of 55 numbers" in words
    hrf = text(localization_cells.column_table(shown.frame, "hrf_disc"))
    assert "not yet run" in hrf
    assert "15.90" in hrf
    assert "not yet run" in text(localization_cells.column_table(shown.frame, "idrid_disc"))

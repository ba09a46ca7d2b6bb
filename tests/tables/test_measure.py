"""What a table computes from records, and what follows, on records made by hand."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from ldl.engine.profiles import PROFILES
from ldl.engine.store import SCHEMA, RunStore
from ldl.errors import DataError
from ldl.runs.base import Run
from ldl.runs.lrc import CtConfig, GlobalConfig, ProbeConfig
from ldl.stats import holm, seeds_by_images, seeds_by_images_p
from ldl.tables import TABLES, plan
from ldl.tables.base import Claim
from ldl.tables.compare import VERDICTS, Finding, counted, difference, judged
from ldl.tables.measure import Measured, Shown, mean_of, measure, pretraining_record, show

TABLE = TABLES["table2"]


def _save(store: RunStore, run: Run, scores: list[float]) -> None:
    record = {"schema": SCHEMA, "version": run.stamp(), "run_id": run.run_id(), "dsc": scores}
    store.save(run, record)


def _measured(scores: object, **fields: object) -> Measured:
    parts = tuple(np.atleast_2d(np.asarray(one, dtype=np.float64)) for one in scores)  # type: ignore[attr-defined]
    repeats = tuple(range(len(parts[0])))
    known: dict[str, object] = {
        "records": ({},) * len(repeats) * len(parts),
        "repeats": repeats,
        "stale": False,
        "trained": None,
    }
    return Measured(parts=parts, **(known | fields))  # type: ignore[arg-type]


def judge(claim: Claim, shown: Shown) -> Finding:
    """The finding on one claim."""
    (found,) = judged(shown, [claim])
    return found


def _shown(better: Measured, worse: Measured, column: str = "stare_vessel") -> Shown:
    cells = {("rd", column): better, ("scratch", column): worse}
    return Shown(TABLE, PROFILES["open"], cells, {}, RunStore())


CLAIM = Claim("Rd over scratch", "table2", "rd", "scratch", "stare_vessel")


def test_the_papers_mean_stands_as_printed_where_all_tasks_are_there() -> None:
    rows = {row.key: row for row in TABLE.rows(PROFILES["paper"])}
    columns = {one.key: one for one in TABLE.columns(PROFILES["paper"])}
    assert TABLE.paper(rows["rd"], columns["xray_mean"], PROFILES["paper"]) == 82.11
    assert TABLE.paper(rows["rd"], columns["fundus_mean"], PROFILES["paper"]) == 85.12
    assert math.isnan(TABLE.paper(rows["scratch-equal"], columns["STARE".lower() + "_vessel"],
                                  PROFILES["paper"]))  # fmt: skip


def test_a_mean_over_fewer_tasks_stands_beside_the_papers_over_the_same() -> None:
    profile = PROFILES["open"]
    rows = {row.key: row for row in TABLE.rows(profile)}
    column = next(one for one in TABLE.columns(profile) if one.key == "xray_mean")
    expected = (94.32 + 97.97 + 92.98) / 3
    assert TABLE.paper(rows["rd"], column, profile) == pytest.approx(expected)


def test_a_cell_is_one_share_of_the_labels_and_whole_or_not_there(store: RunStore) -> None:
    cells = plan("table2", PROFILES["demo"], "scratch/scr_heart")
    full, part = (
        next(c for c in cells if c.column.key == k) for k in ("scr_heart", "scr_heart@20")
    )
    assert measure(TABLE, full, store) is None
    _save(store, full.runs[0], [0.2, 0.4])
    found = measure(TABLE, full, store)
    assert found is not None
    assert found.value == pytest.approx(30)
    assert found.interval == pytest.approx((20, 40))
    assert (found.cases, found.seeds, found.trained) == (2, 1, None)
    assert math.isnan(found.deviation)
    assert measure(TABLE, part, store) is None, "shares are never averaged"


def test_a_mean_column_needs_every_task_and_weighs_tasks_alike(store: RunStore) -> None:
    demo = PROFILES["demo"]
    cells = [c for c in plan("table2", demo, "scratch/") if c.row.key == "scratch"]
    fundus = [c for c in cells if c.column.group == "Colour fundus"]
    for number, cell in enumerate(fundus[:-1]):
        _save(store, cell.runs[0], [number / 10] * (number + 1))
    frame = show("table2", demo, store).frame.set_index(["row", "column"])
    assert not frame.loc[("scratch", "fundus_mean"), "measured"]
    _save(store, fundus[-1].runs[0], [0.7])
    line = (
        show("table2", demo, store)
        .frame.set_index(["row", "column"])
        .loc[("scratch", "fundus_mean")]
    )
    assert line["ours"] == pytest.approx(10 * np.mean(range(8)))
    assert line["difference"] == pytest.approx(line["ours"] - line["paper"])
    assert not line["stale"]


def test_a_mean_is_stale_or_short_if_one_part_is() -> None:
    fine, bad = _measured([[1.0, 2.0]], trained=True), _measured([[3.0]], trained=False, stale=True)
    found = mean_of([fine, bad])
    assert found is not None
    assert (found.stale, found.trained, found.cases) == (True, False, 3)
    assert mean_of([fine, None]) is None
    assert mean_of([]) is None


def test_a_difference_is_paired_so_that_hard_images_do_not_count() -> None:
    hard = np.array([10.0, 50.0, 90.0, 30.0])
    found = difference(_measured([hard + 5]), _measured([hard]))
    assert (found.value, found.low, found.high) == pytest.approx((5, 5, 5))


def test_a_row_of_one_seed_is_compared_with_the_mean_of_the_others() -> None:
    found = difference(_measured([[[1.0, 3.0], [3.0, 5.0]]]), _measured([[1.0, 1.0]]))
    assert found.value == pytest.approx(2)
    assert (found.seeds, found.gaps[0].shape) == (1, (1, 2))


def test_partly_made_cells_are_compared_over_the_seeds_that_both_have() -> None:
    """By the seed itself: the third of one row is the second of the other."""
    whole = _measured([[[1.0, 1.0], [50.0, 50.0], [3.0, 3.0]]], repeats=(0, 1, 2))
    part = _measured([[[2.0, 2.0], [0.0, 0.0]]], repeats=(2, 0))
    for found, sign in ((difference(whole, part), 1), (difference(part, whole), -1)):
        assert sorted((sign * found.gaps[0]).tolist()) == [[1.0, 1.0], [1.0, 1.0]]
        assert (found.value, found.seeds) == (sign, 2)
    with pytest.raises(DataError, match="none in common"):
        difference(part, _measured([np.zeros((2, 2))], repeats=(3, 4)))


def test_draws_of_a_seed_stay_together() -> None:
    """Two supports a seed; what needs no network stands beside every seed, support by support."""
    searched = _measured([[[1.0], [2.0], [3.0], [4.0]]], repeats=(0, 1), records=({}, {}))
    other = _measured([[[30.0], [40.0], [0.0], [0.0]]], repeats=(1, 5), records=({}, {}))
    once = _measured([[[1.0], [0.0]]], repeats=(None,), records=({},))
    assert searched.only((1,)).parts[0].tolist() == [[3.0], [4.0]]
    assert difference(searched, once).gaps[0].tolist() == [[0.0], [2.0], [2.0], [4.0]]
    assert difference(once, searched).seeds == 2
    more = _measured([[[9.0]] * 6], repeats=(0, 1, 2), records=({},) * 3)
    found = difference(more, other)
    assert (found.gaps[0].tolist(), found.seeds) == ([[-21.0], [-31.0]], 1)


@pytest.mark.filterwarnings("error")
def test_a_support_asks_no_seed_for_itself() -> None:
    """Three encoders beside one: each averaged over its own, support by support, in silence."""
    asked = np.array([[np.nan, 2.0], [4.0, np.nan]])
    several = _measured([np.concatenate([asked, asked + 1, asked + 2])], repeats=(0, 1, 2),
                        records=({},) * 3)  # fmt: skip
    one = _measured([asked], repeats=(0,), records=({},))
    found = difference(several, one)
    assert (found.value, found.seeds) == (1, 1)
    np.testing.assert_array_equal(found.gaps[0], [[np.nan, 1.0], [1.0, np.nan]])


def test_a_mean_is_over_the_seeds_that_all_tasks_have() -> None:
    first = _measured([[[1.0], [2.0], [3.0]]], records=({"n": 0}, {"n": 1}, {"n": 2}))
    second = _measured([[[30.0], [10.0]]], repeats=(2, 0), records=({"n": 5}, {"n": 3}))
    found = mean_of([first, second])
    assert found is not None
    assert [part.tolist() for part in found.parts] == [[[1.0], [3.0]], [[10.0], [30.0]]]
    assert (found.repeats, [one["n"] for one in found.records]) == ((0, 2), [0, 2, 3, 5])
    # The mean of a mean's seeds keeps its records by seed.
    assert [one["n"] for one in found.only((2,)).records] == [2, 5]
    assert mean_of([first, _measured([[[1.0]]], repeats=(7,))]) is None


def test_a_claim_of_a_stated_family_is_held_to_its_adjusted_p() -> None:
    """Eight comparisons: what is clear alone is undecided among them, and no other family's."""
    column, claims = "fundus_mean", [one for one in TABLE.claims if one.family == "others"]
    mine = [one for one in claims if one.column == column]
    rng = np.random.default_rng(0)
    worse = {one.worse: rng.normal(0, 5, (2, 40)) for one in mine}
    weak, strong = mine[0].worse, mine[1].worse
    worse[weak] = rng.normal(-1.6, 5, (2, 40))
    worse[strong] -= 9
    cells = {(key, column): _measured([scores]) for key, scores in worse.items()}
    cells["rd", column] = _measured([np.zeros((2, 40))])
    cells["scratch", column] = _measured([worse[weak]])
    shown = Shown(TABLE, PROFILES["open"], cells, {}, RunStore())
    found = {each.claim.worse: each for each in judged(shown) if each.found}
    alone = {key: seeds_by_images_p(found[key].found.gaps) for key in worse}  # type: ignore[union-attr]
    assert [found[key].p for key in worse] == holm([alone[key] for key in worse])
    assert alone[weak] < 0.05 <= found[weak].p
    assert found[weak].found.low > 0  # type: ignore[union-attr]
    assert found[weak].verdict == "undecided"
    assert found["scratch"].verdict == found[strong].verdict == "reproduced"
    assert math.isnan(found["scratch"].p)
    # Asked for alone, it is still one of eight; what was not trained is none of them.
    assert judge(found[weak].claim, shown).p == found[weak].p
    cells[strong, column] = replace(cells[strong, column], trained=False)
    less = {each.claim.worse: each for each in judged(shown) if each.found}
    assert math.isnan(less[strong].p)
    assert less[weak].p <= found[weak].p


def test_queries_without_an_answer_are_left_out() -> None:
    found = difference(_measured([[np.nan, 3.0, 4.0]]), _measured([[np.nan, 1.0, 2.0]]))
    assert (found.value, found.cases) == (2, 2)


@pytest.mark.parametrize(
    ("gap", "seeds", "verdict"),
    [
        (5.0, 3, "reproduced"),
        (-5.0, 3, "opposite"),
        (5.0, 1, "higher (one seed)"),
        (-5.0, 1, "lower (one seed)"),
        (0.1, 3, "no difference of interest"),
    ],
)
def test_a_verdict_follows_from_interval_seeds_and_the_stated_size(
    gap: float, seeds: int, verdict: str
) -> None:
    draw = np.random.default_rng(0).normal(0, 0.2, (seeds, 20))
    worse = np.zeros((seeds, 20))
    finding = judge(CLAIM, _shown(_measured([worse + gap + draw]), _measured([worse])))
    assert finding.verdict == verdict
    assert finding.verdict in VERDICTS
    assert finding.paper == pytest.approx(82.91 - 73.64)


def test_our_own_questions_are_answered_not_reproduced() -> None:
    claim = Claim("", "table2", "rd", "scratch", "stare_vessel", ours=True)
    draw, worse = np.random.default_rng(0).normal(0, 0.2, (3, 20)), np.zeros((3, 20))
    assert judge(claim, _shown(_measured([5 + draw]), _measured([worse]))).verdict == "higher"
    assert judge(claim, _shown(_measured([draw - 5]), _measured([worse]))).verdict == "lower"


def test_an_interval_that_holds_zero_or_a_small_clear_gap_decides_nothing() -> None:
    wild = np.random.default_rng(0).normal(0.5, 8, (3, 10))
    assert judge(CLAIM, _shown(_measured([wild]), _measured([wild * 0]))).verdict == "undecided"
    small = np.random.default_rng(0).normal(0.95, 0.8, (3, 12))
    finding = judge(CLAIM, _shown(_measured([small]), _measured([small * 0])))
    assert finding.found is not None
    assert 0 < finding.found.low < finding.found.value < 1 < finding.found.high
    assert finding.verdict == "undecided"


def test_what_did_not_train_or_is_in_doubt_is_no_opponent() -> None:
    high, low = [[9.0, 8.0]], [[1.0, 2.0]]
    short = _measured(high, trained=False)
    assert judge(CLAIM, _shown(short, _measured(low))).verdict == "not trained here"
    claim = Claim("", "table5", "out_clu", "out_ori", "rite_vessel")
    masks = {"share": 0.1, "width": 4.0, "piece": 200.0, "alike": 0.1, "specks": 0.02}
    sick, well = (
        {"shape": masks | {"width": wide}, "reference": masks, "config": {"output": "clu"}}
        for wide in (9.0, 5.0)
    )
    cells = {
        ("out_clu", "rite_vessel"): _measured(high, records=(sick, sick)),
        ("out_ori", "rite_vessel"): _measured(low, records=(well, sick)),
    }
    shown = Shown(TABLES["table5"], PROFILES["open"], cells, {}, RunStore())
    assert judge(claim, shown).verdict == "collapsed"
    cells["out_clu", "rite_vessel"] = _measured(high, records=(well, sick))
    assert judge(claim, shown).verdict == "higher (one seed)"


def test_what_was_not_run_is_counted_as_such(store: RunStore) -> None:
    shown = show("table2", "open", store)
    findings = judged(shown)
    assert counted(findings) == {"not yet run": len(TABLE.claims)}


def test_an_interval_of_a_mean_over_tasks_is_that_of_the_statistics() -> None:
    parts = [np.array([[1.0, 2.0, 4.0]]), np.array([[3.0, 5.0]])]
    assert _measured(parts).interval == seeds_by_images(parts)


@pytest.mark.parametrize(
    ("fall", "late", "trained"), [(0.5, 0.01, True), (0.05, 0.01, False), (0.5, 0.12, False)]
)
def test_on_ct_a_pretraining_is_judged_by_its_own_question(fall, late, trained):
    ct = CtConfig(region="abdomen", source="phantom", size=32)
    run = GlobalConfig(method="moco", data=ct, base=2, steps=2, crop=32, batch=8, halve_every=1)
    kept = {"config": {}, "retrieval": 0.03, "retrieval_before": 0.05, "late_gain": late}
    probe = {"own": [2.0, 2.0 * (1 - fall)], "own_fall": fall}
    told = {ProbeConfig(encoder=run).run_id(): probe, run.run_id(): kept}
    store = SimpleNamespace(record=lambda asked: told.get(asked.run_id()))
    assert pretraining_record(run, store)["trained"] is trained
    del told[ProbeConfig(encoder=run).run_id()]
    assert not pretraining_record(run, store)["trained"]

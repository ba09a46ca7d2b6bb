"""The best of a group against the best of another: closed forms, gaps, the paper's words."""

import numpy as np
import pytest
from ldl.experiments.contests import OTHERS, OURS, favourite, lead, missing, printed_lead

from ldl.experiments import claims, contests
from ldl.tables.encoders import COMPARED
from ldl.tables.published import published
from ldl.tasks import FUNDUS_TASKS, TASKS, XRAY_TASKS


def _scores(values: dict[str, float], tasks: tuple[str, ...], spread: float = 0.0) -> dict:
    noise = spread * np.array([-1.0, 1.0, -1.0, 1.0])
    return {(row, task): value + noise for row, value in values.items() for task in tasks}


def _all(value: float, **special: float) -> dict[str, float]:
    rows = dict.fromkeys((*OURS, *OTHERS), value)
    return rows | {name.replace("_", "+"): number for name, number in special.items()}


def test_the_lead_is_between_the_best_of_each_group() -> None:
    scores = _scores(_all(60.0, pd_mix=72.0, rd=71.0, densecl=70.5), ("stare_vessel",))
    found = lead(OURS, OTHERS, ["stare_vessel"], scores)
    assert found is not None
    assert (found.best, found.rival) == ("pd+mix", "densecl")
    assert found.lead == pytest.approx(1.5)
    assert (found.low, found.high) == pytest.approx((1.5, 1.5))
    assert found.verdict == "ahead"


def test_images_that_are_hard_for_all_rows_do_not_widen_the_interval() -> None:
    scores = _scores(_all(60.0, rd=62.0), ("stare_vessel",), spread=20.0)
    found = lead(OURS, OTHERS, ["stare_vessel"], scores)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((2.0, 2.0))


def test_choosing_the_best_is_part_of_the_resample() -> None:
    """Two equal rows that differ in noise alone: whichever is ahead is not clear of zero."""
    draw = np.random.default_rng(0)
    scores = {("pd", "stare_vessel"): 60 + draw.normal(size=20)}
    scores |= {("moco", "stare_vessel"): 60 + draw.normal(size=20)}
    found = lead(["pd"], ["moco"], ["stare_vessel"], scores)
    assert found is not None
    assert found.verdict == "undecided"
    assert found.low < found.lead < found.high


def test_nothing_is_said_while_a_row_is_missing() -> None:
    scores = _scores(_all(60.0), ("stare_vessel",))
    del scores["simclr", "stare_vessel"]
    assert lead(OURS, OTHERS, ["stare_vessel"], scores) is None
    assert missing(OTHERS, ["stare_vessel"], scores) == ("simclr",)


def test_supervised_is_not_missed_on_x_rays() -> None:
    scores = _scores(_all(60.0), XRAY_TASKS)
    for task in XRAY_TASKS:
        del scores["supervised", task]
    assert missing(OTHERS, XRAY_TASKS, scores) == ()
    assert lead(OURS, OTHERS, XRAY_TASKS, scores) is not None


def test_the_papers_best_are_those_of_its_table() -> None:
    assert favourite(tuple(COMPARED), FUNDUS_TASKS) == "densecl"
    assert favourite(tuple(COMPARED), XRAY_TASKS) == "simclr"
    assert favourite(OURS, FUNDUS_TASKS) == "rd"
    printed = published("table2").set_index("encoder")["fundus_mean"]
    expected = printed["Rd"] - printed["DenseCL"]
    assert printed_lead(OURS, OTHERS, FUNDUS_TASKS) == pytest.approx(expected, abs=0.01)


def test_ours_win_eleven_of_twelve_as_printed() -> None:
    wins = [printed_lead(OURS, OTHERS, [task]) > 0 for task in TASKS]
    assert sum(wins) == 11


def test_a_mean_over_tasks_weights_them_alike() -> None:
    tasks = ("stare_vessel", "hrf_vessel")
    scores = {(row, "stare_vessel"): np.full(3, 50.0) for row in ("pd", "moco")}
    scores |= {("pd", "hrf_vessel"): np.full(30, 70.0), ("moco", "hrf_vessel"): np.full(30, 60.0)}
    found = lead(["pd"], ["moco"], tasks, scores)
    assert found is not None
    assert found.lead == pytest.approx(5.0)


def test_pairs_are_all_of_ours_over_all_others() -> None:
    pairs = {(c.better, c.worse, c.modality) for c in claims.OVER_OTHERS}
    assert len(pairs) == len(claims.OVER_OTHERS) == 3 * (8 + 7)
    assert ("rd", "supervised", "xray") not in pairs


def test_counts_of_findings_add_up() -> None:
    claim = claims.OVER_OTHERS[0]
    made = [claims.Finding(claim, g, g - 1, g + 1, 0.0, 8) for g in (2.0, 0.5, -0.5, -2.0)]
    counts = claims.counted([(claim, one) for one in made] + [(claim, None)])
    assert counts == {"reproduces": 1, "undecided": 2, "opposite": 1, "not yet": 1}


def test_label_of_a_row_is_the_tables() -> None:
    assert contests.label_of("mocov2") == "MoCoV2"

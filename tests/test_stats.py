"""Bootstrap intervals and paired differences."""

import math

import numpy as np
import pytest

from ldl import stats
from ldl.errors import DataError
from ldl.stats import bootstrap_interval


def draw(count, seed=0):
    return np.random.default_rng(seed).normal(10, 2, count)


def test_it_comes_near_the_normal_interval_of_the_mean():
    scores = draw(400)
    low, high = bootstrap_interval(scores)
    error = scores.std() / np.sqrt(len(scores))
    assert low == pytest.approx(scores.mean() - 1.96 * error, abs=0.3 * error)
    assert high == pytest.approx(scores.mean() + 1.96 * error, abs=0.3 * error)


def test_about_nineteen_of_twenty_intervals_hold_the_truth():
    hits = sum(
        low <= 10 <= high
        for low, high in (bootstrap_interval(draw(40, seed)) for seed in range(200))
    )
    assert 0.88 * 200 <= hits <= 0.99 * 200


def test_a_higher_level_is_wider():
    widths = [np.ptp(bootstrap_interval(draw(30), level=level)) for level in (0.5, 0.9, 0.99)]
    assert widths == sorted(widths)
    assert widths[0] < widths[2]


def test_equal_seeds_give_equal_intervals_and_others_differ_a_little():
    scores = draw(20)
    assert bootstrap_interval(scores, seed=1) == bootstrap_interval(scores, seed=1)
    one, other = bootstrap_interval(scores, seed=1), bootstrap_interval(scores, seed=2)
    assert one != other
    assert one == pytest.approx(other, abs=0.3)


def test_one_score_or_equal_scores_have_no_spread():
    assert bootstrap_interval([0.7]) == (0.7, 0.7)
    low, high = bootstrap_interval([0.5] * 9)
    assert low == high == pytest.approx(0.5)


def test_it_stays_within_the_scores_and_follows_scale_and_shift():
    scores = draw(15)
    low, high = bootstrap_interval(scores)
    assert scores.min() <= low <= scores.mean() <= high <= scores.max()
    assert bootstrap_interval(3 * scores + 1) == pytest.approx((3 * low + 1, 3 * high + 1))


def test_lists_and_arrays_are_alike_and_give_plain_floats():
    interval = bootstrap_interval([0.1, 0.2, 0.4])
    assert interval == bootstrap_interval(np.array([0.1, 0.2, 0.4]))
    assert all(type(end) is float for end in interval)


def test_no_scores_are_refused():
    with pytest.raises(DataError, match="no scores"):
        bootstrap_interval([])


def test_paired_differences_against_closed_forms() -> None:
    found = stats.paired([3.0, 5.0, 4.0, 6.0], [1.0, 2.0, 3.0, 4.0])
    # Differences 2, 3, 1, 2: mean 2, deviation sqrt(2/3), t(3, 0.975) = 3.182446.
    assert found.difference == pytest.approx(2.0)
    half = 3.182446305 * math.sqrt(2 / 3) / 2
    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half))
    assert found.effect == pytest.approx(2 / math.sqrt(2 / 3))
    # Of 16 flips only the given one and its mirror reach a mean of 2.
    assert found.p == pytest.approx(2 / 16)
    assert found.verdict == "higher"


def test_paired_is_undecided_where_the_interval_holds_zero() -> None:
    assert stats.paired([1.0, 2.0, 3.0], [2.0, 1.0, 3.0]).verdict == "undecided"
    assert stats.paired([1.0, 2.0, 3.0], [2.1, 3.0, 4.1]).verdict == "lower"
    one = stats.paired([2.0], [1.0])
    assert one.verdict == "undecided"
    assert one.p == 1.0


def test_pairs_that_are_none_are_refused() -> None:
    for first, second in (([], []), ([1.0], [1.0, 2.0])):
        with pytest.raises(DataError, match="no pairs"):
            stats.paired(first, second)


def test_holm_against_a_worked_example() -> None:
    adjusted = stats.holm([0.01, 0.04, 0.03, float("nan"), 0.005])
    assert adjusted[:3] == pytest.approx([0.03, 0.06, 0.06])
    assert math.isnan(adjusted[3])
    assert adjusted[4] == pytest.approx(0.02)

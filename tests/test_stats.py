"""Bootstrap intervals and paired differences."""

import math

import numpy as np
import pytest
import scipy.stats

from ldl import stats
from ldl.errors import DataError
from ldl.stats import (
    RESAMPLES,
    bootstrap_interval,
    seeds_by_images,
    seeds_by_images_p,
    verdict,
)


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
    assert found.verdict == "higher"


def test_paired_is_undecided_where_the_interval_holds_zero() -> None:
    assert stats.paired([1.0, 2.0, 3.0], [2.0, 1.0, 3.0]).verdict == "undecided"
    assert stats.paired([1.0, 2.0, 3.0], [2.1, 3.0, 4.1]).verdict == "lower"
    one = stats.paired([2.0], [1.0])
    assert one.verdict == "undecided"


def test_pairs_that_are_none_are_refused() -> None:
    for first, second in (([], []), ([1.0], [1.0, 2.0])):
        with pytest.raises(DataError, match="no pairs"):
            stats.paired(first, second)


def test_holm_against_a_worked_example() -> None:
    adjusted = stats.holm([0.01, 0.04, 0.03, float("nan"), 0.005])
    assert adjusted[:3] == pytest.approx([0.03, 0.06, 0.06])
    assert math.isnan(adjusted[3])
    assert adjusted[4] == pytest.approx(0.02)


def test_crossed_splits_the_variance_of_a_balanced_table():
    """By hand: seeds 1, 3; cases 1, 2, 3; no interaction."""
    found = stats.crossed(np.array([[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]]))
    assert (found.of_seed, found.of_case, found.rest) == pytest.approx((2, 1, 0))
    one = stats.crossed(np.array([[1.0, 3.0, 5.0]]))
    assert (one.of_seed, one.of_case, one.rest) == pytest.approx((0, 4, 0))


def test_how_many_seeds_would_tell():
    found = stats.Crossed(3, 30, of_seed=4.0, of_case=9.0, rest=3.0)
    seeds = found.seeds_to_tell(2.0)
    reach = (2 / (scipy.stats.norm.ppf(0.975) + scipy.stats.norm.ppf(0.8))) ** 2
    assert seeds == math.ceil((4 + 3 / 30) / (reach - 9 / 30))
    assert found.seeds_to_tell(-2.0) == seeds
    assert found.seeds_to_tell(1.0) is None  # the cases alone vary too much
    reach = 4 * reach - found.of_seed / found.seeds
    assert found.cases_to_tell(4.0) == math.ceil((9 + 3 / 3) / reach)
    assert found.cases_to_tell(2.0) is None  # the seeds alone vary too much
    seeds, cases = found.both_to_tell(1.0)
    reach = (1 / (scipy.stats.norm.ppf(0.975) + scipy.stats.norm.ppf(0.8))) ** 2
    assert 4 / seeds + 9 / cases + 3 / (seeds * cases) <= reach
    assert 4 / seeds + 9 / (cases - 1) + 3 / (seeds * (cases - 1)) > reach


def layout(seeds, images, *, by_seed, by_image, noise, truth=0.0, seed=0):
    """(seeds, images): what each seed adds, what each image adds, and noise on both."""
    normal = np.random.default_rng(seed).normal
    return (
        truth
        + by_seed * normal(size=(seeds, 1))
        + by_image * normal(size=(1, images))
        + noise * normal(size=(seeds, images))
    )


def test_one_seed_has_the_interval_over_images():
    scores = draw(300)
    both = seeds_by_images([scores[None]]), bootstrap_interval(scores)
    assert both[0] == pytest.approx(both[1], abs=0.05)


def test_seeds_that_differ_widen_the_interval_where_images_alone_do_not_see_it():
    scores = layout(5, 400, by_seed=3, by_image=1, noise=0.1)
    wide, narrow = seeds_by_images([scores]), bootstrap_interval(scores.mean(axis=0))
    assert np.ptp(wide) > 10 * np.ptp(narrow)
    # The standard error of five seeds' mean.
    error = scores.mean(axis=1).std(ddof=1) / np.sqrt(5)
    assert np.ptp(wide) == pytest.approx(2 * 1.96 * error, rel=0.25)


@pytest.mark.parametrize(("seeds", "least"), [(3, 0.82), (10, 0.9)])
def test_it_holds_the_truth_as_often_as_it_says(seeds, least):
    """With three seeds less than 95 %, as its description says; over images alone far less."""
    hits = alone = 0
    for number in range(200):
        tasks = [
            layout(seeds, 20, by_seed=2, by_image=3, noise=1, truth=1, seed=10 * number + k)
            for k in range(2)
        ]
        low, high = seeds_by_images(tasks)
        hits += low <= 1 <= high
        low, high = bootstrap_interval(tasks[0].mean(axis=0))
        alone += low <= 1 <= high
    assert least * 200 <= hits <= 0.99 * 200
    assert alone < hits


def test_its_p_is_the_share_of_resamples_beyond_zero_and_agrees_with_the_interval():
    for shift in (0.0, 0.5, 1.0, 3.0):
        scores = [layout(3, 30, by_seed=0.3, by_image=1, noise=1) + shift]
        p, (low, high) = seeds_by_images_p(scores), seeds_by_images(scores)
        assert (p < 0.05) == (low > 0 or high < 0)
        assert p == pytest.approx(seeds_by_images_p([-scores[0]]))
    assert seeds_by_images_p([np.ones((2, 5))]) == 2 / (RESAMPLES + 1)
    assert seeds_by_images_p([np.zeros((2, 5))]) == 1


def test_one_encoders_luck_is_the_same_on_all_of_its_tasks():
    """Seeds that lift every task alike do not average out over tasks."""
    luck = np.array([[-3.0], [0.0], [3.0]])
    together = [luck + np.zeros((3, 30))] * 4
    apart = [np.roll(luck, k, axis=0) + np.zeros((3, 30)) for k in range(3)]
    assert np.ptp(seeds_by_images(together)) > 3
    assert np.ptp(seeds_by_images(apart)) < 1e-9


def test_supports_do_not_hide_the_luck_of_the_encoder():
    """Ten supports of three seeds are not thirty seeds; with one seed they are all there is."""
    luck = layout(3, 50, by_seed=3, by_image=1, noise=0.1)
    rows = np.repeat(luck, 10, axis=0) + 0.1 * np.random.default_rng(1).normal(size=(30, 50))
    known, hidden = seeds_by_images([rows], seeds=3), seeds_by_images([rows])
    assert np.ptp(known) == pytest.approx(np.ptp(seeds_by_images([luck])), rel=0.05)
    assert np.ptp(hidden) < 0.6 * np.ptp(known)
    one = layout(10, 50, by_seed=3, by_image=1, noise=0.1)
    both = seeds_by_images([one], seeds=1), seeds_by_images([one])
    assert both[0] == pytest.approx(both[1], abs=0.5)


@pytest.mark.parametrize("seeds", [1, 3])
def test_with_supports_it_holds_the_truth_as_often_as_it_says(seeds):
    """What one seed has in common is no part of the truth it can hold."""
    hits = 0
    for number in range(100):
        rng = np.random.default_rng(number)
        rows = (
            rng.normal(0, 2 if seeds > 1 else 0, (seeds, 1, 1))
            + rng.normal(0, 2, (1, 10, 1))
            + rng.normal(0, 1, (1, 1, 30))
            + rng.normal(0, 1, (seeds, 10, 30))
        )
        low, high = seeds_by_images([rows.reshape(-1, 30)], seeds=seeds)
        hits += low <= 0 <= high
    assert hits >= 82


def test_a_support_that_is_never_asked_for_itself_is_left_out():
    rows = np.full((4, 2), 5.0)
    rows[[0, 2], 0] = np.nan
    assert seeds_by_images([rows], seeds=2) == (5, 5)


@pytest.mark.parametrize("scores", [[], [np.zeros(3)], [np.zeros((2, 0))]])
def test_scores_that_are_no_table_are_refused(scores):
    with pytest.raises(DataError, match="array a task"):
        seeds_by_images(scores)


def test_tasks_of_different_seeds_are_refused():
    with pytest.raises(DataError, match=r"\[2, 3\] seeds"):
        seeds_by_images([np.zeros((2, 4)), np.zeros((3, 4))])
    with pytest.raises(DataError, match="5 rows are not of 2 seeds"):
        seeds_by_images([np.zeros((5, 4))], seeds=2)


@pytest.mark.parametrize(
    ("low", "high", "least", "word"),
    [
        (0.1, 2, 1, "higher"),
        (-2, -0.1, 1, "lower"),
        (-0.5, 2, 1, "undecided"),
        (-0.5, 0.9, 1, "no difference of interest"),
        (0.1, 0.9, 1, "no difference of interest"),
        (-0.5, 0.9, 0, "undecided"),
        (0.0, 0.0, 0, "undecided"),
    ],
)
def test_an_interval_in_a_word(low, high, least, word):
    assert verdict(low, high, least) == word

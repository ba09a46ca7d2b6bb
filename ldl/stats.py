"""Spread of what was measured."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ldl.errors import DataError
from ldl.metrics import mean_of_known
from ldl.rng import numpy_generator

RESAMPLES = 2000


def bootstrap_interval(
    scores: Sequence[float] | np.ndarray, *, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean.

    Args:
        scores: one value an image (or one a seed).
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.size == 0:
        raise DataError("bootstrap_interval: no scores given")
    draw = numpy_generator(seed, "bootstrap").integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.quantile(values[draw].mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def seeds_by_images(
    scores: Sequence[np.ndarray], *, seeds: int | None = None, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Interval of the mean over tasks that holds for other seeds and for other images.

    Seeds and images are crossed: every seed is scored on the same images, and one seed's encoder
    serves all tasks. So seeds are drawn once a resample for all tasks, images for each task by
    themselves (the two-way bootstrap of Owen, 2007). Deviations of seeds from their mean are first
    stretched by sqrt(S / (S - 1)), since resampling S of S seeds shows only (S - 1) / S of their
    variance. With one seed the interval is over images alone and says nothing of other seeds;
    with three it is still somewhat too narrow (it holds the truth about nine times in ten).

    Where every seed is asked with the same K support images, these are a third way, crossed with
    both and stretched likewise.

    Args:
        scores: one (S K, N_t) array a task: S seeds, the same for all tasks, of K supports each,
            N_t images. For the comparison of two methods the differences, paired by seed and
            image. nan where there is no score: it is left out.
        seeds: S; None: all rows are seeds.
    """
    means = _resampled(scores, seeds, seed)
    low, high = np.nanquantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def seeds_by_images_p(
    scores: Sequence[np.ndarray], *, seeds: int | None = None, seed: int = 0
) -> float:
    """Two-sided p of a mean of zero, from the resamples of `seeds_by_images`.

    Twice the share of resampled means on the smaller side of zero, zero counted with it and one
    added (Davison & Hinkley, 1997, section 4.4), so that it is never below 2 / (RESAMPLES + 1).
    """
    means = _resampled(scores, seeds, seed)
    means = means[np.isfinite(means)]
    beyond = min((means <= 0).sum(), (means >= 0).sum())
    return float(min(1.0, 2 * (beyond + 1) / (len(means) + 1)))


def _resampled(scores: Sequence[np.ndarray], seeds: int | None, seed: int) -> np.ndarray:
    """(RESAMPLES,) means over tasks, nan where a resample drew nothing but missing scores."""
    tasks = [np.asarray(each, dtype=np.float64) for each in scores]
    if not tasks or any(each.ndim != 2 or each.size == 0 for each in tasks):
        raise DataError("seeds_by_images: one (seeds, images) array a task is needed")
    rows = len(tasks[0])
    if any(len(each) != rows for each in tasks):
        raise DataError(
            f"seeds_by_images: tasks have {sorted({len(each) for each in tasks})} seeds; all must "
            "have the same"
        )
    count = seeds or rows
    if rows % count:
        raise DataError(f"seeds_by_images: {rows} rows are not of {count} seeds with as many each")
    draws = _drawn(count, seed, "seeds")
    if rows > count:
        supports = _drawn(rows // count, seed, "supports")
        draws = (draws[:, :, None] * supports[:, None]).reshape(RESAMPLES, rows)
    total = np.zeros(RESAMPLES)
    for place, each in enumerate(tasks):
        there = np.isfinite(each)
        stretched = np.where(there, _stretched(each, count), 0.0)
        images = _drawn(each.shape[1], seed, f"images {place}")
        sums = ((images @ stretched.T) * draws).sum(axis=1)
        counts = ((images @ there.T) * draws).sum(axis=1)
        total += np.divide(sums, counts, out=np.full(RESAMPLES, np.nan), where=counts > 0)
    return total / len(tasks)


def _stretched(rows: np.ndarray, seeds: int) -> np.ndarray:
    """(S K, N) with what seeds and supports each add to an image's mean stretched, as is what they
    add together."""
    values = rows.reshape(seeds, -1, rows.shape[1])
    wider = [np.sqrt(count / max(1, count - 1)) for count in values.shape[:2]]
    middle, by_seed, by_support = (mean_of_known(values, axis) for axis in ((0, 1), 1, 0))
    of_seed, of_support = by_seed - middle, by_support - middle
    both = values - middle - of_seed - of_support
    answer = middle + wider[0] * of_seed + wider[1] * of_support + wider[0] * wider[1] * both
    return np.asarray(answer.reshape(rows.shape))


@functools.lru_cache(maxsize=256)
def _drawn(length: int, seed: int, name: str) -> np.ndarray:
    """(RESAMPLES, length) float64: how often a resample draws each of ``length``."""
    generator = numpy_generator(seed, "seeds by images", name)
    draws = generator.multinomial(length, np.full(length, 1 / length), RESAMPLES)
    return draws.astype(np.float64)


def verdict(low: float, high: float, least: float = 0.0) -> str:
    """What an interval of a difference says.

    Args:
        low, high: of the interval.
        least: smallest difference of interest, stated beforehand.

    Returns:
        "higher" or "lower" where the interval leaves out zero; "no difference of interest" where
        it lies within -least..least; else "undecided".
    """
    if -least < low and high < least:
        return "no difference of interest"
    if low > 0:
        return "higher"
    return "lower" if high < 0 else "undecided"


@dataclass(frozen=True)
class Paired:
    """How much higher the first of two paired samples is; its t interval is nan for one pair."""

    difference: float
    low: float
    high: float
    n: int

    @property
    def verdict(self) -> str:
        """ "higher", "lower", or "undecided" where the interval holds 0 or there is none."""
        return verdict(self.low, self.high)


def paired(
    first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray, level: float = 0.95
) -> Paired:
    """Compare two methods on the same images or volumes: (n,) scores in the same order."""
    from scipy import stats

    gaps = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    if len(first) != len(second) or gaps.size == 0:
        raise DataError(f"paired: {len(first)} and {len(second)} scores are no pairs")
    mean, n = float(gaps.mean()), len(gaps)
    if n == 1:
        return Paired(mean, np.nan, np.nan, 1)
    half = float(stats.t.ppf((1 + level) / 2, n - 1) * stats.sem(gaps))
    return Paired(mean, mean - half, mean + half, n)


def holm(values: Sequence[float]) -> list[float]:
    """p values adjusted for a family of tests by Holm's step-down; order kept, nan passed on."""
    adjusted = [float("nan")] * len(values)
    known = sorted((v, k) for k, v in enumerate(values) if not np.isnan(v))
    highest = 0.0
    for place, (value, k) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - place) * value))
        adjusted[k] = highest
    return adjusted


@dataclass(frozen=True)
class Crossed:
    """Variances of differences where every seed was scored on every case, both drawn at random.

    How many would tell an effect from 0 in four of five repetitions is by the normal approximation
    from the variances found: between seeds, between cases, and of the rest.
    """

    seeds: int
    cases: int
    of_seed: float
    of_case: float
    rest: float

    def seeds_to_tell(self, effect: float, most: int = 100) -> int | None:
        """Seeds, on as many cases as there are; None: not even ``most``, it is cases that lack."""
        reach = (abs(effect) / (1.959964 + 0.841621)) ** 2
        for seeds in range(1, most + 1):
            across = (self.of_seed + self.rest / self.cases) / seeds
            if across + self.of_case / self.cases <= reach:
                return seeds
        return None

    def cases_to_tell(self, effect: float, most: int = 1000) -> int | None:
        """The same for cases, with as many seeds as there are; one seed stands for itself alone."""
        reach = (abs(effect) / (1.959964 + 0.841621)) ** 2 - self.of_seed / self.seeds
        if reach <= 0:
            return None
        cases = math.ceil((self.of_case + self.rest / self.seeds) / reach)
        return cases if cases <= most else None

    def both_to_tell(self, effect: float, most: int = 1000) -> tuple[int, int] | None:
        """Seeds and cases, where more of one alone would not do: the pair with least to score."""
        pairs = [
            (seeds, cases)
            for seeds in range(self.seeds, most + 1)
            if (cases := replace(self, seeds=seeds).cases_to_tell(effect, most))
        ]
        return min(pairs, key=lambda pair: pair[0] * pair[1], default=None)


def crossed(gaps: np.ndarray) -> Crossed:
    """The variances of (S, V) finite differences, paired by seed and case: a two-way layout."""
    (seeds, cases), mean = gaps.shape, gaps.mean()
    rows, columns = gaps.mean(axis=1) - mean, gaps.mean(axis=0) - mean
    left = ((gaps - mean - rows[:, None] - columns) ** 2).sum()
    rest = float(left / max((seeds - 1) * (cases - 1), 1))
    of_seed = (rows**2).sum() / max(seeds - 1, 1) - rest / cases
    of_case = (columns**2).sum() / max(cases - 1, 1) - rest / seeds
    return Crossed(seeds, cases, max(0.0, float(of_seed)), max(0.0, float(of_case)), rest)

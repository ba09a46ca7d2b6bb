"""Spread of what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ldl.errors import DataError
from ldl.rng import numpy_generator

RESAMPLES = 2000


def bootstrap_interval(
    scores: Sequence[float] | np.ndarray, *, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean.

    Args:
        scores: one value an image (or one a seed).
        seed: of the resampling.
        level: coverage in 0..1.

    Raises:
        DataError: no scores.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.size == 0:
        raise DataError("bootstrap_interval: no scores given")
    draw = numpy_generator(seed, "bootstrap").integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.quantile(values[draw].mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@dataclass(frozen=True)
class Paired:
    """How much higher one of two paired samples is.

    Attributes:
        difference: mean of first minus second.
        low, high: its t interval; nan for one pair.
        effect: Cohen's d_z, the mean over the standard deviation of the differences; nan for one
            pair or where all differences are equal.
        p: two-sided sign-flip permutation test of the mean, every flip or 9,999 random ones; with n
            pairs it is never below 2 / 2^n. 1 for one pair.
        n: pairs.
    """

    difference: float
    low: float
    high: float
    effect: float
    p: float
    n: int

    @property
    def verdict(self) -> str:
        """ "higher", "lower", or "undecided" where the interval holds 0 or there is none."""
        if self.low > 0:
            return "higher"
        return "lower" if self.high < 0 else "undecided"


def paired(
    first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray, level: float = 0.95
) -> Paired:
    """Compare two methods on the same images or volumes.

    Args:
        first, second: (n,) scores in the same order.
        level: coverage of the interval in 0..1.

    Raises:
        DataError: no pairs, or lengths that differ.
    """
    from scipy import stats

    gaps = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    if len(first) != len(second) or gaps.size == 0:
        raise DataError(f"paired: {len(first)} and {len(second)} scores are no pairs")
    mean, n = float(gaps.mean()), len(gaps)
    if n == 1:
        return Paired(mean, np.nan, np.nan, np.nan, 1.0, 1)
    deviation = float(gaps.std(ddof=1))
    half = float(stats.t.ppf((1 + level) / 2, n - 1)) * deviation / np.sqrt(n)
    test = stats.permutation_test(
        (gaps,),
        lambda values, axis: values.mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        rng=numpy_generator(0, "sign flips"),
    )
    effect = mean / deviation if deviation > 0 else float("nan")
    return Paired(mean, mean - half, mean + half, effect, float(test.pvalue), n)


def holm(values: Sequence[float]) -> list[float]:
    """p values adjusted for a family of tests by Holm's step-down; order kept, nan passed on."""
    adjusted = [float("nan")] * len(values)
    known = sorted((v, k) for k, v in enumerate(values) if not np.isnan(v))
    highest = 0.0
    for place, (value, k) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - place) * value))
        adjusted[k] = highest
    return adjusted

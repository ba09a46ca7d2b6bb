"""Spread of what was measured."""

from collections.abc import Sequence

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

"""Scores of segmentations, and whether a pretraining went far enough to mean something."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ldl.errors import DataError

# A pretraining counts as trained when it finds this much more of what was held out than its random
# start does, and its loss is flat. Ten points are 2.4 standard errors of a share of 64 images.
LEAST_GAIN = 0.1
LARGEST_LATE_GAIN = 0.05


def dsc(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Dice similarity coefficient ``2 |Y n Y'| / (|Y| + |Y'|)`` of each image (LDL 6.1.3).

    Args:
        prediction: (N, H, W) binary.
        target: (N, H, W) binary.

    Returns:
        (N,) float64 in 0..1; 1 where both are empty.

    Raises:
        DataError: the shapes differ.
    """
    if prediction.shape != target.shape:
        raise DataError(f"prediction {prediction.shape} and target {target.shape} differ in shape")
    yes, truth = prediction.astype(bool), target.astype(bool)
    axes = tuple(range(1, yes.ndim))
    overlap = (yes & truth).sum(axis=axes)
    total = yes.sum(axis=axes) + truth.sum(axis=axes)
    return np.where(total == 0, 1.0, 2 * overlap / np.maximum(total, 1))


def late_gain(losses: Sequence[float]) -> float:
    """How much of the loss's whole fall happened in the last fifth; small means flattened.

    (m4 - m5) / (m1 - m5) with m_k the mean of the k-th fifth; 1 where the loss never fell.
    """
    fifth = max(1, len(losses) // 5)
    first, before, last = losses[:fifth], losses[-2 * fifth : -fifth] or losses, losses[-fifth:]
    means = [sum(part) / len(part) for part in (first, before, last)]
    fall = means[0] - means[2]
    return (means[1] - means[2]) / fall if fall > 0 else 1.0


def random_start(record: Mapping[str, Any]) -> float:
    """The retrieval of the network that a pretraining began with before anything was trained.

    Where it went on from another run's weights and did not measure that, chance.
    """
    if "retrieval_start" in record:
        return float(record["retrieval_start"])
    if record["config"].get("step1"):
        return float(1 / record["retrieval_among"])
    return float(record["retrieval_before"])


def far_enough(record: Mapping[str, Any]) -> bool:
    """One rule for every method: it learned something, and it had stopped learning.

    Held-out retrieval (of patches or of images, as the method sees them) is at least
    :data:`LEAST_GAIN` above that of the random start, and the last fifth of the steps moved the
    loss by at most :data:`LARGEST_LATE_GAIN` of its whole fall. Outputs that are all alike, or a
    loss that never fell, fail. What is not trained here (``images_seen`` 0) is taken as it is.

    Args:
        record: of a pretraining: config, retrieval, retrieval_before, retrieval_among, late_gain.
    """
    if record.get("images_seen") == 0:
        return True
    gain = record["retrieval"] - random_start(record)
    return bool(gain >= LEAST_GAIN and abs(record["late_gain"]) <= LARGEST_LATE_GAIN)

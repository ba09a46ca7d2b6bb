"""Scores."""

import numpy as np

from ldl.errors import DataError


def dsc(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Dice similarity coefficient 2 |Y n Y'| / (|Y| + |Y'|) of each image (LDL section 6.1.3).

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

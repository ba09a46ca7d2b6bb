"""What the choice of the support image decides."""

from collections.abc import Sequence

import numpy as np

from ldl.errors import DataError
from ldl.localize.scores import SupportResult


def spread(results: Sequence[SupportResult]) -> dict[str, dict[str, float]]:
    """Mean, standard deviation, lowest and highest of every score over the support images.

    The paper shows one support image; the spread says how much that one draw decides.

    Returns:
        score -> {"mean", "deviation", "lowest", "highest"}; scores are "accuracy@0.05" and so on,
        "mean_accuracy", "mean_error", "mean_error_windows" and "found". The deviation is that of a
        sample (n - 1), 0 for a single support.

    Raises:
        DataError: no results.
    """
    if not results:
        raise DataError("spread: no results given")
    columns = {
        f"accuracy@{factor:.2f}": [one.accuracy[place] for one in results]
        for place, factor in enumerate(results[0].factors)
    }
    for name in ("mean_accuracy", "mean_error", "mean_error_windows", "found"):
        columns[name] = [getattr(one, name) for one in results]
    return {name: _spread(np.array(values)) for name, values in columns.items()}


def _spread(values: np.ndarray) -> dict[str, float]:
    deviation = values.std(ddof=1) if len(values) > 1 else 0.0
    return {
        "mean": float(values.mean()),
        "deviation": float(deviation),
        "lowest": float(values.min()),
        "highest": float(values.max()),
    }

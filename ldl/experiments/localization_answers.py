"""Every support against every query: what two rows of Table 7 are compared by."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ldl.engine.profiles import Profile
from ldl.engine.store import Record, RunStore
from ldl.experiments.localization import cells
from ldl.experiments.rows import Cell
from ldl.localize import FACTORS
from ldl.rng import numpy_generator
from ldl.runs.localize import LocalizeConfig
from ldl.stats import RESAMPLES

Value = Literal["accuracy", "sharpness"]
# (row, column) -> (supports, images), nan where a support would be asked for itself.
Answers = Mapping[tuple[str, str], NDArray]


def answers(profile: Profile, store: RunStore, value: Value = "accuracy") -> Answers:
    """What every cell of Table 7 answered, as far as all its runs have a record.

    Args:
        value: "accuracy" of a query is the share of the five thresholds that it meets, in per
            cent, so that the mean over queries is the last column of Table 7.

    Returns:
        the mean over seeds. Rows of one column have the same supports and images.
    """
    found = {(cell.row.key, cell.task): _of(cell, store, value) for cell in cells(profile)}
    return {key: array for key, array in found.items() if array is not None}


def _of(cell: Cell[LocalizeConfig], store: RunStore, value: Value) -> NDArray | None:
    records = [record for run in cell.runs if (record := store.record(run))]
    if not records or len(records) < len(cell.runs):
        return None
    return np.mean([_array(record, value) for record in records], axis=0)


def _array(record: Record, value: Value) -> NDArray:
    ids = record["ids"]
    whole = np.full((len(record["supports"]), len(ids)), np.nan)
    for line, support in zip(whole, record["supports"], strict=True):
        asked = np.array([name != support["support"] for name in ids])
        line[asked] = _values(support, value)
    return whole


def _values(support: Record, value: Value) -> NDArray:
    if value == "sharpness":
        return np.array(support["sharpness_of"])
    distance = np.array(support["distance_of"])[:, None]
    return 100 * (distance < np.array(FACTORS) * support["window"]).mean(axis=1)


def interval(difference: NDArray, *names: str, level: float = 0.95) -> tuple[float, float, float]:
    """Mean of (supports, images) and its interval with both drawn anew, nan left out.

    Supports and queries are both a sample: each resample draws rows and, on its own, columns.

    Args:
        difference: nan where there is no answer.
        names: of the stream of random numbers.
        level: of the interval.

    Returns:
        mean, low, high.
    """
    there = np.isfinite(difference)
    values = np.where(there, difference, 0.0)
    rows, columns = (_drawn(length, *names) for length in difference.shape)
    total = np.einsum("rs,sn,rn->r", rows, values, columns, optimize=True)
    count = np.einsum("rs,sn,rn->r", rows, there.astype(float), columns, optimize=True)
    spread = total[count > 0] / count[count > 0]
    low, high = np.quantile(spread, [(1 - level) / 2, (1 + level) / 2])
    return float(values.sum() / there.sum()), float(low), float(high)


def _drawn(length: int, *names: str) -> NDArray:
    """(RESAMPLES, length): how often each of ``length`` is drawn, ``length`` draws a resample."""
    draw = numpy_generator(0, "bootstrap", "crossed", *names, str(length))
    return draw.multinomial(length, np.full(length, 1 / length), RESAMPLES).astype(float)


def support_means(found: Answers) -> dict[tuple[str, str], NDArray]:
    """(supports,) of every cell: what each support image, taken alone, would have given."""
    return {key: np.nanmean(array, axis=1) for key, array in found.items()}

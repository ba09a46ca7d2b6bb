"""What the record of a fine-tuning on labelled volumes says: scores of volumes and of organs."""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ldl.engine.store import Record
from ldl.metrics_volume import lost_organs, volume_gaps
from ldl.tables.base import Column

Array = NDArray[np.float64]


def by_organ(record: Record, score: str = "dsc") -> Array:
    """(V, K) of each test volume and organ, nan where it is not scored: DSC in 0..1, HD95 in mm."""
    return np.array([one[score] for one in record["volumes"]], dtype=np.float64)


def dsc(record: Record, column: Column) -> Array:
    """(V,) mean DSC over the organs of each test volume, in per cent."""
    return 100 * _mean(by_organ(record))


def kept(record: Record, column: Column) -> Array:
    """The same over the organs that the training did not give up; nan where it gave up all."""
    found = by_organ(record)
    return 100 * _mean(found[:, ~_given_up(found)])


def hd95(record: Record, column: Column) -> Array:
    """(V,) mean 95 % Hausdorff distance over the organs of each test volume, in mm."""
    return _mean(by_organ(record, "hd95"))


def lost(record: Record) -> tuple[str, ...]:
    """Organs that the training gave up: mean DSC below 1 %, by `ldl.metrics_volume.lost_organs`."""
    given_up = _given_up(by_organ(record))
    return tuple(name for name, gone in zip(record["organs"], given_up, strict=True) if gone)


def gaps(better: Sequence[Record], worse: Sequence[Record], only_kept: bool = False) -> Array:
    """(S, V) points of DSC that ``better`` is above ``worse``, by seed and volume.

    Over the organs that both scored in a volume: one that the volume lacks is scored only for
    whoever found it nonetheless, and would count against it alone. With other numbers of seeds
    each is first averaged over its own.

    Args:
        better, worse: one record a seed, of the same test volumes.
        only_kept: leave out organs that either gave up under any seed.
    """
    one, other = (np.stack([by_organ(each) for each in records]) for records in (better, worse))
    if len(one) != len(other):
        one, other = (_mean(np.moveaxis(each, 0, -1))[None] for each in (one, other))
    found = volume_gaps(one, other, only_kept)
    return np.full(one.shape[:2], np.nan) if found is None else 100 * found


def doubt(record: Record) -> str:
    """Records of the first loss, which leaves the background out: organs are lost to it."""
    return "loss without background" if record["config"].get("loss", "organs") == "organs" else ""


def _given_up(found: Array) -> NDArray[np.bool_]:
    return lost_organs(found[None])[0]


def _mean(values: Array) -> Array:
    """Over the last axis, nan left out; nan where there is nothing else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmean(values, axis=-1))

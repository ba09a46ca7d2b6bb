"""What a cell of LRC's tables measured: scores of volumes, and two cells volume by volume."""

from dataclasses import dataclass

import numpy as np

from ldl.engine.store import Record, RunStore
from ldl.runs.lrc import OrganConfig
from ldl.stats import Paired, bootstrap_interval, paired
from ldl.tables.encoders import Cell

Array = np.ndarray
LOST = 1.0  # per cent


@dataclass(frozen=True)
class Scores:
    """The test volumes of one cell.

    Attributes:
        ids: of the volumes, in order.
        dsc: (V, K) in per cent, means over seeds; nan where neither truth nor prediction has the
            organ.
        hd95: (V, K) mm, likewise.
        organs: K names.
        seeds: how many.
        stale: whether a record was made by other code.
        records: of the runs.
    """

    ids: tuple[str, ...]
    dsc: Array
    hd95: Array
    organs: tuple[str, ...]
    seeds: int
    stale: bool
    records: tuple[Record, ...]

    @property
    def mean(self) -> float:
        """DSC in per cent, the mean over volumes of the mean over organs."""
        return float(np.nanmean(self.per_volume))

    @property
    def distance(self) -> float:
        """HD95 in mm, likewise."""
        return float(np.nanmean(np.nanmean(self.hd95, axis=1)))

    @property
    def per_volume(self) -> Array:
        """(V,) DSC in per cent."""
        return np.nanmean(self.dsc, axis=1)

    @property
    def lost(self) -> int:
        """Organs that were not found at all: mean DSC below 1 %. A run either learns an organ or
        gives it up early, so that each of them moves the mean by a step."""
        known = ~np.isnan(self.dsc)
        means = np.where(known, self.dsc, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        return int((means < LOST).sum())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % bootstrap interval of `mean` over volumes."""
        return bootstrap_interval(self.per_volume)


def measured(cell: Cell[OrganConfig], store: RunStore) -> Scores | None:
    """What ``cell`` measured; None as long as one of its runs has no record."""
    found = [store.record(run) for run in cell.runs]
    records = tuple(one for one in found if one)
    if len(records) < len(cell.runs) or not records:
        return None
    first = records[0]
    return Scores(
        ids=tuple(volume["id"] for volume in first["volumes"]),
        dsc=100 * _over_seeds(records, "dsc"),
        hd95=_over_seeds(records, "hd95"),
        organs=tuple(first["organs"]),
        seeds=len({run.seed for run in cell.runs}),
        stale=any(store.status(run) == "stale" for run in cell.runs),
        records=records,
    )


def _over_seeds(records: tuple[Record, ...], score: str) -> Array:
    values = [[volume[score] for volume in record["volumes"]] for record in records]
    stacked = np.array(values, dtype=np.float64)
    known = np.count_nonzero(~np.isnan(stacked), axis=0)
    # An organ that no seed scored stays nan.
    return np.where(known > 0, np.nansum(stacked, axis=0) / np.maximum(known, 1), np.nan)


def compared(first: Scores, second: Scores) -> Paired:
    """DSC of ``first`` minus ``second``, paired by volume, in points.

    A volume's mean is over the organs that both scored: an organ that the volume lacks is scored
    only for the one that found it nonetheless, and would count against it alone.
    """
    assert first.ids == second.ids, "the same test volumes"
    both = ~np.isnan(first.dsc) & ~np.isnan(second.dsc)
    means = [np.nanmean(np.where(both, one.dsc, np.nan), axis=1) for one in (first, second)]
    return paired(*means)

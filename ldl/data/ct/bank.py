"""The slice bank: axial slices as memory-mapped uint8, and which volume each belongs to."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ldl.errors import DataError
from ldl.tasks import Spacing

Array = np.ndarray


@dataclass(frozen=True)
class BankFacts:
    """What a bank's index says beside its volumes; see `CtBank`.

    Attributes:
        size: side of the slices in pixels.
        labelled: whether every slice comes with a label.
    """

    name: str
    region: str
    size: int
    labelled: bool
    organs: tuple[str, ...]
    window: tuple[int, int]
    note: str = ""


@dataclass(frozen=True)
class CtEntry:
    """One volume of a bank; its slices are the rows first .. first + count - 1, upwards.

    Attributes:
        split: train, validation or test; "" before volumes were split.
        place: its place in the split; a budget of n volumes takes places 0..n-1.
        spacing: voxel size (z, y, x) in mm after resampling.
        affine: rows of the (4, 4) matrix from voxel (x, y, z, 1) to RAS+ mm.
        outside: share of the file's labelled voxels that are in no slice (cut off by the square, or
            in slices that were left out), 0..1; they are not scored.
        content: sha256 of the slices and labels.
    """

    id: str
    first: int
    count: int
    spacing: Spacing
    affine: tuple[tuple[float, ...], ...]
    outside: float
    content: str
    split: str = ""
    place: int = 0

    @property
    def rows(self) -> slice:
        """The rows of its slices."""
        return slice(self.first, self.first + self.count)


@dataclass(frozen=True)
class CtBank:
    """Axial CT slices of one region.

    Attributes:
        images: (N, 1, S, S) uint8, the region's window of HU in 0..255; memory-mapped.
        labels: (N, S, S) uint8, k for organs[k - 1], 0 background; None: not labelled.
        organs: their names.
        volumes: in the order of their slices.
        fingerprint: sha256 of the content and the splits.
        note: what the set stands in for, to be said beside every number from it.
        left_out: volumes that were not usable, and why.
    """

    name: str
    region: str
    images: Array
    labels: Array | None
    organs: tuple[str, ...]
    volumes: tuple[CtEntry, ...]
    window: tuple[int, int]
    fingerprint: str
    note: str
    left_out: dict[str, str]

    @cached_property
    def volume_of(self) -> Array:
        """(N,) int32: index into `volumes` of each slice."""
        return np.repeat(
            np.arange(len(self.volumes), dtype=np.int32), [v.count for v in self.volumes]
        )

    @cached_property
    def z_of(self) -> Array:
        """(N,) int32: number of each slice in its volume, 0 the lowest."""
        return np.concatenate([np.arange(v.count, dtype=np.int32) for v in self.volumes])

    def part(self, split: str, budget: int | None = None) -> tuple[CtEntry, ...]:
        """The volumes of a split, the first ``budget`` of them where that many are there.

        Raises:
            DataError: the split is empty.
        """
        found = sorted((v for v in self.volumes if v.split == split), key=lambda v: v.place)
        if not found:
            raise DataError(f"{self.name}: no {split} volume among {len(self.volumes)}")
        return tuple(found[:budget])

    def rows(self, split: str, budget: int | None = None) -> Array:
        """Rows of the slices of `part`, volume by volume upwards, int64.

        Raises:
            DataError: the split is empty.
        """
        return np.concatenate([np.arange(v.count) + v.first for v in self.part(split, budget)])

    def budget_line(self, asked: int) -> str:
        """How many labelled volumes a budget really is, for headers: "10 of 60 asked ..."."""
        there = len(self.part("train", asked))
        short = "" if there == asked else f", all that {self.name} leaves for training of {asked}"
        return f"{there} labelled volumes{short}" + (f"; {self.note}" if self.note else "")

    def stacked(self, rows: Array, slices: Array) -> Iterator[tuple[CtEntry, Array]]:
        """Results of single slices put back into volumes.

        Args:
            rows: (n,) rows of the bank, in any order.
            slices: (n, ...) one result each.

        Yields:
            Every volume that occurs, in the bank's order, with its results (Z, ...) upwards.

        Raises:
            DataError: a volume of which some slices are missing.
        """
        place = np.full(len(self.images), -1)
        place[rows] = np.arange(len(rows))
        for entry in self.volumes:
            found = place[entry.rows]
            if (found < 0).all():
                continue
            if (found < 0).any():
                lacking = int((found < 0).sum())
                raise DataError(f"{self.name}: {entry.id} lacks {lacking} of {entry.count} slices")
            yield entry, slices[found]

"""The slice bank: axial slices as memory-mapped uint8, the volume of each, and its part.

Volumes are split into train, validation and test, never slices; the test volumes are the same for
every budget of labelled volumes.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ldl.data.bank import SPLITS, Entry, Fingerprint, Rows, open_bank, refuse_twins
from ldl.errors import DataError
from ldl.rng import numpy_generator
from ldl.runs.lrc import PartName
from ldl.tasks import Spacing

Array = np.ndarray
BUDGETS = (10, 60)  # labelled volumes in LRC Table 1
WATCHED = 64  # slices at most on which a pretraining is watched, as in `ldl.train.pretrain`


@dataclass(frozen=True)
class CtEntry:
    """One volume of a bank; its slices are the rows first .. first + count - 1, upwards.

    ``outside`` is the share of the file's labelled voxels that are in no slice (cut off by the
    square, or in slices that were left out), 0..1; they are not scored.
    """

    id: str
    first: int
    count: int
    spacing: Spacing  # voxel size (z, y, x) in mm after resampling
    affine: tuple[tuple[float, ...], ...]  # (4, 4) from voxel (x, y, z, 1) to RAS+ mm
    outside: float
    content: str  # sha256 of the slices and labels
    split: str = ""  # "" before volumes were split
    place: int = 0  # in the split; a budget of n volumes takes places 0..n-1

    @property
    def rows(self) -> slice:
        """The rows of its slices."""
        return slice(self.first, self.first + self.count)


@dataclass(frozen=True)
class CtBank:
    """Axial CT slices of one region, memory-mapped.

    ``labels`` are k for organs[k - 1] and 0 for background; None: not labelled.
    """

    name: str
    region: str
    images: Array  # (N, 1, S, S) uint8, the region's window of HU in 0..255
    labels: Array | None  # (N, S, S) uint8
    organs: tuple[str, ...]
    volumes: tuple[CtEntry, ...]  # in the order of their slices
    window: tuple[int, int]
    fingerprint: str  # sha256 of the content and the splits
    note: str  # what the set stands in for, to be said beside every number from it
    left_out: dict[str, str]  # volumes that were not usable, and why

    @cached_property
    def volume_of(self) -> Array:
        """(N,) int32: index into `volumes` of each slice."""
        numbers = np.arange(len(self.volumes), dtype=np.int32)
        return np.repeat(numbers, [v.count for v in self.volumes])

    @cached_property
    def z_of(self) -> Array:
        """(N,) int32: number of each slice in its volume, 0 the lowest."""
        return np.concatenate([np.arange(v.count, dtype=np.int32) for v in self.volumes])

    def part(self, split: str, budget: int | None = None) -> tuple[CtEntry, ...]:
        """The volumes of a split, the first ``budget`` of them where that many are there."""
        found = sorted((v for v in self.volumes if v.split == split), key=lambda v: v.place)
        if not found:
            raise DataError(f"{self.name}: no {split} volume among {len(self.volumes)}")
        return tuple(found[:budget])

    def rows(self, split: str, budget: int | None = None) -> Array:
        """Rows of the slices of `part`, volume by volume upwards, int64; errors as of `part`."""
        return np.concatenate([np.arange(v.count) + v.first for v in self.part(split, budget)])

    def budget_line(self, asked: int) -> str:
        """How many labelled volumes a budget really is, for headers: "10 of 60 asked ..."."""
        there = len(self.part("train", asked))
        short = "" if there == asked else f", all that {self.name} leaves for training of {asked}"
        return f"{there} labelled volumes{short}" + (f"; {self.note}" if self.note else "")

    def stacked(self, rows: Array, slices: Array) -> Iterator[tuple[CtEntry, Array]]:
        """Results (n, ...) of the (n,) rows of the bank in any order, put into volumes.

        Yields every volume that occurs, in the bank's order, with its results (Z, ...) upwards; no
        slice of it may be missing.
        """
        place = np.full(len(self.images), -1)
        place[rows] = np.arange(len(rows))
        for entry in self.volumes:
            found = place[entry.rows]
            lacking = int((found < 0).sum())
            if 0 < lacking < entry.count:
                raise DataError(f"{self.name}: {entry.id} lacks {lacking} of {entry.count} slices")
            if not lacking:
                yield entry, slices[found]


def slice_rows(facts: dict[str, Any]) -> Rows:
    """What a bank of slices holds; ``facts`` are name, region, size (the slices' side), labelled,
    organs, window and note, see `CtBank`; they go into its index.
    """
    plain = (facts["size"], facts["size"])
    labels = {"labels": ("uint8", plain)} if facts["labelled"] else {}
    return {"images": ("uint8", (1, *plain)), **labels}


def slice_fingerprint(facts: dict[str, Any]) -> Fingerprint:
    """That of a bank of slices: each entry has a hash of its own; a note's words are no content."""

    def fingerprint(arrays: dict[str, Array], entries: list[dict[str, Any]]) -> str:
        volumes = [asdict(_entry(one)) for one in entries]
        content = json.dumps({**facts, "volumes": volumes, "note": ""}, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    return fingerprint


def volume_entry(
    facts: dict[str, Any],
    id: str,
    slices: Iterable[tuple[Array, Array | None]],
    *,
    spacing: Spacing,
    affine: Array,
    outside: float = 0.0,
) -> Entry:
    """A volume of the bank with these ``facts``; slices upwards: image and label (S, S) uint8."""
    digest, greys, organs = hashlib.sha256(), set[int](), len(facts["organs"])
    told: dict[str, Any] = {"spacing": spacing, "affine": affine.tolist(), "outside": outside}

    def rows() -> Iterator[dict[str, Array]]:
        for image, label in slices:
            row = {"images": image[None]} | ({} if label is None else {"labels": label})
            if label is not None and label.max() > organs:
                raise DataError(f"{id}: label {label.max()} in a bank of {organs} organs")
            yield row
            greys.update((int(image.min()), int(image.max())))
            for array in row.values():
                digest.update(np.ascontiguousarray(array).tobytes())
        if len(greys) < 2:
            low, high = facts["window"]
            raise DataError(
                f"{id}: empty after windowing to {low}..{high} HU; is it of that region?"
            )
        told["content"] = digest.hexdigest()

    return id, rows(), {"facts": told}


def open_ct_bank(folder: Path) -> CtBank:
    """Open a written bank, memory-mapped; its volumes are not split."""
    index, arrays = open_bank(folder)
    try:
        told = {key: index[key] for key in ("name", "region", "fingerprint", "note", "left_out")}
        volumes, organs = tuple(map(_entry, index["entries"])), tuple(index["organs"])
        return CtBank(images=arrays["images"], labels=arrays.get("labels"), organs=organs,
                      volumes=volumes, window=tuple(index["window"]), **told)  # fmt: skip
    except (KeyError, TypeError) as error:
        where = f"{folder}/index.json"
        raise DataError(f"{where}: not that of a slice bank; delete the folder") from error


def _entry(line: dict[str, Any]) -> CtEntry:
    facts = line["facts"]
    affine = tuple(tuple(row) for row in facts["affine"])
    told = {**facts, "affine": affine, "spacing": tuple(facts["spacing"])}
    return CtEntry(line["id"], line["first"], line["count"], **told)


def part_sizes(count: int, budgets: Sequence[int] = BUDGETS) -> tuple[int, int, int]:
    """How many of ``count`` volumes are for training, validation and test.

    LRC does not say. Ours: a tenth (at least one) is for validation, a third for test; where that
    leaves fewer for training than the largest budget, test gives some back, but keeps a fifth. If
    even then the budget is out of reach it stays a third. The paper's sets: 110 -> 63, 11, 36;
    85 -> 60, 8, 17; 120 -> 68, 12, 40.
    """
    if count < 3:
        raise DataError(f"{count} volumes cannot be split; at least 3 are needed")
    validation, test = max(1, round(count / 10)), count // 3
    spare = count - validation - max(budgets)
    if count // 5 <= spare < test:
        test = spare
    return count - validation - test, validation, test


def split_volumes(
    ids: Sequence[str], seed: int, name: str, budgets: Sequence[int] = BUDGETS
) -> dict[str, tuple[str, int]]:
    """The split of every volume and its place there (a budget of n takes places 0..n-1).

    Drawn from ``seed`` and ``name`` (the set); test volumes depend on the ids, the seed and the
    largest budget alone.
    """
    sizes = part_sizes(len(ids), budgets)
    drawn = [ids[k] for k in numpy_generator(seed, "ct-split", name).permutation(len(ids))]
    parts: dict[str, tuple[str, int]] = {}
    for split, size in zip(reversed(SPLITS), reversed(sizes), strict=True):
        parts |= {one: (split, place) for place, one in enumerate(drawn[:size])}
        drawn = drawn[size:]
    return parts


def assign_parts(bank: CtBank, seed: int, budgets: tuple[int, ...]) -> CtBank:
    """The bank with its volumes split, and a fingerprint that says so.

    The split depends on the set and not on the slices' size; fewer than three are all for test.
    """
    ids = [one.id for one in bank.volumes]
    parts = {one: ("test", place) for place, one in enumerate(ids)}
    if len(ids) > 2:
        parts = split_volumes(ids, seed, bank.name.rsplit("-", 1)[0], budgets)
    volumes = tuple(
        replace(one, split=parts[one.id][0], place=parts[one.id][1]) for one in bank.volumes
    )
    refuse_twins(bank.name, [(v.id, v.split, v.content) for v in volumes], "scan", "patient")
    told = [bank.fingerprint, [(one.id, one.split, one.place) for one in volumes]]
    stamp = hashlib.sha256(json.dumps(told).encode()).hexdigest()
    return replace(bank, volumes=volumes, fingerprint=stamp)


def joined(banks: Sequence[CtBank]) -> CtBank:
    """Several sets as one bank without labels, for pretraining; a single bank stays as it is.

    Volumes keep their parts, and their ids behind the name of their set.
    """
    if len(banks) == 1:
        return banks[0]
    name = "+".join(bank.name for bank in banks)
    if len(sizes := {bank.images.shape[1:] for bank in banks}) > 1:
        raise DataError(f"{name}: slices of {sorted(sizes)}")
    volumes, start, left_out = list[CtEntry](), 0, dict[str, str]()
    for bank in banks:
        volumes += [replace(one, id=f"{bank.name}/{one.id}", first=one.first + start)
                    for one in bank.volumes]  # fmt: skip
        left_out |= {f"{bank.name}/{id}": why for id, why in bank.left_out.items()}
        start += len(bank.images)
    return replace(
        banks[0],
        name=name,
        images=np.concatenate([bank.images for bank in banks]),
        labels=None,
        organs=(),
        volumes=tuple(volumes),
        fingerprint=hashlib.sha256("".join(b.fingerprint for b in banks).encode()).hexdigest(),
        note="; ".join(dict.fromkeys(bank.note for bank in banks if bank.note)),
        left_out=left_out,
    )


def pretraining_rows(bank: CtBank, part: PartName) -> tuple[Array, Array]:
    """Rows (int64) that a pretraining learns from, and rows it is watched on, of different volumes.

    Learned from are the training volumes, with part "all" those for test too; watched are at most
    64 slices of the validation volumes, evenly spread.
    """
    watched, learned = bank.rows("validation"), bank.rows("train")
    if part == "all":
        learned = np.concatenate([learned, bank.rows("test")])
    places = np.linspace(0, len(watched) - 1, min(WATCHED, len(watched))).round().astype(int)
    return learned, watched[places]


def refuse_shared_volumes(bank: CtBank) -> None:
    """Insist that no volume lies in two parts, and no slice in two volumes."""
    rows = [np.arange(one.first, one.first + one.count) for one in bank.volumes]
    if not np.array_equal(np.sort(np.concatenate(rows)), np.arange(len(bank.images))):
        raise DataError(f"{bank.name}: slices that lie in no volume, or in two; prepare it again")
    parts: dict[str, str] = {}
    for one in bank.volumes:
        if parts.setdefault(one.id, one.split) != one.split:
            raise DataError(f"{bank.name}: {one.id} is in {parts[one.id]} and in {one.split}")

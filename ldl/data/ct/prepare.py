"""From a region and a source to its slice bank: read, resampled and windowed once, then opened.

And from banks to what trainings read: several sets as one, and whose rows.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ldl.data.bank import BankWriter, fill, made
from ldl.data.ct.bank import (
    BUDGETS,
    CtBank,
    SliceFacts,
    add_volume,
    assign_parts,
    open_ct_bank,
    slice_writer,
)
from ldl.data.ct.slices import fit, keep, sections, share_outside
from ldl.data.ct.source import PHANTOM_SLICES, CtSource, ct_source
from ldl.errors import ConfigError, DataError
from ldl.runs.lrc import CtConfig, PartName
from ldl.tasks import Spacing, facts, spacing_for

Array = np.ndarray
VERSION = 1  # raise when preparation changes: banks of another version are prepared again
WATCHED = 64  # slices at most on which a pretraining is watched, as in `ldl.train.pretrain`


def slice_bank(config: CtConfig, *, progress: bool = False) -> CtBank:
    """`ct_bank` of a config, whose fields are its arguments; the same errors."""
    return ct_bank(**dict(config), progress=progress)


def ct_bank(
    region: str,
    source: str,
    *,
    size: int,
    spacing: Spacing | None = None,
    volumes: int | None = None,
    slices: int = PHANTOM_SLICES,
    seed: int = 0,
    budgets: tuple[int, ...] = BUDGETS,
    leave_out: bool = False,
    progress: bool = False,
) -> CtBank:
    """Axial slices of a region, (N, 1, size, size); prepared once, then opened.

    Volumes are read one after the other, never two at a time. Each is in train, validation or test
    as `split_volumes` draws it; where fewer than three are at hand all are for test.

    Args:
        region, source: see `ldl.data.ct.source.ct_source`.
        size: side of the slices in pixels.
        spacing: voxel size (z, y, x) in mm; the paper's is (2.5, 1.0, 1.0). None: 2.5 mm between
            slices and the region's whole field in ``size`` pixels; phantoms stay as drawn.
        volumes: use the first so many only.
        slices: slices per phantom; real volumes have as many as their height holds.
        seed: of the splits, and of the phantoms.
        budgets: numbers of labelled volumes that will be asked for.
        leave_out: leave unusable volumes out, each named, instead of writing no bank.
    """
    if spacing is not None and (
        len(spacing) != 3 or not all(math.isfinite(one) and one > 0 for one in spacing)
    ):
        raise ConfigError(f"spacing {spacing!r}: three numbers of mm above 0 (z, y, x) are needed")
    found = ct_source(region, source, size=size, limit=volumes, seed=seed, slices=slices)
    if spacing is None and not found.as_is:
        spacing = spacing_for(region, size)
    label, window = f"{found.name}-{region}-{size}", facts(region).window
    told = SliceFacts(
        label, region, size, bool(found.organs), found.organs, window, note=found.note
    )

    def write(folder: Path) -> None:
        with slice_writer(folder, told) as writer:
            _write(writer, found, spacing, leave_out, progress)

    stamp = [VERSION, region, size, spacing, window, found.organs, found.stamp, leave_out]
    return assign_parts(open_ct_bank(made(f"ct-{label}", stamp, write)), seed, budgets)


def _write(
    writer: BankWriter, source: CtSource, spacing: Spacing | None, leave_out: bool, progress: bool
) -> None:
    writer.facts["left_out"] = dict(source.left_out)
    size, window = writer.facts["size"], writer.facts["window"]

    def add(id: str) -> None:
        volume = source.read(id)
        grid = fit(volume, size, spacing) if spacing is not None else keep(volume, size)
        add_volume(
            writer,
            volume.id,
            sections(volume, grid, window),
            spacing=grid.spacing,
            affine=grid.affine(volume.affine),
            outside=share_outside(volume, grid),
        )

    fill(writer, source.ids, add, leave_out=leave_out, progress=progress, unit="volume")


def joined(banks: Sequence[CtBank]) -> CtBank:
    """Several sets as one bank without labels, for pretraining; a single bank stays as it is.

    Volumes keep their parts, and their ids behind the name of their set. Regions have windows of
    their own, so that equal tissue may have another gray in another set.
    """
    first = banks[0]
    if len(banks) == 1:
        return first
    sizes = {bank.images.shape[1:] for bank in banks}
    if len(sizes) > 1:
        raise DataError(f"{' + '.join(one.name for one in banks)}: slices of {sorted(sizes)}")
    starts = np.cumsum([0, *(len(bank.images) for bank in banks)])
    volumes = tuple(
        replace(one, id=f"{bank.name}/{one.id}", first=one.first + int(start))
        for bank, start in zip(banks, starts[:-1], strict=True)
        for one in bank.volumes
    )
    return replace(
        first,
        name="+".join(bank.name for bank in banks),
        images=np.concatenate([bank.images for bank in banks]),
        labels=None,
        organs=(),
        volumes=volumes,
        fingerprint=hashlib.sha256("".join(b.fingerprint for b in banks).encode()).hexdigest(),
        note="; ".join(dict.fromkeys(bank.note for bank in banks if bank.note)),
        left_out={f"{b.name}/{id}": why for b in banks for id, why in b.left_out.items()},
    )


def pretraining_rows(bank: CtBank, part: PartName) -> tuple[Array, Array]:
    """Rows (int64) that a pretraining learns from, and rows it is watched on, of different volumes.

    Learned from are the training volumes, or with part "all" those for test too; watched are at
    most 64 slices of the validation volumes, evenly spread.
    """
    watched = bank.rows("validation")
    learned = bank.rows("train")
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

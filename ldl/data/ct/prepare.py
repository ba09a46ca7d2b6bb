"""From a region and a source to its slice bank: read, resampled and windowed once, then opened."""

import logging
import math
from pathlib import Path

from tqdm.auto import tqdm

from ldl.data.bank import made
from ldl.data.bank_writer import BankWriter, refuse
from ldl.data.ct.bank import (
    CtBank,
    SliceFacts,
    add_volume,
    assign_parts,
    open_ct_bank,
    slice_writer,
)
from ldl.data.ct.slices import fit, keep, sections, share_outside
from ldl.data.ct.source import PHANTOM_SLICES, CtSource, ct_source
from ldl.data.ct.splits import BUDGETS
from ldl.data.ct.volume import CtVolume
from ldl.errors import ConfigError, DataError
from ldl.tasks import Spacing, facts, spacing_for

LOG = logging.getLogger("ldl")
VERSION = 1  # raise when preparation changes: banks of another version are prepared again


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
    as `ldl.data.ct.splits` draws it; where fewer than three are at hand all are for test.

    Args:
        region: "abdomen", "thorax" or "head_neck".
        source: "phantom", "open" or a set's name; see `ldl.data.ct.source.ct_source`.
        size: side of the slices in pixels.
        spacing: voxel size (z, y, x) in mm; the paper's is (2.5, 1.0, 1.0). None: 2.5 mm between
            slices and the region's whole field in ``size`` pixels; phantoms stay as drawn.
        volumes: use the first so many only.
        slices: slices per phantom; real volumes have as many as their height holds.
        seed: of the splits, and of the phantoms.
        budgets: numbers of labelled volumes that will be asked for.
        leave_out: leave unusable volumes out, each named in a warning and in `CtBank.left_out`,
            instead of writing no bank.
        progress: show a bar.

    Raises:
        ConfigError: unknown region or source, or a spacing that is no triple above 0.
        DataError: not at hand, unusable volumes (all are named), or the same scan on both sides of
            the split.
    """
    if spacing is not None and (
        len(spacing) != 3 or not all(math.isfinite(one) and one > 0 for one in spacing)
    ):
        raise ConfigError(f"spacing {spacing!r}: three numbers of mm above 0 (z, y, x) are needed")
    found = ct_source(region, source, size=size, limit=volumes, seed=seed, slices=slices)
    if spacing is None and not found.as_is:
        spacing = spacing_for(region, size)
    label = f"{found.name}-{region}-{size}"
    told = SliceFacts(
        name=label,
        region=region,
        size=size,
        labelled=bool(found.organs),
        organs=found.organs,
        window=facts(region).window,
        note=found.note,
    )

    def write(folder: Path) -> None:
        with slice_writer(folder, told) as writer:
            _write(writer, found, spacing, leave_out, progress)

    stamp = [VERSION, region, size, spacing, told.window, found.organs, found.stamp, leave_out]
    return assign_parts(open_ct_bank(made(f"ct-{label}", stamp, write)), seed, budgets)


def _write(
    writer: BankWriter, source: CtSource, spacing: Spacing | None, leave_out: bool, progress: bool
) -> None:
    writer.facts["left_out"] = dict(source.left_out)
    faults: dict[str, str] = {}
    before = writer.done
    with tqdm(
        total=source.count, initial=before, desc=writer.name, unit="volume", disable=not progress
    ) as bar:
        for id, read in source.volumes[before:]:
            try:
                _add(writer, read(), spacing)
            except DataError as error:
                if leave_out:
                    LOG.warning("%s: left out, %s", id, error)
                    writer.leave_out(id, str(error))
                else:
                    faults[id] = str(error)
            bar.update()
    refuse(list(faults.values()), source.count)


def _add(writer: BankWriter, volume: CtVolume, spacing: Spacing | None) -> None:
    size, window = writer.facts["size"], writer.facts["window"]
    grid = fit(volume, size, spacing) if spacing is not None else keep(volume, size)
    add_volume(
        writer,
        volume.id,
        sections(volume, grid, window),
        spacing=grid.spacing,
        affine=grid.affine(volume.affine),
        outside=share_outside(volume, grid),
    )

"""From a region and a source to its slice bank: read, resampled and windowed once, then opened."""

import hashlib
import json
import logging
import math
from pathlib import Path

from filelock import FileLock
from tqdm import tqdm

from ldl import paths
from ldl.data.ct.assign import assign_parts
from ldl.data.ct.bank import BankFacts, CtBank
from ldl.data.ct.opening import open_ct_bank
from ldl.data.ct.slices import fit, keep, sections, share_outside
from ldl.data.ct.source import PHANTOM_SLICES, CtSource, ct_source
from ldl.data.ct.splits import BUDGETS
from ldl.data.ct.volume import CtVolume
from ldl.data.ct.writer import CtBankWriter
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
            instead of stopping at the first.
        progress: show a bar.

    Raises:
        ConfigError: unknown region or source, or a spacing that is no triple above 0.
        DataError: not at hand, an unusable volume, or the same scan on both sides of the split.
    """
    if spacing is not None and (
        len(spacing) != 3 or not all(math.isfinite(one) and one > 0 for one in spacing)
    ):
        raise ConfigError(f"spacing {spacing!r}: three numbers of mm above 0 (z, y, x) are needed")
    found = ct_source(region, source, size=size, limit=volumes, seed=seed, slices=slices)
    if spacing is None and not found.as_is:
        spacing = spacing_for(region, size)
    folder = _folder(found, region, size, spacing, leave_out)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / f"{folder.name}.lock"):
        if not (folder / "index.json").is_file():
            _write(folder, found, region, size, spacing, leave_out, progress)
    return assign_parts(open_ct_bank(folder), seed, budgets)


def _write(
    folder: Path,
    source: CtSource,
    region: str,
    size: int,
    spacing: Spacing | None,
    leave_out: bool,
    progress: bool,
) -> None:
    told = BankFacts(
        name=f"{source.name}-{region}-{size}",
        region=region,
        size=size,
        labelled=bool(source.organs),
        organs=source.organs,
        window=facts(region).window,
        note=source.note,
    )
    with CtBankWriter(folder, told) as writer:
        writer.left_out.update(source.left_out)
        left_out = writer.left_out if leave_out else None
        with tqdm(total=source.count, desc=told.name, unit="volume", disable=not progress) as bar:
            for volume in source.volumes(left_out):
                try:
                    _add(writer, volume, spacing)
                except DataError as error:
                    if left_out is None:
                        raise
                    left_out[volume.id] = str(error)
                    LOG.warning("%s: left out, %s", volume.id, error)
                bar.update()
                del volume  # or two would be in memory while the next is read


def _add(writer: CtBankWriter, volume: CtVolume, spacing: Spacing | None) -> None:
    size, window = writer.facts.size, writer.facts.window
    grid = fit(volume, size, spacing) if spacing is not None else keep(volume, size)
    writer.add(
        volume.id,
        sections(volume, grid, window),
        spacing=grid.spacing,
        affine=grid.affine(volume.affine),
        outside=share_outside(volume, grid),
    )


def _folder(
    source: CtSource, region: str, size: int, spacing: Spacing | None, leave_out: bool
) -> Path:
    """Where the bank of exactly these volumes lies: any change of file, rule or code is another."""
    stamp = [VERSION, region, size, spacing, facts(region).window, source.organs, source.stamp]
    key = hashlib.sha256(json.dumps([*stamp, leave_out]).encode()).hexdigest()[:12]
    return paths.cache_dir() / "banks" / f"ct-{source.name}-{region}-{size}-{key}"

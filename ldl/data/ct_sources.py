"""From a CT config to what trainings read: slice banks, region maps, and whose rows."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ldl.data.ct import CtBank, ct_bank
from ldl.data.superpixel_bank import RegionBank, prepare_superpixels
from ldl.errors import DataError
from ldl.runs.lrc import CtConfig, PartName, SuperpixelConfig

Array = np.ndarray
WATCHED = 64  # slices at most on which a pretraining is watched, as in `ldl.train.pretrain`


def slice_bank(config: CtConfig, *, progress: bool = False) -> CtBank:
    """The bank of ``config``, prepared once, then opened.

    Raises:
        ConfigError: a source of another region.
        DataError: not at hand, or an unusable volume.
    """
    return ct_bank(
        config.region,
        config.source,
        size=config.size,
        spacing=config.spacing,
        volumes=config.volumes,
        slices=config.slices,
        seed=config.seed,
        budgets=config.budgets,
        leave_out=config.leave_out,
        progress=progress,
    )


def joined(banks: Sequence[CtBank]) -> CtBank:
    """Several sets as one bank without labels, for pretraining; a single bank stays as it is.

    Volumes keep their parts, and their ids behind the name of their set. Regions have windows of
    their own, so that equal tissue may have another gray in another set.

    Raises:
        DataError: slices of different sizes.
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


def region_maps(
    bank: CtBank, config: SuperpixelConfig, *, workers: int | None = None, progress: bool = False
) -> RegionBank:
    """Superpixels of every slice of ``bank``, made once in ``workers`` processes, then opened.

    Raises:
        DataError: a worker died; run again, what is done stays.
    """
    return prepare_superpixels(bank, config, workers=workers, progress=progress)


def pretraining_rows(bank: CtBank, part: PartName) -> tuple[Array, Array]:
    """Rows a pretraining learns from and rows it is watched on, of different volumes.

    Watched are at most 64 slices of the validation volumes, evenly spread.

    Args:
        bank: its volumes are split.
        part: "train", or "all" for the test volumes too.

    Returns:
        Two int64 arrays.

    Raises:
        DataError: no volume for training or validation.
    """
    watched = bank.rows("validation")
    learned = bank.rows("train")
    if part == "all":
        learned = np.concatenate([learned, bank.rows("test")])
    places = np.linspace(0, len(watched) - 1, min(WATCHED, len(watched))).round().astype(int)
    return learned, watched[places]


def refuse_shared_volumes(bank: CtBank) -> None:
    """Insist that no volume lies in two parts, and no slice in two volumes.

    Raises:
        DataError: one does.
    """
    rows = [np.arange(one.first, one.first + one.count) for one in bank.volumes]
    if not np.array_equal(np.sort(np.concatenate(rows)), np.arange(len(bank.images))):
        raise DataError(f"{bank.name}: slices that lie in no volume, or in two; prepare it again")
    parts: dict[str, str] = {}
    for one in bank.volumes:
        if parts.setdefault(one.id, one.split) != one.split:
            raise DataError(f"{bank.name}: {one.id} is in {parts[one.id]} and in {one.split}")

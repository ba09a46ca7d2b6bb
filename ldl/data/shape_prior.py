"""Vessel masks of another modality, which say what the target region should look like."""

from dataclasses import dataclass

import numpy as np

from ldl.config import DataConfig
from ldl.data import phantoms
from ldl.data.bank import bank_in_cache, content_fingerprint, open_images
from ldl.data.folder import DatasetFolder
from ldl.data.manifest import collection_named, id_list
from ldl.data.prepare import task_bank
from ldl.data.preprocess import resize_mask
from ldl.data.readers import read_mask
from ldl.errors import DataError
from ldl.tasks import VESSEL_TASKS


@dataclass(frozen=True)
class ShapePrior:
    """Reference masks: ``masks`` (N, 1, size, size) uint8, 0 or 255; their ids; a content hash."""

    name: str
    masks: np.ndarray
    ids: tuple[str, ...]
    fingerprint: str


def shape_prior(config: DataConfig, kind: str, count: int) -> ShapePrior:
    """The first ``count`` masks of ``kind`` "dsa" or "octa"; the release has ten of each.

    Of "own" they are a folder's; of "vessels" as many of each vessel set's training list.
    """
    if kind == "vessels":
        return _labels(config, count)
    if kind == "own":
        bank = open_images(bank_in_cache(config.prior))
        return _prior(bank.name, np.asarray(bank.images[:count, 0]) // 255, bank.ids[:count])
    if config.source == "phantom":
        masks = phantoms().shape_prior(kind, count=count, size=config.size, seed=config.seed)
        return _prior(f"phantom-{kind}", masks, tuple(f"{kind}-{k}" for k in range(count)))
    manifest, collection = collection_named(f"{kind}_prior")
    source = DatasetFolder(manifest)
    listed = id_list(collection.ids or collection.key)
    if len(listed) < count:
        raise DataError(f"{manifest.name}: {len(listed)} masks are listed, {count} are wanted")
    read = [resize_mask(read_mask(source.path("masks", one)), config.size) for one in listed]
    return _prior(
        f"{kind}-{config.size}", np.stack(read[:count]), tuple(one.id for one in listed[:count])
    )


def _labels(config: DataConfig, count: int) -> ShapePrior:
    banks = [task_bank(config, task) for task in VESSEL_TASKS]
    each = -(-count // len(banks))
    held = [(bank, row) for bank in banks for row in bank.rows("train")[:each]][:count]
    masks = np.stack([np.asarray(bank.masks[row]) > 0 for bank, row in held])
    return _prior(f"vessels-{config.size}", masks, tuple(bank.ids[row] for bank, row in held))


def _prior(name: str, masks: np.ndarray, ids: tuple[str, ...]) -> ShapePrior:
    for mask, one in zip(masks, ids, strict=True):
        if not mask.any():
            raise DataError(f"{name}: mask {one} is empty; get it again")
    whole = (masks[:, None] * 255).astype(np.uint8)
    return ShapePrior(name, whole, ids, content_fingerprint(whole, None, *ids))

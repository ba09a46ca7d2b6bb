"""From a data config to image banks: originals decoded, cropped and resized, or phantoms drawn."""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ldl import paths
from ldl.config import DataConfig
from ldl.data import phantoms
from ldl.data.bank import Bank, bank_in_cache, image_bank, image_rows, open_images, refuse_twins
from ldl.data.examples import load_example, screen
from ldl.data.folder import DatasetFolder, natural
from ldl.data.manifest import Collection, Member, collection_named, id_list, task_members
from ldl.errors import DataError
from ldl.runs.base import PHANTOMS
from ldl.tasks import CHANNELS, VESSEL_TASKS, Modality, task_named

# Collections with fundus images of 500 pixels and more.
FINE = (*VESSEL_TASKS, "idrid_grading_train", "idrid_grading_test", "drishti_gs1_od")
VERSION = 1  # raise when preparation changes: banks of another version are prepared again
# As in the release, validation is the first fifth of the training list.
VALIDATION_SHARE = 0.2
PHANTOM_PRETRAINING, LEAST_PRETRAINING = 256, 16
Example = tuple[str, dict[str, np.ndarray], str]  # id, row and split
Source = tuple[DatasetFolder, Collection, Member]


def pretraining_bank(config: DataConfig, modality: Modality) -> Bank:
    """The unlabelled images of ``modality``."""
    if config.source == "folder":
        return open_images(bank_in_cache(config.content))
    if config.source == "open":
        prepare = prepare_fine if config.pool == "fine" else partial(prepare_pretraining, modality)
        opened = prepare(config.size, limit=config.images)
        if len(opened.ids) < LEAST_PRETRAINING:
            raise DataError(
                f"{opened.name}: {len(opened.ids)} images are too few to pretrain on and hold some "
                f"out; at least {LEAST_PRETRAINING} are needed"
            )
        return opened
    count = config.images or PHANTOM_PRETRAINING

    def draw() -> list[Example]:
        images = phantoms().pretraining_images(
            modality, count=count, size=config.size, seed=config.seed, closer=config.closer
        )
        return [(f"{modality}-{k:04d}", {"images": one}, "train") for k, one in enumerate(images)]

    return _drawn(modality, f"{modality}-{count}", config, CHANNELS[modality], draw)


def task_bank(config: DataConfig, task: str) -> Bank:
    """The labelled images of ``task``; of a folder they are all that its bank holds."""
    if config.source == "folder":
        return open_images(bank_in_cache(config.content))
    channels = CHANNELS[task_named(task).modality]
    if config.source == "open":
        return prepare_task(task, config.size)

    def draw() -> list[Example]:
        images, masks, ids = phantoms().task_images(
            task,
            train=config.train,
            test=config.test,
            size=config.size,
            seed=config.seed,
            closer=config.closer,
        )
        splits = phantom_splits(config.train, config.test)
        found = zip(ids, images, masks, splits, strict=True)
        return [(id, {"images": image, "masks": mask}, split) for id, image, mask, split in found]

    name = f"{task}-{config.train}-{config.test}"
    return _drawn(task, name, config, channels, draw, masks=True)


def phantom_splits(train: int, test: int) -> list[str]:
    """Split names, training list first; its first fifth is the validation part."""
    held = int(train * VALIDATION_SHARE)
    if held < 1:
        raise DataError(f"{train} training images leave none for validation; draw at least 5")
    return ["validation"] * held + ["train"] * (train - held) + ["test"] * test


def _drawn(
    key: str,
    name: str,
    config: DataConfig,
    channels: int,
    draw: Callable[[], list[Example]],
    *,
    masks: bool = False,
) -> Bank:
    label = f"phantom-{name}-{config.size}-s{config.seed}"
    rows = image_rows((channels, config.size, config.size), masks=masks)
    stamp = [label, PHANTOMS, config.closer]
    return image_bank(label, stamp, f"phantom-{key}", rows, draw, lambda drawn: drawn)


def prepare_pretraining(
    modality: Modality,
    size: int,
    *,
    limit: int | None = None,
    leave_out: bool = False,
    progress: bool = False,
) -> Bank:
    """Bank of the real pretraining images at hand, (N, C, size, size); built once, then opened.

    Fundus (C = 3) is cropped to the field of view. The order is fixed: the authors' good-quality
    list first (fundus), then the others by number; ``limit`` takes the first so many. ``leave_out``
    goes on without damaged files, each named.
    """
    manifest, collection = collection_named(f"{modality}_pretraining")
    source = DatasetFolder(manifest)
    members = [Member("train", one) for one in pretraining_ids(source, collection)]
    dark: dict[str, str] = {}

    def items() -> list[Source]:
        shown, left_out = screen(source, collection, members, limit, progress=progress)
        dark.update(left_out)
        return [(source, collection, one) for one in shown]

    name = f"{collection.key}-{size}"
    stamp = [VERSION, size, *_stamp(source, collection, members[:limit])]
    rows = image_rows((CHANNELS[modality], size, size))
    return image_bank(name, stamp, name, rows, items, partial(_load, size), left_out=dark,
                      leave_out=leave_out, progress=progress)  # fmt: skip


def prepare_fine(size: int, *, limit: int | None = None, progress: bool = False) -> Bank:
    """Bank of fundus images of 500 pixels and more, without labels; built once, then opened.

    In the order of :data:`FINE`, the first ``limit``; of the vessel sets, whose test images Tables
    5 and 6 score, the training lists only. Sets that are not at hand are left out.
    """
    found: list[Source] = []
    stamp: list[object] = [limit]
    for key in FINE:
        manifest, collection = collection_named(key)
        try:
            source = DatasetFolder(manifest)
        except DataError:
            continue
        plain = collection.model_copy(update={"masks": ()})
        members = [
            one
            for one in source.members(collection)
            if one.split != "test" or key not in VESSEL_TASKS
        ]
        stamp += [VERSION, size, *_stamp(source, plain, members)]
        found += [(source, plain, one) for one in members]
    if not found:
        raise DataError(f"{paths.data_dir()}: none of {', '.join(FINE)} is at hand")

    def load(item: Source) -> Example:
        id, row, _ = _load(size, item)
        return f"{item[1].key}/{id}", row, "train"

    name = f"fundus_fine-{size}"
    rows = image_rows((CHANNELS["fundus"], size, size))
    return image_bank(name, stamp, name, rows, lambda: found[:limit], load, leave_out=False,
                      progress=progress)  # fmt: skip


def prepare_task(task: str, size: int, *, leave_out: bool = False, progress: bool = False) -> Bank:
    """Bank of one segmentation task on real images, with masks; built once, then opened.

    ``task`` is a key of `ldl.tasks.TASKS`, or another segmentation collection of a manifest. Rows:
    validation (the first 20 % of the authors' training list), train, test, in their order.
    ``leave_out`` goes on without damaged files, each named.
    """
    manifest, collection = collection_named(task)
    if collection.purpose != "segmentation":
        raise DataError(f"{task}: {collection.purpose}, not a segmentation task")
    source = DatasetFolder(manifest)
    members = task_members(manifest, collection)
    name = f"{collection.key}-{size}"
    rows = image_rows((CHANNELS[manifest.modality], size, size), masks=True)
    stamp = [VERSION, size, *_stamp(source, collection, members)]
    items = [(source, collection, one) for one in members]
    bank = image_bank(name, stamp, name, rows, lambda: items, partial(_load, size),
                      leave_out=leave_out, progress=progress)  # fmt: skip
    contents = [hashlib.sha256(one.tobytes()).digest() for one in bank.images]
    twins = zip(bank.ids, bank.splits, contents, strict=True)
    refuse_twins(source.root, twins, "image", "subject")
    return bank


def pretraining_ids(source: DatasetFolder, collection: Collection) -> list[str]:
    """Ids of the pretraining images at hand, in their fixed order."""
    found = [one.id for one in source.pool(collection)]
    if not found:
        raise DataError(f"{source.root}: no pretraining image found")
    first = id_list(collection.first) if collection.first else ()
    rank = {one.id: place for place, one in enumerate(first)}
    return sorted(found, key=lambda one: (rank.get(one, len(rank)), natural(one)))


def _load(size: int, item: Source) -> Example:
    source, collection, one = item
    image, mask = load_example(source, collection, one, size)
    row = {"images": image} if mask is None else {"images": image, "masks": mask}
    return one.id, row, one.split


def _stamp(source: DatasetFolder, collection: Collection, members: Sequence[Member]) -> list[Any]:
    """Everything the bank depends on: any change of file, list or rule is another bank."""
    return [
        source.layout.model_dump(mode="json", exclude_defaults=True),
        collection.model_dump(mode="json", exclude_defaults=True),
        [(one.split, one.id) for one in members],
        source.state(),
    ]

"""From a data config to image banks, grades and shape priors: originals prepared, or phantoms."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ldl import paths
from ldl.config import DataConfig
from ldl.data import phantoms
from ldl.data.bank import (
    Bank,
    bank_in_cache,
    content_fingerprint,
    image_bank,
    image_rows,
    open_images,
    refuse_twins,
)
from ldl.data.examples import load_example, screen
from ldl.data.folder import DatasetFolder, natural
from ldl.data.manifest import Collection, Member, collection_named, id_list, task_members
from ldl.data.preprocess import resize_mask
from ldl.data.readers import read_grades, read_mask
from ldl.errors import DataError
from ldl.runs.base import PHANTOMS
from ldl.tasks import CHANNELS, VESSEL_TASKS, Modality, task_named

# Collections with fundus images of 500 pixels and more.
FINE = (*VESSEL_TASKS, "idrid_grading_train", "idrid_grading_test", "drishti_gs1_od")
VERSION = 1  # raise when preparation changes: banks of another version are prepared again
# As in the release, validation is the first fifth of the training list.
VALIDATION_SHARE = 0.2
PHANTOM_PRETRAINING, LEAST_PRETRAINING = 256, 16
# A phantom without lesions has grade 0; from these shares of its field on it has grade 2, 3 and 4.
# Of 2,000 phantoms 65, 11, 9, 10 and 6 % have the grades 0 to 4; of EyePACS 73, 7, 15, 2.5 and 2 %.
PHANTOM_LIMITS = (0.002, 0.004, 0.01)
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
    goes on without damaged files, each named; else all are named in one error.
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

    The first ``limit`` of :data:`FINE`, as far as the sets are at hand; of the vessel sets, whose
    test images Tables 5 and 6 score, the training lists only.
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
    validation (the first 20 % of the authors' training list), train, test, in their order; no image
    is in both train and test. ``leave_out`` goes on without damaged files, each named.
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


def grades(config: DataConfig, bank: Bank) -> np.ndarray:
    """Diabetic retinopathy in a bank of fundus images, (N,) int64: 0 (none) to 4 (proliferative).

    EyePACS (``open``) has a table of grades; phantoms are graded by how much of the field their
    lesions cover.
    """
    if bank.images.shape[1] != CHANNELS["fundus"]:
        raise DataError(
            f"{bank.name}: chest X-rays have no grades of diabetic retinopathy; "
            "pretrain by grades on fundus images, or choose another method"
        )
    found = _phantom_grades if config.source == "phantom" else _open_grades
    return np.array(found(config, bank), dtype=np.int64)


def phantom_grade(seed: int, number: int) -> int:
    """The grade of one fundus phantom, 0 to 4."""
    share = phantoms().lesion_share(seed, number)
    return 0 if share == 0 else 1 + int(np.searchsorted(PHANTOM_LIMITS, share, side="right"))


def _phantom_grades(config: DataConfig, bank: Bank) -> list[int]:
    for id in bank.ids:
        if not re.fullmatch(r"fundus-\d+", id):
            raise DataError(f"{bank.name}: {id} is no fundus phantom; its grade is not known")
    return [phantom_grade(config.seed, int(id.split("-")[1])) for id in bank.ids]


def _open_grades(config: DataConfig, bank: Bank) -> list[int]:
    source = DatasetFolder(collection_named("fundus_pretraining")[0])
    templates = source.layout.files.get("grades", ())
    there = next((one for one in templates if source.index.matches(one)), None)
    if there is None:
        wanted = " or ".join(templates) or "a table of grades"
        raise DataError(
            f"{source.root}/{wanted}: missing; `ldl data fetch {source.manifest.name}` "
            "says how to obtain it"
        )
    known = read_grades(source.root / there, source.labels)
    if missing := [id for id in bank.ids if id not in known]:
        more = f" and {len(missing) - 1} more images" if len(missing) > 1 else ""
        raise DataError(
            f"{source.root / there}: no grade of {missing[0]}{more} of {bank.name}; fetch it again"
        )
    return [known[id] for id in bank.ids]


@dataclass(frozen=True)
class ShapePrior:
    """Reference masks (N, 1, size, size) uint8, 0 or 255; their ids; a content hash."""

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
        size = round(config.size * config.closer)  # their vessels as wide as the images'
        masks = phantoms().shape_prior(kind, count=count, size=size, seed=config.seed)
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

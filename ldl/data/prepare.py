"""Image banks from the files on disk: decoded, cropped and resized once, then opened."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from ldl import paths
from ldl.data.bank import BankWriter, ImageBank, TaskBank, open_image_bank, open_task_bank
from ldl.data.examples import load_example
from ldl.data.folder import DatasetFolder
from ldl.data.listing import natural
from ldl.data.manifest import collection_named
from ldl.data.schema import Collection
from ldl.data.screen import screen
from ldl.data.splits import Member, id_list, task_members
from ldl.errors import DataError
from ldl.tasks import CHANNELS, Modality

VERSION = 1  # raise when preparation changes: banks of another version are prepared again
Item = TypeVar("Item")


def prepare_pretraining(
    modality: Modality, size: int, *, limit: int | None = None, progress: bool = False
) -> ImageBank:
    """Bank of the real pretraining images at hand, (N, C, size, size); built once, then opened.

    The order is fixed: the authors' good-quality list first (fundus), then the others by number.

    Args:
        modality: "fundus" (C = 3, cropped to the field of view) or "xray" (C = 1).
        size: side of the square images in pixels.
        limit: use the first so many only.
        progress: show a bar.

    Raises:
        DataError: the data set is not at hand or a file is damaged.
    """
    manifest, collection = collection_named(f"{modality}_pretraining")
    source = DatasetFolder(manifest)
    members = [Member("train", one) for one in pretraining_ids(source, collection)]
    folder = _bank_folder(source, collection, size, members[:limit])
    if not (folder / "index.json").is_file():
        members, left_out = screen(source, collection, members, limit, progress=progress)
        shape = (CHANNELS[modality], size, size)
        name = f"{collection.key}-{size}"
        with BankWriter(folder, name, len(members), shape) as writer:
            for one in _bar(members, name, progress):
                image, _ = load_example(source, collection, one, size)
                writer.add(one.id, image)
        if left_out:
            (folder / "left_out.json").write_text(json.dumps(left_out, indent=1))
    return open_image_bank(folder)


def prepare_task(task: str, size: int, *, progress: bool = False) -> TaskBank:
    """Bank of one segmentation task on real images; built once, then opened.

    Rows: validation (the first 20 % of the authors' training list), train, test, in their order.

    Args:
        task: a key of `ldl.data.tasks.TASKS`, or another segmentation collection of a manifest.
        size: side of the square images in pixels.
        progress: show a bar.

    Raises:
        DataError: the data set is not at hand, a file is damaged, a mask does not fit its image,
            or one image is in both train and test.
    """
    manifest, collection = collection_named(task)
    if collection.purpose != "segmentation":
        raise DataError(f"{task}: {collection.purpose}, not a segmentation task")
    channels = CHANNELS[manifest.modality]
    source = DatasetFolder(manifest)
    members = task_members(manifest, collection)
    folder = _bank_folder(source, collection, size, members)
    if not (folder / "index.json").is_file():
        name, shape = f"{collection.key}-{size}", (channels, size, size)
        seen: dict[str, Member] = {}
        with BankWriter(folder, name, len(members), shape, masks=True) as writer:
            for one in _bar(members, name, progress):
                image, mask = load_example(source, collection, one, size)
                _refuse_twin(source, seen, image.tobytes(), one)
                writer.add(one.id, image, mask, one.split)
    return open_task_bank(folder)


def pretraining_ids(source: DatasetFolder, collection: Collection) -> list[str]:
    """Ids of the pretraining images at hand, in their fixed order.

    Raises:
        DataError: none at hand, or a duplicate id.
    """
    found = [one.id for one in source.pool(collection)]
    if not found:
        raise DataError(f"{source.root}: no pretraining image found")
    first = id_list(collection.first) if collection.first else ()
    rank = {one.id: place for place, one in enumerate(first)}
    return sorted(found, key=lambda one: (rank.get(one, len(rank)), natural(one)))


def _refuse_twin(
    source: DatasetFolder, seen: dict[str, Member], content: bytes, one: Member
) -> None:
    """The same picture under two ids, in train and in test, is the same subject in both."""
    twin = seen.setdefault(hashlib.sha256(content).hexdigest(), one)
    if (twin.split == "test") != (one.split == "test"):
        raise DataError(
            f"{source.root}: {twin.id} ({twin.split}) and {one.id} ({one.split}) are the same "
            "image; the same subject must not be in train and test"
        )


def _bar(items: Iterable[Item], name: str, progress: bool) -> Iterable[Item]:
    return tqdm(items, desc=name, unit="image", disable=not progress)


def _bank_folder(
    source: DatasetFolder, collection: Collection, size: int, members: list[Member]
) -> Path:
    """Where the bank of exactly these files lies: any change of file, list or code is another."""
    stamp = [
        VERSION,
        size,
        source.layout.model_dump(mode="json", exclude_defaults=True),
        collection.model_dump(mode="json", exclude_defaults=True),
        [(one.split, one.id) for one in members],
        [
            (path, size_, (source.root / path).lstat().st_mtime_ns)
            for path, size_ in sorted(source.index.sizes.items())
        ],
    ]
    key = hashlib.sha256(json.dumps(stamp).encode()).hexdigest()[:12]
    return paths.cache_dir() / "banks" / f"{collection.key}-{size}-{key}"

"""Image banks from the files on disk: decoded, cropped and resized once, then opened."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np
from tqdm import tqdm

from ldl import paths
from ldl.data.bank import BankWriter, ImageBank, TaskBank, open_image_bank, open_task_bank
from ldl.data.folder import DatasetFolder, natural
from ldl.data.manifest import Collection, collection_named
from ldl.data.preprocess import crop, field_of_view, resize_image, resize_mask
from ldl.data.readers import as_colour, as_grey, read_image, read_mask
from ldl.data.splits import Member, id_list, task_members
from ldl.data.tasks import CHANNELS, Modality, task_named
from ldl.errors import DataError

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
    members = [Member("train", one) for one in pretraining_ids(source, collection)[:limit]]
    folder = _bank_folder(source, collection, size, members)
    if not (folder / "index.json").is_file():
        shape = (CHANNELS[modality], size, size)
        name = f"{collection.key}-{size}"
        with BankWriter(folder, name, len(members), shape) as writer:
            for one in _bar(members, name, progress):
                image, _ = _example(source, collection, one, modality, size)
                writer.add(one.id, image)
    return open_image_bank(folder)


def prepare_task(task: str, size: int, *, progress: bool = False) -> TaskBank:
    """Bank of one segmentation task on real images; built once, then opened.

    Rows: validation (the first 20 % of the authors' training list), train, test, in their order.

    Args:
        task: a key of `ldl.data.tasks.TASKS`.
        size: side of the square images in pixels.
        progress: show a bar.

    Raises:
        DataError: the data set is not at hand, a file is damaged, a mask does not fit its image,
            or one image is in both train and test.
    """
    modality = task_named(task).modality
    manifest, collection = collection_named(task)
    source = DatasetFolder(manifest)
    members = task_members(manifest, collection)
    folder = _bank_folder(source, collection, size, members)
    if not (folder / "index.json").is_file():
        _write_task(folder, source, collection, members, modality, size, progress)
    return open_task_bank(folder)


def _write_task(
    folder: Path,
    source: DatasetFolder,
    collection: Collection,
    members: list[Member],
    modality: Modality,
    size: int,
    progress: bool,
) -> None:
    name = f"{collection.key}-{size}"
    shape = (CHANNELS[modality], size, size)
    seen: dict[str, Member] = {}
    with BankWriter(folder, name, len(members), shape, masks=True) as writer:
        for one in _bar(members, name, progress):
            image, mask = _example(source, collection, one, modality, size)
            digest = hashlib.sha256(image.tobytes()).hexdigest()
            twin = seen.setdefault(digest, one)
            if twin.split != one.split:
                raise DataError(
                    f"{source.root}: {twin.id} ({twin.split}) and {one.id} ({one.split}) are the "
                    "same image; a subject belongs to one part"
                )
            writer.add(one.id, image, mask, one.split)


def pretraining_ids(source: DatasetFolder, collection: Collection) -> list[str]:
    """Ids of the pretraining images in their fixed order.

    Raises:
        DataError: none at hand, or a duplicate id.
    """
    found = source.pool(collection)
    if not found:
        raise DataError(f"{source.root}: no pretraining image found")
    first = [one.id for one in id_list(collection.first)] if collection.first else []
    rank = {image_id: place for place, image_id in enumerate(first)}
    return sorted(found, key=lambda one: (rank.get(one, len(rank)), natural(one)))


def _example(
    source: DatasetFolder, collection: Collection, one: Member, modality: Modality, size: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """One image (C, size, size) uint8 and, in a task, its mask (size, size) uint8 in {0, 1}."""
    path = source.path(collection.images or "images", one.id, one.split)
    pixels = read_image(path)
    pixels = as_colour(pixels, path) if modality == "fundus" else as_grey(pixels, path)
    if pixels.min() == pixels.max():
        raise DataError(f"{path}: blank, every pixel is {pixels.min()}; fetch it again")
    mask = union_mask(source, collection, one, pixels.shape[:2]) if collection.masks else None
    if modality == "fundus":
        box = field_of_view(pixels, path, reduced_from=source.layout.reduced_from)
        pixels = crop(pixels, box)
        mask = crop(mask, box) if mask is not None else None
    return resize_image(pixels, size), resize_mask(mask, size) if mask is not None else None


def union_mask(
    source: DatasetFolder, collection: Collection, one: Member, shape: tuple[int, int]
) -> np.ndarray:
    """Union of the collection's mask files for one image, (H, W) bool at the image's size.

    Raises:
        DataError: a mask is missing, damaged or of another size than its image.
    """
    factor = source.layout.mask_reduction
    expected = (shape[0] // factor, shape[1] // factor)
    total = np.zeros(expected, dtype=bool)
    for role in collection.masks:
        path = source.path(role, one.id, one.split)
        if path.suffix == ".csv":
            from ldl.data.readers.rle import read_rle_mask

            mask = read_rle_mask(path, one.id, expected)
        else:
            mask = read_mask(path, soft_threshold=source.layout.soft_threshold)
        if mask.shape != expected:
            raise DataError(
                f"{path}: mask of {mask.shape[1]}x{mask.shape[0]} pixels beside an image of "
                f"{shape[1]}x{shape[0]}, expected {expected[1]}x{expected[0]}"
            )
        total |= mask
    return np.kron(total, np.ones((factor, factor), dtype=bool)) if factor > 1 else total


def _bar(items: Iterable[Item], name: str, progress: bool) -> Iterable[Item]:
    return tqdm(items, desc=name, unit="image", disable=not progress)


def _bank_folder(
    source: DatasetFolder, collection: Collection, size: int, members: list[Member]
) -> Path:
    """Where the bank of exactly these files lies: any change of file, list or code is another."""
    stamp = [
        VERSION,
        size,
        source.layout.model_dump(mode="json"),
        collection.model_dump(mode="json"),
        [(one.split, one.id) for one in members],
        sorted(
            (path, bytes_, (source.root / path).stat().st_mtime_ns)
            for path, bytes_ in source.index.sizes.items()
        ),
    ]
    key = hashlib.sha256(json.dumps(stamp).encode()).hexdigest()[:12]
    return paths.cache_dir() / "banks" / f"{collection.key}-{size}-{key}"

"""Image banks from the files on disk: decoded, cropped and resized once, then opened."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from ldl import paths
from ldl.data.bank import Bank, image_rows, made, open_images
from ldl.data.bank_writer import BankWriter, fill
from ldl.data.examples import load_example, screen
from ldl.data.folder import DatasetFolder, natural
from ldl.data.manifest import collection_named
from ldl.data.schema import Collection
from ldl.data.splits import Member, id_list, task_members
from ldl.errors import DataError
from ldl.tasks import CHANNELS, VESSEL_TASKS, Modality

# Collections with fundus images of 500 pixels and more.
FINE = (*VESSEL_TASKS, "idrid_grading_train", "idrid_grading_test", "drishti_gs1_od")
VERSION = 1  # raise when preparation changes: banks of another version are prepared again


def prepare_pretraining(
    modality: Modality,
    size: int,
    *,
    limit: int | None = None,
    leave_out: bool = False,
    progress: bool = False,
) -> Bank:
    """Bank of the real pretraining images at hand, (N, C, size, size); built once, then opened.

    The order is fixed: the authors' good-quality list first (fundus), then the others by number.

    Args:
        modality: "fundus" (C = 3, cropped to the field of view) or "xray" (C = 1).
        size: side of the square images in pixels.
        limit: use the first so many only.
        leave_out: go on without damaged files, each named, where the bank is not there yet.
        progress: show a bar.

    Raises:
        DataError: the data set is not at hand, or files are damaged; all are named.
    """
    manifest, collection = collection_named(f"{modality}_pretraining")
    source = DatasetFolder(manifest)
    members = [Member("train", one) for one in pretraining_ids(source, collection)]
    name = f"{collection.key}-{size}"

    def write(folder: Path) -> None:
        shown, dark = screen(source, collection, members, limit, progress=progress)
        rows = image_rows((CHANNELS[modality], size, size))
        with BankWriter(folder, name, rows, count=len(shown)) as writer:
            writer.facts["left_out"] = dark
            fill(writer, shown, _loader(source, collection, size), leave_out=leave_out,
                 progress=progress)  # fmt: skip

    return open_images(made(name, _stamp(source, collection, size, members[:limit]), write))


def prepare_fine(size: int, *, limit: int | None = None, progress: bool = False) -> Bank:
    """Bank of fundus images of 500 pixels and more, without labels; built once, then opened.

    In the order of :data:`FINE`; of the vessel sets, whose test images Tables 5 and 6 score, the
    training lists only. Sets that are not at hand are left out.

    Args:
        size: side of the square images in pixels.
        limit: use the first so many only.
        progress: show a bar.

    Raises:
        DataError: none of the sets is at hand, or files are damaged; all are named.
    """
    found: list[tuple[DatasetFolder, Collection, Member]] = []
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
        stamp += _stamp(source, plain, size, members)
        found += [(source, plain, one) for one in members]
    if not found:
        raise DataError(f"{paths.data_dir()}: none of {', '.join(FINE)} is at hand")
    name = f"fundus_fine-{size}"

    def load(
        item: tuple[DatasetFolder, Collection, Member],
    ) -> tuple[str, dict[str, np.ndarray], dict[str, Any]]:
        source, collection, one = item
        image, _ = load_example(source, collection, one, size)
        return f"{collection.key}/{one.id}", {"images": image}, {"split": "train"}

    def write(folder: Path) -> None:
        rows, items = image_rows((CHANNELS["fundus"], size, size)), found[:limit]
        with BankWriter(folder, name, rows, count=len(items)) as writer:
            fill(writer, items, load, progress=progress)

    return open_images(made(name, stamp, write))


def prepare_task(task: str, size: int, *, leave_out: bool = False, progress: bool = False) -> Bank:
    """Bank of one segmentation task on real images, with masks; built once, then opened.

    Rows: validation (the first 20 % of the authors' training list), train, test, in their order.

    Args:
        task: a key of `ldl.tasks.TASKS`, or another segmentation collection of a manifest.
        size: side of the square images in pixels.
        leave_out: go on without damaged files, each named, where the bank is not there yet.
        progress: show a bar.

    Raises:
        DataError: the data set is not at hand, files are damaged (all are named), a mask does not
            fit its image, or one image is in both train and test.
    """
    manifest, collection = collection_named(task)
    if collection.purpose != "segmentation":
        raise DataError(f"{task}: {collection.purpose}, not a segmentation task")
    source = DatasetFolder(manifest)
    members = task_members(manifest, collection)
    name, channels = f"{collection.key}-{size}", CHANNELS[manifest.modality]

    def write(folder: Path) -> None:
        rows = image_rows((channels, size, size), masks=True)
        with BankWriter(folder, name, rows, count=len(members)) as writer:
            fill(writer, members, _loader(source, collection, size), leave_out=leave_out,
                 progress=progress)  # fmt: skip

    bank = open_images(made(name, _stamp(source, collection, size, members), write))
    _refuse_twins(source, bank)
    return bank


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


def _loader(source: DatasetFolder, collection: Collection, size: int) -> Any:
    def load(one: Member) -> tuple[str, dict[str, np.ndarray], dict[str, Any]]:
        image, mask = load_example(source, collection, one, size)
        row = {"images": image} if mask is None else {"images": image, "masks": mask}
        return one.id, row, {"split": one.split}

    return load


def _refuse_twins(source: DatasetFolder, bank: Bank) -> None:
    """The same picture under two ids, in train and in test, is the same subject in both."""
    seen: dict[bytes, int] = {}
    for row, image in enumerate(bank.images):
        twin = seen.setdefault(hashlib.sha256(image.tobytes()).digest(), row)
        if (bank.splits[twin] == "test") != (bank.splits[row] == "test"):
            raise DataError(
                f"{source.root}: {bank.ids[twin]} ({bank.splits[twin]}) and {bank.ids[row]} "
                f"({bank.splits[row]}) are the same image; the same subject must not be in train "
                "and test"
            )


def _stamp(
    source: DatasetFolder, collection: Collection, size: int, members: list[Member]
) -> list[object]:
    """Everything the bank depends on: any change of file, list or rule is another bank."""
    return [
        VERSION,
        size,
        source.layout.model_dump(mode="json", exclude_defaults=True),
        collection.model_dump(mode="json", exclude_defaults=True),
        [(one.split, one.id) for one in members],
        source.state(),
    ]

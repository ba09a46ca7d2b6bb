"""The authors' lists of images: train and test in their order, and the checks on them."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ldl import paths
from ldl.data.schema import Collection, Manifest
from ldl.errors import DataError

VALIDATION_DIVISOR = 5  # one fifth: "20% of the training data is split as the validation dataset"


@dataclass(frozen=True)
class Member:
    """One image of a list."""

    split: str
    id: str

    def __str__(self) -> str:
        return self.id


@lru_cache(maxsize=64)
def _read(path: Path, stamp: int) -> tuple[Member, ...]:
    try:
        with path.open(newline="") as stream:
            return tuple(Member(row["split"], row["image_id"]) for row in csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, KeyError, csv.Error) as error:
        raise DataError(f"{path}: not a list with columns split,image_id") from error


def id_list(name: str) -> tuple[Member, ...]:
    """The list ``data_manifests/splits/<name>.csv``, in file order.

    Raises:
        DataError: it is missing or has other columns.
    """
    path = paths.manifests_dir() / "splits" / f"{name}.csv"
    # The time stamp makes a changed list another key of the cache.
    return _read(path, path.stat().st_mtime_ns if path.exists() else 0)


def task_members(manifest: Manifest, collection: Collection) -> list[Member]:
    """Validation, train and test images of a task, in the authors' order.

    The first 20 % of the authors' training list (rounded down) are validation, as in their
    release; the paper (6.1.2) only says "20% of the training data".

    Raises:
        DataError: duplicate id, or one subject in both parts.
    """
    name = collection.ids or collection.key
    members = id_list(name)
    check_members(manifest, f"data_manifests/splits/{name}.csv", members)
    train = [one for one in members if one.split == "train"]
    test = [one for one in members if one.split == "test"]
    held = len(train) // VALIDATION_DIVISOR
    return [Member("validation", one.id) for one in train[:held]] + train[held:] + test


def check_members(manifest: Manifest, source: str, members: Sequence[Member]) -> None:
    """Refuse duplicates, unknown splits and subjects on both sides.

    Raises:
        DataError: naming the list, the id and what is wrong.
    """
    side: dict[str, Member] = {}
    seen: set[Member] = set()
    for one in members:
        if one.split not in ("train", "test"):
            raise DataError(f"{source}: {one.id} has split {one.split!r}; use train or test")
        if one in seen:
            raise DataError(f"{source}: duplicate id {one.id}; remove one of the two rows")
        seen.add(one)
        other = side.setdefault(manifest.subject(one.id), one)
        if other.split != one.split:
            raise DataError(
                f"{source}: the same subject is in {other.split} ({other.id}) and "
                f"{one.split} ({one.id}); keep a subject on one side"
            )

"""The authors' lists of images: train and test in their order, and the checks on them."""

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ldl import paths
from ldl.data.manifest import Collection, Manifest
from ldl.errors import DataError

VALIDATION_SHARE = 5  # one fifth: "20% of the training data is split as the validation dataset"


@dataclass(frozen=True)
class Member:
    """One image of a list."""

    split: str
    id: str


@lru_cache(maxsize=64)
def _read(path: Path) -> tuple[Member, ...]:
    try:
        with path.open(newline="") as stream:
            rows = list(csv.DictReader(stream))
            return tuple(Member(row["split"], row["image_id"]) for row in rows)
    except (OSError, UnicodeDecodeError, KeyError, csv.Error) as error:
        raise DataError(f"{path}: not a list with columns split,image_id") from error


def id_list(name: str) -> tuple[Member, ...]:
    """The list ``data_manifests/splits/<name>.csv``, in file order.

    Raises:
        DataError: it is missing or has other columns.
    """
    return _read(paths.manifests_dir() / "splits" / f"{name}.csv")


def task_members(manifest: Manifest, collection: Collection) -> list[Member]:
    """Train, validation and test images of a task, in the authors' order.

    The first 20 % of the authors' training list (rounded down) are validation, as in their
    release; the paper (6.1.2) only says "20% of the training data".

    Raises:
        DataError: duplicate id, or one subject in both parts.
    """
    members = id_list(collection.ids or collection.key)
    check_members(manifest, collection.key, members)
    train = [one for one in members if one.split == "train"]
    test = [one for one in members if one.split == "test"]
    held = len(train) // VALIDATION_SHARE
    return [Member("validation", one.id) for one in train[:held]] + train[held:] + test


def check_members(manifest: Manifest, name: str, members: tuple[Member, ...]) -> None:
    """Refuse duplicates and subjects on both sides.

    Raises:
        DataError: naming the list, the id and what is wrong.
    """
    source = f"data_manifests/splits/{name}.csv"
    sides: dict[str, Member] = {}
    seen: set[str] = set()
    for one in members:
        if one.split not in ("train", "test"):
            raise DataError(f"{source}: {one.id} has split {one.split!r}; use train or test")
        if one.id in seen and sides[manifest.subject(one.id)].split == one.split:
            raise DataError(f"{source}: duplicate id {one.id}; remove one of the two rows")
        seen.add(one.id)
        other = sides.setdefault(manifest.subject(one.id), one)
        if other.split != one.split:
            raise DataError(
                f"{source}: the same subject is in {other.split} ({other.id}) and "
                f"{one.split} ({one.id}); keep a subject on one side"
            )

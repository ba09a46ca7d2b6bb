"""The bank: files decoded once into memory-mapped arrays, and an index of what they show.

A bank is a folder: one ``.npy`` for each array (images, and beside them whatever belongs to an
image: masks, points, labels, regions) and ``index.json``. Its rows are images or slices; an entry
owns one row (an image) or a run of them (a volume). `ldl.data.bank_writer` writes it, `open_bank`
opens it, `made` makes it once: content decides the folder's name, one process writes while others
wait, and a killed one goes on where it was.
"""

import hashlib
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from filelock import FileLock

from ldl import paths
from ldl.errors import DataError, LdlError

LOG = logging.getLogger("ldl")
Array = np.ndarray
SPLITS = ("train", "validation", "test")
FORMAT = 2  # raise when the folder's files change: banks of another format are made again
Rows = Mapping[str, tuple[str, tuple[int, ...]]]  # array -> type and shape of one of its rows
Fingerprint = Callable[[dict[str, Array], list[dict[str, Any]]], str]


@dataclass(frozen=True)
class Bank:
    """Images, and what belongs to each.

    Attributes:
        name: what it is called in records.
        images: (N, C, H, W) uint8 in 0..255; memory-mapped.
        ids: one an image.
        fingerprint: sha256 of the content.
        splits: "train", "validation" or "test" of each, in the authors' order.
        masks: (N, H, W) uint8 in {0, 1}; of a segmentation task.
        points: (N, 2) float64, row and column of a landmark in pixels.
        left_out: images that were not used, and why.
    """

    name: str
    images: Array
    ids: tuple[str, ...]
    fingerprint: str
    splits: tuple[str, ...] = ()
    masks: Array = field(default_factory=lambda: np.empty((0, 0, 0), np.uint8))
    points: Array = field(default_factory=lambda: np.empty((0, 2)))
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Of a bank in the cache: the end of its folder's name, see `bank_of`."""
        return Path(self.images.filename).parent.name[-12:]  # type: ignore[attr-defined]

    def rows(self, split: str) -> list[int]:
        """Row numbers of ``split``, in the authors' order."""
        return [row for row, name in enumerate(self.splits) if name == split]


def content_fingerprint(images: Array, masks: Array | None = None, *labels: str) -> str:
    """sha256 over pixel bytes, mask bytes and labels (ids, splits)."""
    digest = hashlib.sha256()
    for array in (images, masks):
        if array is not None:
            digest.update(str(array.shape).encode())
            for item in array:
                digest.update(np.ascontiguousarray(item).tobytes())
    # A file name need not be UTF-8.
    digest.update("\n".join(labels).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def image_fingerprint(arrays: dict[str, Array], entries: list[dict[str, Any]]) -> str:
    """That of images with masks or points; records hold it."""
    words = [one["id"] for one in entries] + [one.get("split", "train") for one in entries]
    found = content_fingerprint(arrays["images"], arrays.get("masks"), *words)
    if "points" not in arrays:
        return found
    return hashlib.sha256(found.encode() + arrays["points"].tobytes()).hexdigest()


def made(label: str, stamp: Sequence[object], write: Callable[[Path], None]) -> Path:
    """The folder of exactly one content: written once, found by every later call.

    Args:
        label: readable beginning of its name.
        stamp: json-able; everything the content depends on. It decides the folder's name.
        write: fills the folder it is given, with a `BankWriter`; other processes wait meanwhile.

    Raises:
        DataError: the cache folder cannot be written.
    """
    folder = bank_folder(label, stamp)
    if _whole(folder):
        return folder
    with paths.told(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f".{folder.name}.lock")):
            if not _whole(folder):
                write(folder)
    return folder


def bank_folder(label: str, stamp: Sequence[object]) -> Path:
    """Where `made` puts a bank."""
    key = hashlib.sha256(json.dumps([FORMAT, *stamp]).encode()).hexdigest()[:12]
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", label)[:80].lstrip(".")
    return paths.cache_dir() / "banks" / f"{plain}-{key}"


def bank_of(key: str) -> Path | None:
    """The folder whose name ends in that key, see `bank_folder`; None if there is none."""
    found = (paths.cache_dir() / "banks").glob(f"*-{key}")
    return next(iter(sorted(found)), None)


def _whole(folder: Path) -> bool:
    if not (folder / "index.json").is_file():
        return False
    try:
        open_bank(folder)
    except LdlError as error:
        LOG.warning("%s; it is made again", error)
        return False
    return True


def open_bank(folder: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """The index and the arrays, memory-mapped, of a written bank.

    Raises:
        DataError: the folder holds no readable bank.
    """
    where = f"{folder}/index.json"
    try:
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        rows, entries = index["rows"], index["entries"]
        count = sum(one["count"] for one in entries)
        shapes = {key: (kind, (count, *shape)) for key, (kind, shape) in rows.items()}
        _ = index["name"], index["fingerprint"], index["left_out"], [one["id"] for one in entries]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{where}: not the index of a bank; delete the folder") from error
    arrays = {key: open_array(folder, key) for key in rows}
    for key, (kind, shape) in shapes.items():
        if arrays[key].shape != shape or arrays[key].dtype != np.dtype(kind):
            raise DataError(f"{where}: does not match {key}.npy; delete the folder")
    return index, arrays


def open_array(folder: Path, key: str) -> Array:
    """One of a bank's arrays, memory-mapped."""
    try:
        return cast(Array, np.load(folder / f"{key}.npy", mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{folder}/{key}.npy: not readable; delete the folder") from error


def open_images(folder: Path) -> Bank:
    """A bank of images, with the masks or points that were written.

    Raises:
        DataError: the folder holds no readable bank of images.
    """
    index, arrays = open_bank(folder)
    if "images" not in arrays:
        raise DataError(f"{folder}: holds no images; delete the folder")
    return Bank(
        name=index["name"],
        images=arrays["images"],
        ids=tuple(one["id"] for one in index["entries"]),
        fingerprint=index["fingerprint"],
        splits=tuple(one.get("split", "train") for one in index["entries"]),
        left_out=index["left_out"],
        **{key: arrays[key] for key in ("masks", "points") if key in arrays},
    )


def image_rows(shape: tuple[int, int, int], *, masks: bool = False, points: bool = False) -> Rows:
    """What a bank of images (C, H, W) holds."""
    found: dict[str, tuple[str, tuple[int, ...]]] = {"images": ("uint8", shape)}
    if masks:
        found["masks"] = ("uint8", shape[1:])
    if points:
        found["points"] = ("float64", (2,))
    return found

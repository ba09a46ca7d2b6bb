"""The image bank: images decoded once into a memory-mapped uint8 array plus an index."""

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import numpy as np

from ldl.errors import DataError

Array = np.ndarray
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class ImageBank:
    """Unlabelled images: ``images`` (N, C, H, W) uint8 in 0..255, one id each, a content hash."""

    name: str
    images: Array
    ids: tuple[str, ...]
    fingerprint: str


@dataclass(frozen=True)
class TaskBank:
    """Labelled images: ``images`` (N, C, H, W) uint8, ``masks`` (N, H, W) uint8 in {0, 1}."""

    name: str
    images: Array
    masks: Array
    ids: tuple[str, ...]
    splits: tuple[str, ...]
    fingerprint: str

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
    digest.update("\n".join(labels).encode())
    return digest.hexdigest()


class BankWriter:
    """Fill a bank image by image; the folder appears whole on leaving, or not at all.

    Args:
        folder: where the bank will stand; replaced if it exists.
        name: what the bank is called in records.
        count: number of images that will be added.
        shape: (C, H, W) of each image.
        masks: whether each image comes with a mask.
    """

    def __init__(
        self, folder: Path, name: str, count: int, shape: tuple[int, int, int], masks: bool = False
    ) -> None:
        self.folder, self.name, self.count = folder, name, count
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        self._images = np.lib.format.open_memmap(
            self._work / "images.npy", mode="w+", dtype=np.uint8, shape=(count, *shape)
        )
        self._masks = (
            np.lib.format.open_memmap(
                self._work / "masks.npy", mode="w+", dtype=np.uint8, shape=(count, *shape[1:])
            )
            if masks
            else None
        )
        self._ids: list[str] = []
        self._known: dict[str, str] = {}
        self._splits: list[str] = []

    def add(self, id: str, image: Array, mask: Array | None = None, split: str = "train") -> None:
        """Append one image (C, H, W) uint8 and, in a task bank, its mask (H, W) uint8 in {0, 1}.

        Raises:
            DataError: duplicate id (in another split too), more images than announced, wrong
                shape or type, unknown split, or a mask with other values.
        """
        row = len(self._ids)
        if id in self._known:
            where = f"{self._known[id]} and {split}"
            raise DataError(
                f"{self.name}: duplicate id {id!r} ({where}); every image needs its own"
            )
        if row == self.count:
            raise DataError(f"{self.name}: {id} is image {row + 1} of {self.count} announced")
        if image.shape != self._images.shape[1:] or image.dtype != np.uint8:
            raise DataError(
                f"{self.name}: {id} is {image.dtype} {image.shape}, "
                f"expected uint8 {self._images.shape[1:]}"
            )
        if split not in SPLITS:
            raise DataError(f"{self.name}: {id} has split {split!r}, expected one of {SPLITS}")
        self._images[row] = image
        if self._masks is not None:
            if mask is None or mask.shape != image.shape[1:] or not np.isin(mask, (0, 1)).all():
                raise DataError(f"{self.name}: {id} needs a mask {image.shape[1:]} of 0 and 1")
            self._masks[row] = mask
        self._known[id] = split
        self._ids.append(id)
        self._splits.append(split)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            shutil.rmtree(self._work, ignore_errors=True)

    def _finish(self) -> None:
        if len(self._ids) != self.count:
            raise DataError(f"{self.name}: {len(self._ids)} images written, {self.count} announced")
        fingerprint = content_fingerprint(self._images, self._masks, *self._ids, *self._splits)
        self._images.flush()
        if self._masks is not None:
            self._masks.flush()
        index = {
            "name": self.name,
            "fingerprint": fingerprint,
            "ids": self._ids,
            "splits": self._splits,
        }
        (self._work / "index.json").write_text(json.dumps(index, indent=1))
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self._work.rename(self.folder)


def _open(folder: Path, name: str) -> Array:
    try:
        return cast(Array, np.load(folder / name, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{folder / name}: not a readable bank; prepare it again") from error


def _index(folder: Path, *arrays: Array) -> dict[str, list[str]]:
    """The index, checked against the arrays it belongs to."""
    where = f"{folder}/index.json"
    try:
        index = json.loads((folder / "index.json").read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise DataError(f"{where}: not readable; prepare the bank again") from error
    if not isinstance(index, dict) or not {"name", "fingerprint", "ids", "splits"} <= set(index):
        raise DataError(f"{where}: not the index of a bank; prepare the bank again")
    lengths = {len(index["ids"]), len(index["splits"]), *map(len, arrays)}
    if len(lengths) > 1:
        raise DataError(f"{where}: does not match its arrays; prepare the bank again")
    return cast(dict[str, list[str]], index)


def open_image_bank(folder: Path) -> ImageBank:
    """Open a written image bank, memory-mapped.

    Raises:
        DataError: the folder holds no readable bank.
    """
    images = _open(folder, "images.npy")
    index = _index(folder, images)
    return ImageBank(
        str(index["name"]),
        images,
        tuple(index["ids"]),
        str(index["fingerprint"]),
    )


def open_task_bank(folder: Path) -> TaskBank:
    """Open a written task bank, memory-mapped.

    Raises:
        DataError: the folder holds no readable bank.
    """
    images, masks = _open(folder, "images.npy"), _open(folder, "masks.npy")
    index = _index(folder, images, masks)
    return TaskBank(
        str(index["name"]),
        images,
        masks,
        tuple(index["ids"]),
        tuple(index["splits"]),
        str(index["fingerprint"]),
    )

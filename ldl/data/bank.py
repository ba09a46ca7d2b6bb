"""The bank: files decoded once into memory-mapped arrays, and an index of what they show.

A bank is a folder: one ``.npy`` for each array (images, and beside them whatever belongs to an
image: masks, points, labels, regions) and ``index.json``. Its rows are images or slices; an entry
owns one row (an image) or a run of them (a volume). `made` makes it once: content decides the
folder's name, one process writes while others wait, and a killed one goes on where it was.
"""

import hashlib
import io
import json
import logging
import re
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
from filelock import FileLock
from tqdm.auto import tqdm

from ldl import paths
from ldl.errors import DataError, LdlError

LOG = logging.getLogger("ldl")
Array = np.ndarray
SPLITS = ("train", "validation", "test")
FORMAT = 2  # raise when the folder's files change: banks of another format are made again
LEAVE_OUT = "--leave-out"
SHOWN = 40  # faults in one message
Rows = Mapping[str, tuple[str, tuple[int, ...]]]  # array -> type and shape of one of its rows
Row = Mapping[str, Array]
Entry = tuple[str, Iterable[Row], dict[str, Any]]  # id, its rows, facts for the index
Fingerprint = Callable[[dict[str, Array], list[dict[str, Any]]], str]
Item = TypeVar("Item")


@dataclass(frozen=True)
class Bank:
    """Images, and what belongs to each; memory-mapped.

    ``masks`` are 0 or 1; with several classes bit k says whether a pixel is of class k.
    """

    name: str
    images: Array  # (N, C, H, W) uint8 in 0..255
    ids: tuple[str, ...]
    fingerprint: str  # sha256 of the content
    splits: tuple[str, ...] = ()  # "train", "validation" or "test", in the authors' order
    masks: Array = field(default_factory=lambda: np.empty((0, 0, 0), np.uint8))  # (N, H, W) uint8
    points: Array = field(default_factory=lambda: np.empty((0, 2)))  # (N, 2) float64, row, column
    left_out: Mapping[str, str] = field(default_factory=dict)  # what was not used, and why

    @property
    def key(self) -> str:
        """Of a bank in the cache: the end of its folder's name, see `bank_in_cache`."""
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

    ``stamp`` (json-able) is everything that the content depends on and decides the folder's name,
    which begins with ``label``; ``write`` fills the folder, while other processes wait.
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


def bank_in_cache(key: str) -> Path:
    """The folder whose name ends in that key, see `Bank.key`."""
    place = paths.cache_dir() / "banks"
    if found := sorted(place.glob(f"*-{key}")):
        return found[0]
    raise DataError(
        f"{place}: your images {key} are gone; call the command again with their folder"
    )


def _whole(folder: Path) -> bool:
    try:
        return (folder / "index.json").is_file() and bool(open_bank(folder))
    except LdlError as error:
        LOG.warning("%s; it is made again", error)
        return False


def open_bank(folder: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """The index and the arrays, memory-mapped, of a written bank."""
    path, arrays = folder / "index.json", {}
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        rows, count = index["rows"], sum(one["count"] for one in index["entries"])
        _ = index["name"], index["fingerprint"], index["left_out"]
        for key in rows:
            path = folder / f"{key}.npy"
            arrays[key] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
        raise DataError(f"{path}: damaged, no part of a bank; delete the folder") from error
    for key, (kind, shape) in rows.items():
        if arrays[key].shape != (count, *shape) or arrays[key].dtype != np.dtype(kind):
            raise DataError(f"{folder}/index.json: does not match {key}.npy; delete the folder")
    return index, arrays


def open_images(folder: Path) -> Bank:
    """A bank of images, with the masks or points that were written."""
    index, arrays = open_bank(folder)
    if "images" not in arrays:
        raise DataError(f"{folder}: holds no images; delete the folder")
    return Bank(
        name=index["name"],
        ids=tuple(one["id"] for one in index["entries"]),
        fingerprint=index["fingerprint"],
        splits=tuple(one.get("split", "train") for one in index["entries"]),
        left_out=index["left_out"],
        **{key: arrays[key] for key in ("images", "masks", "points") if key in arrays},
    )


def image_rows(shape: tuple[int, ...], *, masks: bool = False, points: bool = False) -> Rows:
    """What a bank of images (C, H, W) holds."""
    found: dict[str, tuple[str, tuple[int, ...]]] = {"images": ("uint8", shape)}
    if masks:
        found["masks"] = ("uint8", shape[1:])
    if points:
        found["points"] = ("float64", (2,))
    return found


class BankWriter:
    """Fill a bank; its folder appears whole on leaving, or not at all.

    Every finished entry is kept beside the folder (``.<name>.part``). A writer of the same folder
    finds what one that was killed or interrupted has done, and goes on from there.

    Args:
        folder: where the bank will stand; replaced if it exists.
        count: number of rows, where it is known: the disk must have room for them.
        keep: keep what is done after an error too.

    Attributes:
        entries: those written, ``{"id", "first", "count", ...}``; those kept are there at once.
        left_out: what could not be used, and why; kept likewise.
        facts: json-able, goes into the index as it is.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        rows: Rows,
        *,
        count: int | None = None,
        fingerprint: Fingerprint = image_fingerprint,
        keep: bool = False,
    ) -> None:
        self.folder, self.name, self.rows, self.count = folder, name, rows, count
        self.entries: list[dict[str, Any]] = []
        self.left_out: dict[str, str] = {}
        self.facts: dict[str, Any] = {}
        self._ids: dict[str, str] = {}
        self._fingerprint, self._keep = fingerprint, keep
        self._work = folder.with_name(f".{folder.name}.part")
        with paths.told(folder.parent):
            for line in self._kept():
                self._note(line)
            left = max((count or 0) - self.done, 0)
            needed = sum(self._place(key, left) for key in rows)
            if count and needed > (free := paths.free_bytes(self._work)):
                self._drop()
                raise DataError(
                    f"{folder.parent}: {name} takes {needed:,} bytes and {free:,} are free; make "
                    "room, or let LDL_CACHE name a folder on another disk"
                )
            # Written, not mapped: a full disk is then an error that can be told, not a signal.
            files = {key: self._work / f"{key}.npy" for key in rows}
            self._files = {k: f.open("rb+" if f.exists() else "wb+") for k, f in files.items()}
            self._journal = (self._work / "entries.jsonl").open("a", encoding="utf-8")

    @property
    def done(self) -> int:
        """How many entries were written or left out."""
        return len(self.entries) + len(self.left_out)

    @property
    def _written(self) -> int:
        return self.entries[-1]["first"] + self.entries[-1]["count"] if self.entries else 0

    def leave_out(self, id: str, why: str) -> None:
        """Go on without one that was announced, and say so in the index."""
        with paths.told(self.folder.parent):
            self._write_down({"id": id, "why": why})

    def add(self, id: str, rows: Iterable[Row], **facts: Any) -> None:
        """Append one entry, row by row: one row of an image, many of a volume.

        Each maps the arrays' names to (shape of a row); ``facts`` (json-able) are kept in
        the entry. What is refused leaves the bank as it was before.
        """
        twin = self._ids.get(id)
        if twin is not None:
            sides = f" ({twin} and {facts['split']})" if twin and "split" in facts else ""
            raise DataError(f"{self.name}: duplicate id {id!r}{sides}; every image needs its own")
        if (split := facts.get("split", "train")) not in SPLITS:
            raise DataError(f"{self.name}: {id} has split {split!r}, expected one of {SPLITS}")
        first, count = self._written, 0
        with paths.told(self.folder.parent):
            for key, file in self._files.items():
                file.seek(self._place(key, first))
            for row in rows:
                if first + count == self.count:
                    raise DataError(
                        f"{self.name}: {id} is image {first + count + 1} of {self.count} announced"
                    )
                self._check(id, row)
                for key, file in self._files.items():
                    file.write(np.ascontiguousarray(row[key]).tobytes())
                count += 1
            for file in self._files.values():
                file.flush()
            self._write_down({"id": id, "first": first, "count": count, **facts})

    def _check(self, id: str, row: Row) -> None:
        for key, (kind, shape) in self.rows.items():
            found = row.get(key)
            if found is None or found.shape != tuple(shape) or found.dtype != np.dtype(kind):
                shown = "nothing" if found is None else f"{found.dtype} {found.shape}"
                raise DataError(
                    f"{self.name}: {key} of {id}: {shown} where {kind} {tuple(shape)} belongs"
                )
        if extra := sorted(set(row) - set(self.rows)):
            raise DataError(f"{self.name}: {extra[0]} of {id} in a bank without {extra[0]}")

    def _write_down(self, line: dict[str, Any]) -> None:
        self._journal.write(json.dumps(line) + "\n")
        self._journal.flush()
        self._note(line)

    def _note(self, line: dict[str, Any]) -> None:
        if "why" in line:
            self.left_out[line["id"]] = line["why"]
            self.count = None if self.count is None else self.count - 1
        else:
            self.entries.append(line)
            self._ids[line["id"]] = line.get("split", "")

    def _kept(self) -> list[dict[str, Any]]:
        """What an earlier writer finished; the folder is made anew where nothing of it fits."""
        journal, head = self._work / "entries.jsonl", json.dumps([FORMAT, self.name, self.rows])
        try:
            first, *lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
            whole = [line for line in lines if line.endswith("\n")]  # the last may be cut
            found = [json.loads(line) for line in whole]
            count = sum(one.get("count", 0) for one in found)
            sizes = {key: (self._work / f"{key}.npy").stat().st_size for key in self.rows}
            fits = first == head + "\n" and all(
                n >= self._place(k, count) for k, n in sizes.items()
            )
        except (OSError, ValueError, KeyError, TypeError):
            fits = False
        if not fits or (self.count is not None and len(found) > self.count):
            self._drop()
            self._work.mkdir(parents=True)
            found, whole = [], []
        journal.write_text("".join([head + "\n", *whole]), encoding="utf-8")
        return found

    def _place(self, key: str, row: int) -> int:
        """Where a row begins in its file."""
        kind, shape = self.rows[key]
        return len(self._head(key, 0)) + row * np.dtype(kind).itemsize * int(np.prod(shape))

    def _head(self, key: str, count: int) -> bytes:
        """Of an ``.npy`` file; numpy pads it so that it has one length for any count."""
        kind, shape = self.rows[key]
        head, descr = io.BytesIO(), np.lib.format.dtype_to_descr(np.dtype(kind))
        told = {"descr": descr, "fortran_order": False, "shape": (count, *shape)}
        np.lib.format.write_array_header_1_0(head, told)
        return head.getvalue()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        try:
            with paths.told(self.folder.parent), self._journal:
                for key, file in self._files.items():
                    with file:
                        file.seek(0)
                        file.write(self._head(key, self._written))
                        file.truncate(self._place(key, self._written))
                if kind is None:
                    self._finish()
        except BaseException:
            self._drop()
            raise
        if kind is not None and issubclass(kind, Exception) and not self._keep:
            self._drop()

    def _drop(self) -> None:
        shutil.rmtree(self._work, ignore_errors=True)

    def _finish(self) -> None:
        if self.count is not None and self._written != self.count:
            raise DataError(f"{self.name}: {self._written} images written, {self.count} announced")
        if not self.entries:
            raise DataError(f"{self.name}: nothing usable; no bank was written")
        arrays = {
            key: np.load(self._work / f"{key}.npy", mmap_mode="r", allow_pickle=False)
            for key in self.rows
        }
        index = {
            **self.facts,
            "left_out": self.left_out | self.facts.get("left_out", {}),
            "name": self.name,
            "fingerprint": self._fingerprint(arrays, self.entries),
            "rows": self.rows,
            "entries": self.entries,
        }
        (self._work / "index.json").write_text(json.dumps(index, indent=1), encoding="utf-8")
        (self._work / "entries.jsonl").unlink()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._work.rename(self.folder)


def bank_of(
    label: str,
    stamp: Sequence[object],
    name: str,
    rows: Rows,
    items: Callable[[], Mapping[str, Item]],
    entries: Callable[[BankWriter, str, Item], Iterable[Entry]],
    *,
    facts: Mapping[str, Any] | None = None,
    fingerprint: Fingerprint = image_fingerprint,
    check: Callable[[BankWriter], object] = lambda writer: None,
    counted: bool = True,
    unit: str = "image",
    leave_out: bool | None = None,
    progress: bool = False,
) -> Path:
    """The folder of a bank of many items, made once for a content; see `made` and `BankWriter`.

    Args:
        items: name -> item; asked for only when the bank is not there yet, and may fill ``facts``.
        entries: those of one item, usually one under the item's name. They are asked for anew for
            an item that was not finished; what is there of it already is not written twice.
        facts: json-able, for the index.
        check: looks at what was written, before it counts.
        counted: every item is one row.
        leave_out: go on without items that cannot be used, each named; False: all of them are named
            in one error; None: the first is the error, since the caller offers no going on.
    """

    def write(folder: Path) -> None:
        found, faults = items(), list[str]()
        count = len(found) if counted else None
        with BankWriter(folder, name, rows, count=count, fingerprint=fingerprint) as writer:
            writer.facts |= facts or {}
            known = {one["id"] for one in writer.entries}
            left = {k: v for k, v in found.items() if k not in known and k not in writer.left_out}
            for key, item in tqdm(left.items(), desc=name, unit=unit, disable=not progress):
                try:
                    for id, held, more in entries(writer, key, item):
                        if faults:  # no bank comes of it: only looked at, for further ones
                            deque(held, maxlen=0)
                        elif id not in known:
                            writer.add(id, held, **more)
                except DataError as error:
                    if leave_out is None:
                        raise
                    if leave_out:
                        LOG.warning("%s: left out, %s", key, error)
                        writer.leave_out(key, str(error))
                    else:
                        faults.append(str(error))
            refuse(faults, len(found))
            check(writer)

    return made(label, stamp, write)


def refuse(faults: Sequence[str], of: int) -> None:
    """Raise what is wrong with some of many files: a single fault as it is, several in a list."""
    if len(faults) == 1:
        raise DataError(f"{faults[0]} ({LEAVE_OUT} goes on without it)")
    if faults:
        more = [f"... and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        head = f"{len(faults)} of {of} files cannot be used; {LEAVE_OUT} goes on without them:"
        raise DataError("\n  ".join([head, *faults[:SHOWN], *more]))


def refuse_twins(
    where: object, rows: Iterable[tuple[str, str, object]], what: str, who: str
) -> None:
    """Insist that the same ``what`` is not in test and elsewhere: it would be the same ``who``.

    ``rows`` are id, split and content of each; ``where`` is named in the DataError.
    """
    seen: dict[object, tuple[str, str]] = {}
    for id, split, content in rows:
        twin, side = seen.setdefault(content, (id, split))
        if (side == "test") != (split == "test"):
            raise DataError(
                f"{where}: {twin} ({side}) and {id} ({split}) are the same {what}; the same {who} "
                "must not be in train and test"
            )

"""Writing a bank: entry after entry, kept over a kill, whole in the end or not there."""

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar

import numpy as np
from tqdm.auto import tqdm

from ldl import paths
from ldl.data.bank import FORMAT, SPLITS, Fingerprint, Rows, image_fingerprint, open_array
from ldl.errors import DataError

LOG = logging.getLogger("ldl")
Array = np.ndarray
LEAVE_OUT = "--leave-out (of pretrain, localize, data prepare)"
SHOWN = 40  # faults in one message
Item = TypeVar("Item")


class BankWriter:
    """Fill a bank; its folder appears whole on leaving, or not at all.

    Every finished entry is kept beside the folder (``.<name>.part``). A writer of the same folder
    finds what one that was killed or interrupted has done, and goes on from there.

    Args:
        folder: where the bank will stand; replaced if it exists.
        name: what the bank is called in records.
        rows: type and shape of a row of each array.
        count: number of rows, where it is known: room for them is reserved at once.
        fingerprint: of the finished arrays and entries.
        keep: keep what is done after an error too.

    Attributes:
        entries: those written, ``{"id", "first", "count", ...}``; those kept are there at once.
        left_out: what could not be used, and why; kept likewise.
        facts: json-able, goes into the index as it is.
        most: largest value of a mask; with K classes, bit k of a pixel says whether it is of class
            k, and it is 2^K - 1.

    Raises:
        DataError: no room, or the folder cannot be written.
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
        self._known: dict[str, dict[str, Any]] = {}
        self._written = 0
        self.most = 1
        self.entries: list[dict[str, Any]] = []
        self.left_out: dict[str, str] = {}
        self.facts: dict[str, Any] = {}
        self._fingerprint, self._keep = fingerprint, keep
        self._work = folder.with_name(f".{folder.name}.part")
        with paths.told(folder.parent):
            for line in self._kept():
                self._note(line)
            self._files = {key: _Rows(self._work / f"{key}.npy", *rows[key]) for key in rows}
            self._journal = (self._work / "entries.jsonl").open("a", encoding="utf-8")
            self._reserve()

    @property
    def done(self) -> int:
        """How many entries were written or left out."""
        return len(self.entries) + len(self.left_out)

    def _note(self, line: dict[str, Any]) -> None:
        if "why" in line:
            self.left_out[line["id"]] = line["why"]
            self.count = None if self.count is None else self.count - 1
        else:
            self.entries.append(line)
            self._known[line["id"]] = line
            self._written += line["count"]

    def _kept(self) -> list[dict[str, Any]]:
        """What an earlier writer finished; the folder is made anew where nothing of it fits."""
        journal, head = self._work / "entries.jsonl", json.dumps([FORMAT, self.name, self.rows])
        try:
            first, *lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
            whole = [line for line in lines if line.endswith("\n")]  # the last may be cut
            found = [json.loads(line) for line in whole]
            fits = first == head + "\n" and self._holds(found)
        except (OSError, ValueError, KeyError, TypeError):
            fits = False
        if not fits:
            shutil.rmtree(self._work, ignore_errors=True)
            self._work.mkdir(parents=True)
            found, whole = [], []
        journal.write_text("".join([head + "\n", *whole]), encoding="utf-8")
        return found

    def _holds(self, found: list[dict[str, Any]]) -> bool:
        """Whether the arrays have the rows that were written down."""
        count = sum(one.get("count", 0) for one in found)
        sizes = [(self._work / f"{key}.npy").stat().st_size for key in self.rows]
        least = [np.dtype(kind).itemsize * int(np.prod(s)) for kind, s in self.rows.values()]
        fits = all(size >= count * row for size, row in zip(sizes, least, strict=True))
        return fits and (self.count is None or len(found) <= self.count)

    def _write_down(self, line: dict[str, Any]) -> None:
        self._journal.write(json.dumps(line) + "\n")
        self._journal.flush()
        self._note(line)

    def leave_out(self, id: str, why: str) -> None:
        """Go on without one that was announced, and say so in the index."""
        with paths.told(self.folder.parent):
            self._write_down({"id": id, "why": why})

    def _reserve(self) -> None:
        if self.count is None:
            return
        sizes = {file: file.bytes_of(self.count) for file in self._files.values()}
        needed, free = sum(sizes.values()), paths.free_bytes(self._work)
        there = sum(file.path.stat().st_size for file in sizes)
        if needed - there > free:
            self._drop()
            raise DataError(
                f"{self.folder.parent}: {self.name} takes {needed:,} bytes and {free:,} are free; "
                "make room, or let LDL_CACHE name a folder on another disk"
            )
        for file, size in sizes.items():
            file.reserve(size)

    def add(self, id: str, rows: Iterable[Mapping[str, Array]], **facts: Any) -> None:
        """Append one entry, row by row; each maps the arrays' names to (shape of a row).

        Args:
            id: its name, once in a bank.
            rows: one of an image, many of a volume.
            facts: json-able, kept in its entry.

        Raises:
            DataError: duplicate id, more rows than announced, another shape or type, unknown
                split, or a mask with other values than 0 and 1. The bank is then as it was before.
        """
        if id in self._known:
            where = (
                f" ({self._known[id]['split']} and {facts['split']})" if "split" in facts else ""
            )
            raise DataError(f"{self.name}: duplicate id {id!r}{where}; every image needs its own")
        if facts.get("split", "train") not in SPLITS:
            raise DataError(
                f"{self.name}: {id} has split {facts['split']!r}, expected one of {SPLITS}"
            )
        first, count = self._written, 0
        for file in self._files.values():
            file.seek(first)
        with paths.told(self.folder.parent):
            for row in rows:
                if self.count is not None and first + count == self.count:
                    raise DataError(
                        f"{self.name}: {id} is image {first + count + 1} of {self.count} announced"
                    )
                self._check(id, row)
                for key, file in self._files.items():
                    file.add(row[key])
                count += 1
            for file in self._files.values():
                file.flush()
            self._write_down({"id": id, "first": first, "count": count, **facts})

    def _check(self, id: str, row: Mapping[str, Array]) -> None:
        for key, (kind, shape) in self.rows.items():
            found = row.get(key)
            if found is None or found.shape != tuple(shape) or found.dtype != np.dtype(kind):
                shown = "nothing" if found is None else f"{found.dtype} {found.shape}"
                raise DataError(
                    f"{self.name}: {key} of {id}: {shown} where {kind} {tuple(shape)} belongs"
                )
        if set(row) - set(self.rows):
            extra = sorted(set(row) - set(self.rows))[0]
            raise DataError(f"{self.name}: {extra} of {id} in a bank without {extra}")
        if "masks" in row and row["masks"].max(initial=0) > self.most:
            raise DataError(f"{self.name}: {id} needs a mask of 0 and {self.most}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        interrupted = kind is not None and not issubclass(kind, Exception)
        try:
            with paths.told(self.folder.parent):
                self._close()
                if kind is None:
                    self._finish()
        except BaseException:
            self._drop()
            raise
        if kind is not None and not interrupted and not self._keep:
            self._drop()

    def _close(self) -> None:
        for file in self._files.values():
            file.close(self._written)
        self._journal.close()

    def _drop(self) -> None:
        shutil.rmtree(self._work, ignore_errors=True)

    def _finish(self) -> None:
        if self.count is not None and self._written != self.count:
            raise DataError(f"{self.name}: {self._written} images written, {self.count} announced")
        if not self.entries:
            raise DataError(f"{self.name}: nothing usable; no bank was written")
        arrays = {key: open_array(self._work, key) for key in self.rows}
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


class _Rows:
    """An ``.npy`` file that is written row by row; its length is told at the end.

    numpy pads the header so that it may be written again with another length. Rows are written,
    not mapped: a full disk is then an error that can be told, not a signal that ends the process.
    """

    def __init__(self, path: Path, kind: str, shape: tuple[int, ...]) -> None:
        self.path, self.kind, self.shape = path, np.dtype(kind), tuple(shape)
        self._file: BinaryIO = path.open("rb+" if path.exists() else "wb+")
        self._head(0)
        self._start = self._file.tell()
        self._row = self.kind.itemsize * int(np.prod(self.shape))

    def _head(self, count: int) -> None:
        self._file.seek(0)
        descr = np.lib.format.dtype_to_descr(self.kind)
        header = {"descr": descr, "fortran_order": False, "shape": (count, *self.shape)}
        np.lib.format.write_array_header_1_0(self._file, header)

    def bytes_of(self, count: int) -> int:
        """Size of the file with so many rows."""
        return self._start + count * self._row

    def reserve(self, size: int) -> None:
        """Take the disk's room now."""
        if hasattr(os, "posix_fallocate"):  # not on macOS
            os.posix_fallocate(self._file.fileno(), 0, size)

    def seek(self, row: int) -> None:
        """Write here next."""
        self._file.seek(self.bytes_of(row))

    def add(self, row: Array) -> None:
        """Write one row."""
        self._file.write(np.ascontiguousarray(row).tobytes())

    def flush(self) -> None:
        """Let what was written reach the file."""
        self._file.flush()

    def close(self, count: int) -> None:
        """Cut after so many rows and write the length."""
        with self._file:
            self._head(count)
            self._file.flush()
            self._file.truncate(self.bytes_of(count))


def fill(
    writer: BankWriter,
    items: Sequence[Item],
    load: Callable[[Item], tuple[str, Mapping[str, Array], dict[str, Any]]],
    *,
    leave_out: bool = False,
    progress: bool = False,
) -> None:
    """Write one row for each item that is not written yet, and name every one that cannot be used.

    Args:
        writer: of the bank.
        items: what to read, in order; ``str`` of one names it.
        load: id, row and facts of one.
        leave_out: go on without those that cannot be used, instead of writing no bank.
        progress: show a bar.

    Raises:
        DataError: items that cannot be used, all of them in one message.
    """
    faults: list[str] = []
    left = items[writer.done :]
    for one in tqdm(left, desc=writer.name, unit="image", disable=not progress):
        try:
            id, row, facts = load(one)
            if not faults:
                writer.add(id, [row], **facts)
        except DataError as error:
            if leave_out:
                LOG.warning("%s: left out, %s", one, error)
                writer.leave_out(str(one), str(error))
            else:
                faults.append(str(error))
    refuse(faults, len(items))


def refuse(faults: Sequence[str], of: int) -> None:
    """Raise what is wrong with some of many files: a single fault as it is, several in a list.

    Raises:
        DataError: there are faults.
    """
    if len(faults) == 1:
        raise DataError(f"{faults[0]} ({LEAVE_OUT} goes on without it)")
    if faults:
        more = [f"... and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        head = f"{len(faults)} of {of} files cannot be used; {LEAVE_OUT} goes on without them:"
        raise DataError("\n  ".join([head, *faults[:SHOWN], *more]))

"""A folder of answers: a csv and files that it names, put in place when whole."""

import csv
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from ldl import paths
from ldl.data.readers.raster import SUFFIXES
from ldl.errors import LdlError


class Outputs:
    """What a command writes into a folder; earlier answers of the same command are replaced there.

    Args:
        command: its name.
        folder: where the answers will stand.
        table: name of the csv.
        columns: its head.
        files: names of all that will be written beside it.
        inputs: files that are read.
        named: columns that hold names of such files; ``also`` names others that always are there.

    Raises:
        LdlError: an answer would replace one of the inputs or a file that is not ours; nothing was
            written then.
    """

    def __init__(
        self,
        command: str,
        folder: Path,
        table: str,
        columns: Sequence[str],
        files: Sequence[str],
        inputs: Sequence[Path],
        *,
        named: Sequence[str],
        also: Sequence[str] = (),
    ) -> None:
        self.folder, self.table, self.columns = folder, table, tuple(columns)
        if folder.exists() and not folder.is_dir():
            raise LdlError(f"--output {folder} is a file; name a folder")
        ours = self._ours(named, also)
        for name in (table, *also, *files):
            target = folder / name
            taken = os.path.lexists(target) and (name not in ours or _same(target, *inputs))
            if taken:
                raise LdlError(
                    f"--output {folder}: {paths.shown(target)} would be replaced, which `ldl "
                    f"{command}` did not write; name another folder"
                )

    def _ours(self, named: Sequence[str], also: Sequence[str]) -> set[str]:
        """What an earlier call wrote there, by its csv."""
        try:
            with (self.folder / self.table).open(newline="", encoding="utf-8") as stream:
                rows = list(csv.DictReader(stream))
                head = tuple(rows[0]) if rows else ()
        except (OSError, UnicodeDecodeError, csv.Error):
            return set()
        if head != self.columns:
            return set()
        return {self.table, *also, *(row[column] for row in rows for column in named)}

    @contextmanager
    def open(self) -> Iterator[Self]:
        """Write in a folder beside; on an error nothing of it stays."""
        new = not self.folder.exists()
        paths.writable(self.folder)
        self.work = Path(tempfile.mkdtemp(prefix=".answers-", dir=self.folder))
        try:
            with (
                paths.told(self.folder, ""),
                (self.work / self.table).open(
                    "w", newline="", encoding="utf-8", errors="backslashreplace"
                ) as stream,
            ):
                self._csv = csv.writer(stream)
                self._csv.writerow(self.columns)
                yield self
            with paths.told(self.folder, ""):
                for one in sorted(self.work.iterdir(), key=lambda path: path.name == self.table):
                    os.replace(one, self.folder / one.name)
        finally:
            shutil.rmtree(self.work, ignore_errors=True)
            if new and not any(self.folder.iterdir()):
                self.folder.rmdir()

    def row(self, *values: object) -> None:
        """A line of the csv."""
        self._csv.writerow([str(one) for one in values])


def refuse_among(output: Path, *inputs: Path) -> None:
    """What is written among one's images would be taken for some of them the next time.

    Raises:
        LdlError: the output lies in one of the folders that are read.
    """
    place = output.resolve()
    for folder in inputs:
        if folder.is_dir() and folder.resolve() in (place, *place.parents):
            raise LdlError(f"{output}: lies among your images in {folder}; name another folder")


def plain_name(path: Path) -> str:
    """The file's name without the suffix of an image; other dots belong to the name."""
    name = path.name.removesuffix(".gz") if path.name.lower().endswith(".nii.gz") else path.name
    known = Path(name).suffix.lower() in (*SUFFIXES, ".dcm", ".img", ".gz", ".nii")
    return Path(name).stem if known else name


def free(name: str, taken: set[str], *endings: str) -> str:
    """``name``, or with the first free number; names that differ in case alone are equal.

    Args:
        name: without suffix.
        taken: files so far; those of the answer are added.
        endings: of the files that will be called so.
    """
    number, found = 1, name
    while any((found + one).lower() in taken for one in endings):
        number += 1
        found = f"{name}-{number}"
    taken |= {(found + one).lower() for one in endings}
    return found


def _same(target: Path, *inputs: Path) -> bool:
    return any(one.exists() and target.exists() and target.samefile(one) for one in inputs)

"""What is written: put in place when whole, and never over a file of somebody else."""

import csv
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from ldl import paths
from ldl.data.readers.image import SUFFIXES
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
        refuse_file(folder)
        ours = self._ours(named, also)
        refuse_foreign(
            folder,
            [folder / name for name in (table, *also, *files)],
            lambda path: path.name in ours and not _same(path, *inputs),
            f"ldl {command}",
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
        with (
            beside_first(self.folder, self.table) as self.work,
            (self.work / self.table).open(
                "w", newline="", encoding="utf-8", errors="backslashreplace"
            ) as stream,
        ):
            self._csv = csv.writer(stream)
            self._csv.writerow(self.columns)
            yield self

    def row(self, *values: object) -> None:
        """A line of the csv."""
        self._csv.writerow([str(one) for one in values])


@contextmanager
def beside_first(folder: Path, last: str) -> Iterator[Path]:
    """A folder to write into, whose files are then moved to ``folder``; on an error none is.

    Args:
        folder: is made if it is missing.
        last: the file by which a later call knows the others.
    """
    new = not folder.exists()
    paths.writable(folder)
    work = Path(tempfile.mkdtemp(prefix=".answers-", dir=folder))
    try:
        with paths.told(folder, ""):
            yield work
            for one in sorted(work.iterdir(), key=lambda path: path.name == last):
                os.replace(one, folder / one.name)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        if new and not any(folder.iterdir()):
            folder.rmdir()


def put(folder: Path, content: Mapping[str, bytes]) -> None:
    """Write files by name, all or none, the last one last."""
    with beside_first(folder, [*content][-1]) as work:
        for name, raw in content.items():
            (work / name).write_bytes(raw)


def refuse_file(folder: Path) -> None:
    """Insist on a folder."""
    if folder.exists() and not folder.is_dir():
        raise LdlError(f"--output {folder} is a file; name a folder")


def refuse_foreign(
    output: Path, targets: Iterable[Path], ours: Callable[[Path], bool], command: str
) -> None:
    """Look at what would be replaced, before the work."""
    for path in targets:
        if os.path.lexists(path) and not ours(path):
            raise LdlError(
                f"--output {output}: {paths.shown(path)} would be replaced, which `{command}` did "
                f"not write; name another {'file' if output.suffix else 'folder'}"
            )


def refuse_among(output: Path, *inputs: Path) -> None:
    """What is written among one's images would be taken for some of them the next time."""
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

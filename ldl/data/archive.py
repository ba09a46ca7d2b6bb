"""Unpacking zip and tar archives that others made, without ever leaving the folder.

Every name is checked before the first byte is written: absolute names, drive letters, ``..``,
links and devices are refused. Content goes to a fresh folder first and is moved when complete.
"""

import filecmp
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from ldl.errors import DataError

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def is_archive(path: Path) -> bool:
    """Whether the name says zip or tar."""
    return path.name.lower().endswith(SUFFIXES)


def safe_name(name: str, archive: Path) -> PurePosixPath:
    """A member's name as a relative path.

    Raises:
        DataError: it would lie outside the folder.
    """
    path = PurePosixPath(name)
    if (
        not name
        or "\0" in name
        or "\\" in name
        or path.is_absolute()
        or ".." in path.parts
        or PureWindowsPath(name).drive
    ):
        raise DataError(f"{archive}: member {name!r} would leave its folder; refused, nothing kept")
    return path


class _Zip:
    def __init__(self, path: Path) -> None:
        self.path, self.file = path, zipfile.ZipFile(path)

    def members(self) -> Iterator[tuple[PurePosixPath, int, object]]:
        for info in self.file.infolist():
            name = safe_name(info.filename, self.path)
            mode = info.external_attr >> 16
            if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise DataError(f"{self.path}: member {info.filename!r} is a link or device")
            if not info.is_dir():
                yield name, info.file_size, info

    def open(self, member: object) -> IO[bytes]:
        assert isinstance(member, zipfile.ZipInfo)
        return self.file.open(member)


class _Tar:
    def __init__(self, path: Path) -> None:
        self.path, self.file = path, tarfile.open(path)  # noqa: SIM115, closed by _opened

    def members(self) -> Iterator[tuple[PurePosixPath, int, object]]:
        for info in self.file.getmembers():
            name = safe_name(info.name, self.path)
            if not info.isfile() and not info.isdir():
                raise DataError(f"{self.path}: member {info.name!r} is a link or device; refused")
            if info.isfile():
                yield name, info.size, info

    def open(self, member: object) -> IO[bytes]:
        assert isinstance(member, tarfile.TarInfo)
        stream = self.file.extractfile(member)
        assert stream is not None
        return stream


@contextmanager
def _opened(path: Path) -> Iterator[_Zip | _Tar]:
    reader = _Zip(path) if path.name.lower().endswith(".zip") else _Tar(path)
    try:
        yield reader
    finally:
        reader.file.close()


def unpack(archive: Path, into: Path) -> list[Path]:
    """Unpack a zip or tar into a folder; what lies there already must be the same.

    Returns:
        Paths of the files, relative to ``into``.

    Raises:
        DataError: damaged archive, a member that would leave the folder, no room, or another file
            of a member's name; nothing was put there then.
    """
    into.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".unpack-", dir=into))
    try:
        with _opened(archive) as reader:
            members = list(reader.members())
            _check_room(archive, sum(size for _, size, _ in members), into)
            for name, _, member in members:
                target = work / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with reader.open(member) as source, target.open("wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
        refuse_foreign({work / name: into / name for name, _, _ in members})
        return [_move(work, into, name) for name, _, _ in members]
    except OSError as error:
        raise DataError(f"{archive}: cannot be unpacked into {into} ({error})") from error
    except DataError:
        raise
    except Exception as error:  # each kind of archive raises its own on damage
        reason = str(error).split(":", 1)[0]
        raise DataError(f"{archive}: damaged archive ({reason}); fetch it again") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _check_room(archive: Path, needed: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(f"{archive}: unpacks to {needed:,} bytes, {folder} has {free:,} left")


def refuse_foreign(moves: dict[Path, Path]) -> None:
    """Insist that no file would replace another of the same name.

    Args:
        moves: where each file lies -> where it is to go.

    Raises:
        DataError: some would; all are counted and the first are named.
    """
    other = [
        str(to) for of, to in moves.items()
        if to.exists() and not (to.is_file() and filecmp.cmp(of, to, shallow=False))
    ]  # fmt: skip
    if other:
        more = f" and {len(other) - 3} more" if len(other) > 3 else ""
        raise DataError(
            f"{', '.join(other[:3])}{more}: there already, with another content; move it away and "
            "run the same command again"
        )


def _move(work: Path, into: Path, name: PurePosixPath) -> Path:
    target = into / name
    target.parent.mkdir(parents=True, exist_ok=True)
    # A link that lay there before must not lead the file elsewhere.
    if not target.parent.resolve().is_relative_to(into.resolve()):
        raise DataError(f"{target}: a link in the folder leads outside; remove it")
    os.replace(work / name, target)
    return Path(name)

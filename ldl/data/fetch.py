"""Fetching the original files of a data set: resume, hash, move, unpack.

pooch starts a cut download anew; here the bytes so far stay beside the target in ``<file>.part``,
with the server's version of the file in ``<file>.part.tag``: another version starts anew.

Archives that others made never leave the folder. Every name is checked before the first byte is
written: absolute names, drive letters, ``..``, links and devices are refused. Content goes to a
fresh folder first and is moved when complete.
"""

import filecmp
import logging
import os
import shutil
import stat
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any, NamedTuple

import pooch
import requests
from tqdm import tqdm

from ldl import paths
from ldl.data.manifest import Download, Manifest
from ldl.errors import DataError

CHUNK = 1 << 18
TIMEOUT = (15.0, 60.0)  # seconds to connect, seconds between two bytes
SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


class ResumingDownloader:
    """Callable as pooch wants it: ``downloader(url, output_file, pooch)``.

    The bytes so far are kept in ``part``; after a cut connection it goes on up to ``attempts``
    times, ``wait`` seconds times the attempt later.
    """

    def __init__(
        self, part: Path, *, attempts: int = 5, progress: bool = False, wait: float = 1.0
    ) -> None:
        self.part, self.attempts, self.progress, self.wait = part, attempts, progress, wait
        self.tag = part.with_name(part.name + ".tag")

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        """Download ``url`` into ``output_file``."""
        reason = ""
        for attempt in range(self.attempts):
            time.sleep(self.wait * attempt)
            try:
                self._go_on(url)
            except (requests.RequestException, OSError) as error:
                reason = str(error).replace("\n", " ")[:160]
                continue
            os.replace(self.part, output_file)
            self.tag.unlink(missing_ok=True)
            return
        raise DataError(
            f"{url}: connection lost after {self._size():,} bytes ({reason}); run the same command "
            "again to go on from there"
        )

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _go_on(self, url: str) -> None:
        """Fetch what is missing; returns when the part is complete."""
        headers = {"Accept-Encoding": "identity"}
        have, tag = self._size(), self.tag.read_text() if self.tag.exists() else ""
        if have and tag:
            headers |= {"Range": f"bytes={have}-", "If-Range": tag}
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as reply:
            if reply.status_code == 416:  # nothing lies beyond what is here: another file, or all
                if reply.headers.get("Content-Range", "").endswith(f"/{have}"):
                    return
                self._forget()
                raise requests.ConnectionError("the kept part does not belong to this file")
            if reply.status_code >= 500:
                raise requests.ConnectionError(f"server answers {reply.status_code}")
            if reply.status_code not in (200, 206):
                raise DataError(f"{url}: server answers {reply.status_code} {reply.reason}")
            start = have if reply.status_code == 206 else 0
            if start and not reply.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                self._forget()
                raise requests.ConnectionError("the server sent another part than asked for")
            self._append(reply, start)

    def _append(self, reply: requests.Response, have: int) -> None:
        # A weak tag cannot say whether the bytes are the same; without a tag a cut starts anew.
        tag = reply.headers.get("ETag", "W/")
        tag = reply.headers.get("Last-Modified", "") if tag.startswith("W/") else tag
        self.part.parent.mkdir(parents=True, exist_ok=True)
        self.tag.write_text(tag)
        length = reply.headers.get("Content-Length")
        total = have + int(length) if length else None
        with (
            self.part.open("ab" if have else "wb") as sink,
            tqdm(
                total=total,
                initial=have,
                unit="B",
                unit_scale=True,
                desc=self.part.name.removesuffix(".part"),
                disable=not self.progress,
            ) as bar,
        ):
            for chunk in reply.iter_content(CHUNK):
                sink.write(chunk)
                bar.update(len(chunk))
        if total is not None and self._size() != total:
            raise requests.ConnectionError(f"got {self._size():,} of {total:,} bytes")

    def _forget(self) -> None:
        self.part.unlink(missing_ok=True)
        self.tag.unlink(missing_ok=True)


Say = Callable[[str], object]


def fetch(manifest: Manifest, *, progress: bool = False, say: Say = lambda text: None) -> Path:
    """Fetch and unpack everything that needs no account; returns the data set's folder.

    Downloads are kept in ``cache_dir()/downloads/<name>``, so that a second call only unpacks.
    """
    folder = paths.data_dir() / manifest.folder
    if not manifest.obtain.downloads:
        raise DataError(f"{manifest.name}: cannot be fetched without a person; see the steps")
    for one in manifest.obtain.downloads:
        file = download(one, paths.cache_dir() / "downloads" / manifest.name, progress=progress)
        say(f"{one.file}: {file.stat().st_size:,} bytes, {one.hash or 'no published hash'}")
        place(file, folder / one.into)
    return folder


def download(
    one: Download, folder: Path, *, progress: bool = False, attempts: int = 5, wait: float = 1.0
) -> Path:
    """One file, resumed if cut, hashed, then moved to its name; an existing good one is kept."""
    pooch.get_logger().setLevel(logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{one.file}.part"
    downloader = ResumingDownloader(part, attempts=attempts, progress=progress, wait=wait)
    try:
        found = pooch.retrieve(
            one.url, one.hash, fname=one.file, path=folder, downloader=downloader
        )
    except ValueError as error:  # what pooch raises when the hash is wrong
        raise DataError(
            f"{one.url}: the file is not the published one ({one.hash} expected); it was removed, "
            "fetch it again or correct the manifest"
        ) from error
    except OSError as error:
        raise DataError(f"{one.url}: cannot be stored in {folder} ({error})") from error
    return Path(found)


def place(file: Path, folder: Path) -> None:
    """Unpack an archive into ``folder``, or copy any other file there, whole or not at all."""
    if is_archive(file):
        unpack(file, folder)
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        refuse_foreign({file: folder / file.name})
        handle, work = tempfile.mkstemp(prefix=".copy-", dir=folder)
        os.close(handle)
        shutil.copyfile(file, work)
        os.replace(work, folder / file.name)
    except OSError as error:
        raise DataError(f"{file}: cannot be copied into {folder} ({error})") from error


def is_archive(path: Path) -> bool:
    """Whether the name says zip or tar."""
    return path.name.lower().endswith(SUFFIXES)


def safe_name(name: str, archive: Path) -> PurePosixPath:
    """A member's name as a relative path."""
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


class _Member(NamedTuple):
    """A file of an archive."""

    name: PurePosixPath
    size: int
    open: Callable[[], IO[bytes]]


def _members(archive: Path, file: zipfile.ZipFile | tarfile.TarFile) -> Iterator[_Member]:
    found: list[tuple[str, int, bool, bool, Callable[[], Any]]] = []
    if isinstance(file, zipfile.ZipFile):
        for one in file.infolist():
            plain = stat.S_IFMT(one.external_attr >> 16) in (0, stat.S_IFREG, stat.S_IFDIR)
            found.append(
                (one.filename, one.file_size, one.is_dir(), plain, partial(file.open, one))
            )
    else:
        for info in file.getmembers():
            plain = info.isfile() or info.isdir()
            found.append(
                (info.name, info.size, info.isdir(), plain, partial(file.extractfile, info))
            )
    for name, size, is_folder, plain, opened in found:
        inside = safe_name(name, archive)
        if not plain:
            raise DataError(f"{archive}: member {name!r} is a link or device; refused")
        if not is_folder:
            yield _Member(inside, size, opened)


def unpack(archive: Path, into: Path) -> list[Path]:
    """Unpack a zip or tar into a folder; returns the files' paths relative to it."""
    into.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".unpack-", dir=into))
    try:
        zipped = archive.name.lower().endswith(".zip")
        with zipfile.ZipFile(archive) if zipped else tarfile.open(archive) as file:
            members = list(_members(archive, file))
            _check_room(archive, sum(one.size for one in members), into)
            for one in members:
                target = work / one.name
                target.parent.mkdir(parents=True, exist_ok=True)
                with one.open() as source, target.open("wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
        refuse_foreign({work / one.name: into / one.name for one in members})
        return [_move(work, into, one.name) for one in members]
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
    """Insist that no file (where it lies -> where it is to go) would replace another one."""
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

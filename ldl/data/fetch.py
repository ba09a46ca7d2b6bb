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
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath

import pooch
import requests
from tqdm import tqdm

from ldl import paths
from ldl.data.manifest import Download, Manifest
from ldl.errors import DataError

CHUNK = 1 << 18
TIMEOUT = (15.0, 60.0)  # seconds to connect, seconds between two bytes
SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def fetch(
    manifest: Manifest, *, progress: bool = False, say: Callable[[str], object] = lambda text: None
) -> Path:
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
    """One file, resumed if cut, hashed, then moved to its name; an existing good one is kept.

    After a cut it goes on up to ``attempts`` times, ``wait`` seconds times the attempt later.
    """
    pooch.get_logger().setLevel(logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{one.file}.part"

    def resumed(url: str, output_file: str, pooch: object) -> None:
        reason = ""
        for attempt in range(attempts):
            time.sleep(wait * attempt)
            try:
                _go_on(url, part, progress)
            except (requests.RequestException, OSError) as error:
                reason = str(error).replace("\n", " ")[:160]
                continue
            os.replace(part, output_file)
            _tag(part).unlink(missing_ok=True)
            return
        have = part.stat().st_size if part.exists() else 0
        raise DataError(
            f"{url}: connection lost after {have:,} bytes ({reason}); run the same command again "
            "to go on from there"
        )

    try:
        found = pooch.retrieve(one.url, one.hash, fname=one.file, path=folder, downloader=resumed)
    except ValueError as error:  # what pooch raises when the hash is wrong
        raise DataError(
            f"{one.url}: the file is not the published one ({one.hash} expected); it was removed, "
            "fetch it again or correct the manifest"
        ) from error
    except OSError as error:
        raise DataError(f"{one.url}: cannot be stored in {folder} ({error})") from error
    return Path(found)


def _tag(part: Path) -> Path:
    return part.with_name(part.name + ".tag")


def _go_on(url: str, part: Path, progress: bool) -> None:
    """Fetch what is missing; returns when the part is complete."""
    headers, tag = {"Accept-Encoding": "identity"}, _tag(part)
    have = part.stat().st_size if part.exists() and tag.exists() and tag.read_text() else 0
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": tag.read_text()}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as reply:
        code, span = reply.status_code, reply.headers.get("Content-Range", "")
        if code == 416 and span.endswith(f"/{have}"):  # nothing lies beyond: it is all there
            return
        if code == 416 or (code == 206 and not span.startswith(f"bytes {have}-")):
            part.unlink(missing_ok=True)
            raise requests.ConnectionError("the kept part does not belong to this file")
        if code >= 500:
            raise requests.ConnectionError(f"server answers {code}")
        if code not in (200, 206):
            raise DataError(f"{url}: server answers {code} {reply.reason}")
        # A weak tag cannot say whether the bytes are the same; without a tag a cut starts anew.
        strong = reply.headers.get("ETag", "W/")
        tag.write_text(reply.headers.get("Last-Modified", "") if strong[:2] == "W/" else strong)
        have = have if code == 206 else 0
        length = reply.headers.get("Content-Length")
        total = have + int(length) if length else None
        bar = {"desc": part.stem, "initial": have, "disable": not progress}
        with (
            part.open("ab" if have else "wb") as file,
            tqdm.wrapattr(file, "write", total, **bar) as sink,
        ):
            for chunk in reply.iter_content(CHUNK):
                sink.write(chunk)
    if total is not None and part.stat().st_size != total:
        raise requests.ConnectionError(f"got {part.stat().st_size:,} of {total:,} bytes")


def is_archive(path: Path) -> bool:
    """Whether the name says zip or tar."""
    return path.name.lower().endswith(SUFFIXES)


def place(file: Path, folder: Path) -> list[Path]:
    """Unpack an archive into ``folder``, or copy any other file there, whole or not at all.

    Returns:
        The files' paths relative to it.
    """
    work = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".unpack-", dir=folder))
        if is_archive(file):
            names = _unpack(file, work)
        else:
            names = [Path(shutil.copyfile(file, work / file.name).name)]
        refuse_foreign({work / one: folder / one for one in names})
        return [_move(work, folder, one) for one in names]
    except OSError as error:
        raise DataError(f"{file}: cannot be put into {folder} ({error})") from error
    finally:
        if work:
            shutil.rmtree(work, ignore_errors=True)


def _unpack(archive: Path, work: Path) -> list[Path]:
    zipped = archive.name.lower().endswith(".zip")
    try:
        with zipfile.ZipFile(archive) if zipped else tarfile.open(archive) as file:
            sizes = _members(archive, file)
            needed, free = sum(sizes.values()), shutil.disk_usage(work).free
            if needed > free:
                raise DataError(
                    f"{archive}: unpacks to {needed:,} bytes, {work.parent} has {free:,} left"
                )
            if isinstance(file, zipfile.ZipFile):
                file.extractall(work)
            else:
                file.extractall(work, filter="data")
            return list(sizes)
    except (OSError, DataError):
        raise
    except Exception as error:  # each kind of archive raises its own on damage
        reason = str(error).split(":", 1)[0]
        raise DataError(f"{archive}: damaged archive ({reason}); fetch it again") from error


def _members(archive: Path, file: zipfile.ZipFile | tarfile.TarFile) -> dict[Path, int]:
    """Bytes of each file of an archive, whose names are safe."""
    if isinstance(file, zipfile.ZipFile):
        found = [
            (one.filename, one.file_size, one.is_dir(), stat.S_IFMT(one.external_attr >> 16))
            for one in file.infolist()
        ]
    else:
        found = [
            (one.name, one.size, one.isdir(), 0 if one.isfile() or one.isdir() else stat.S_IFLNK)
            for one in file.getmembers()
        ]
    sizes = {}
    for name, size, is_folder, kind in found:
        path = PurePosixPath(name)
        odd = not name or "\0" in name or "\\" in name or ".." in path.parts
        if odd or path.is_absolute() or PureWindowsPath(name).drive:
            raise DataError(
                f"{archive}: member {name!r} would leave its folder; refused, nothing kept"
            )
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise DataError(f"{archive}: member {name!r} is a link or device; refused")
        if not is_folder:
            sizes[Path(name)] = size
    return sizes


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


def _move(work: Path, into: Path, name: Path) -> Path:
    target = into / name
    target.parent.mkdir(parents=True, exist_ok=True)
    # A link that lay there before must not lead the file elsewhere.
    if not target.parent.resolve().is_relative_to(into.resolve()):
        raise DataError(f"{target}: a link in the folder leads outside; remove it")
    os.replace(work / name, target)
    return name

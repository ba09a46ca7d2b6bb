"""Fetching the original files of a data set: resume, hash, move, unpack.

The bytes so far stay beside the target in ``<file>.part``, with the server's version of the file in
``<file>.part.tag``: another version starts anew.

Archives that others made never leave the folder. Every name is checked before the first byte is
written: absolute names, drive letters, ``..``, links and devices are refused. Content goes to a
fresh folder first and is moved when complete.
"""

import filecmp
import os
import shutil
import stat
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath

import requests
from tqdm import tqdm

from ldl import paths
from ldl.data.files import file_hash
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
    target, part, tag = (folder / f"{one.file}{end}" for end in ("", ".part", ".part.tag"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if target.is_file() and _published(target, one.hash):
            return target
        for attempt in range(attempts):
            time.sleep(wait * attempt)
            try:
                _go_on(one.url, part, tag, progress)
                break
            except (requests.RequestException, OSError) as error:
                reason = str(error).replace("\n", " ")[:160]
        else:
            have = f"{part.stat().st_size:,} bytes" if part.exists() else "0 bytes"
            raise DataError(
                f"{one.url}: connection lost after {have} ({reason}); run the same command again"
            )
        tag.unlink(missing_ok=True)
        if not _published(part, one.hash):
            part.unlink()
            raise DataError(
                f"{one.url}: the file is not the published one ({one.hash} expected); it was "
                "removed, fetch it again or correct the manifest"
            )
        os.replace(part, target)
    except OSError as error:
        raise DataError(f"{one.url}: cannot be stored in {folder} ({error})") from error
    return target


def _published(file: Path, known: str | None) -> bool:
    """Whether a file has that hash, "sha256:..." or "md5:..."; None fits all."""
    kind, _, digest = (known or "").partition(":")
    return not kind or file_hash(file, kind) == digest


def _go_on(url: str, part: Path, tag: Path, progress: bool) -> None:
    """Fetch what is missing; returns when the part is complete."""
    headers = {"Accept-Encoding": "identity"}
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
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=".unpack-", dir=folder, ignore_cleanup_errors=True
        ) as made:
            work = Path(made)
            if is_archive(file):
                names = _unpack(file, work)
            else:
                names = [Path(shutil.copyfile(file, work / file.name).name)]
            refuse_foreign({work / one: folder / one for one in names})
            for one in names:
                target = folder / one
                target.parent.mkdir(parents=True, exist_ok=True)
                # A link that lay there before must not lead the file elsewhere.
                if not target.parent.resolve().is_relative_to(folder.resolve()):
                    raise DataError(f"{target}: a link in the folder leads outside; remove it")
                os.replace(work / one, target)
            return names
    except OSError as error:
        raise DataError(f"{file}: cannot be put into {folder} ({error})") from error


def _unpack(archive: Path, work: Path) -> list[Path]:
    zipped = archive.name.lower().endswith(".zip")
    try:
        with zipfile.ZipFile(archive) if zipped else tarfile.open(archive) as file:
            sizes = _members(archive, file)
            needed, free = sum(sizes.values()), shutil.disk_usage(work).free
            if needed > free:
                raise DataError(f"{archive}: unpacks to {needed:,} bytes, {free:,} are free")
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
    sizes = {}
    for one in file.infolist() if isinstance(file, zipfile.ZipFile) else file.getmembers():
        if isinstance(one, zipfile.ZipInfo):
            name, size, is_folder = one.filename, one.file_size, one.is_dir()
            plain = stat.S_IFMT(one.external_attr >> 16) in (0, stat.S_IFREG, stat.S_IFDIR)
        else:
            name, size, is_folder = one.name, one.size, one.isdir()
            plain = one.isfile() or is_folder
        path = PurePosixPath(name)
        odd = not name or "\0" in name or "\\" in name or ".." in path.parts
        if odd or path.is_absolute() or PureWindowsPath(name).drive:
            raise DataError(f"{archive}: member {name!r} would leave its folder; refused")
        if not plain:
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

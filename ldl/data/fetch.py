"""Fetching the original files of a data set: resume, hash, move, unpack."""

import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pooch

from ldl import paths
from ldl.data.archive import is_archive, refuse_foreign, unpack
from ldl.data.resume import ResumingDownloader
from ldl.data.schema import Download, Manifest
from ldl.errors import DataError

Say = Callable[[str], object]


def fetch(manifest: Manifest, *, progress: bool = False, say: Say = lambda text: None) -> Path:
    """Fetch and unpack everything that needs no account; returns the data set's folder.

    Downloads are kept in ``cache_dir()/downloads/<name>``, so that a second call only unpacks.

    Raises:
        DataError: nothing can be fetched without a person, a download fails, its hash is another
            than published, or an archive is damaged or unsafe.
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

    Raises:
        DataError: the connection breaks again and again, or the hash is another than published.
    """
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
    """Unpack an archive into ``folder``, or copy any other file there, whole or not at all.

    Raises:
        DataError: damaged or unsafe archive, another file of that name, or the folder cannot be
            written.
    """
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

"""Superpixels of all slices of a bank: made once and kept memory-mapped."""

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from filelock import FileLock

from ldl import paths
from ldl.data.bank import content_fingerprint
from ldl.data.superpixel_work import fill, started
from ldl.errors import DataError
from ldl.runs.lrc import SuperpixelConfig

Array = np.ndarray
VERSION = 1  # raise when the regions change: maps of another version are made again


class Slices(Protocol):
    """What superpixels are made of; an `ldl.data.bank.ImageBank` is one.

    ``images`` is (N, C, H, W) uint8, windowed; ``fingerprint`` a hash of the content.
    """

    @property
    def name(self) -> str: ...

    @property
    def images(self) -> Array: ...

    @property
    def fingerprint(self) -> str: ...


@dataclass(frozen=True)
class RegionBank:
    """Region maps of a bank's slices, in its order.

    Attributes:
        regions: (N, H, W) int16, memory-mapped; 0..K-1, -1 outside the body.
        source: fingerprint of the bank they belong to.
        fingerprint: hash of the maps themselves.
        seconds_per_slice: of one core (processor time), as measured when they were made.
    """

    name: str
    regions: Array
    source: str
    fingerprint: str
    seconds_per_slice: float


def superpixel_folder(bank: Slices, config: SuperpixelConfig) -> Path:
    """Where the maps of exactly these slices, parameters and library version stand."""
    stamp = [VERSION, version("scikit-image"), bank.fingerprint, config.model_dump(mode="json")]
    key = hashlib.sha256(json.dumps(stamp).encode()).hexdigest()[:12]
    name = re.sub(r"[^\w.-]+", "-", bank.name)
    return paths.cache_dir() / "superpixels" / f"{name}-{key}"


def prepare_superpixels(
    bank: Slices,
    config: SuperpixelConfig | None = None,
    *,
    workers: int | None = None,
    progress: bool = False,
) -> RegionBank:
    """Region maps of every slice; made once, then opened.

    A run that was stopped or killed goes on where it was. The folder appears whole or not at all.

    Args:
        bank: the windowed slices.
        config: Felzenszwalb's parameters; None for the defaults.
        workers: processes; None: one for each core, 1: this process alone.
        progress: show a bar.

    Raises:
        DataError: the images are no uint8 slices, or a worker process died.
        ConfigError: a slice has too many regions for int16.
    """
    config = config or SuperpixelConfig()
    folder = superpixel_folder(bank, config)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if not (folder / "index.json").is_file():
            if bank.images.ndim != 4 or bank.images.dtype != np.uint8 or not len(bank.images):
                shape = f"{bank.images.dtype} {bank.images.shape}"
                raise DataError(f"{bank.name}: images are {shape}, expected uint8 (N, C, H, W)")
            work = folder.with_name(f".{folder.name}.part")
            regions, seconds = started(work, bank.images.shape)
            fill(bank.images, config, regions, seconds, bank.name, workers, progress)
            _finish(work, folder, bank, config)
    return open_superpixels(folder)


def _finish(work: Path, folder: Path, bank: Slices, config: SuperpixelConfig) -> None:
    regions = np.load(work / "regions.npy", mmap_mode="r", allow_pickle=False)
    seconds = np.load(work / "seconds.npy", allow_pickle=False)
    index = {
        "name": bank.name,
        "source": bank.fingerprint,
        "fingerprint": content_fingerprint(regions),
        "seconds_per_slice": round(float(seconds.mean()), 6),
        "config": config.model_dump(mode="json"),
        "scikit-image": version("scikit-image"),
    }
    (work / "index.json").write_text(json.dumps(index, indent=1))
    shutil.rmtree(folder, ignore_errors=True)
    work.rename(folder)


def open_superpixels(folder: Path) -> RegionBank:
    """Open written region maps, memory-mapped.

    Raises:
        DataError: the folder holds no readable maps.
    """
    try:
        regions = np.load(folder / "regions.npy", mmap_mode="r", allow_pickle=False)
        index = json.loads((folder / "index.json").read_text())
        name, source, fingerprint = (str(index[k]) for k in ("name", "source", "fingerprint"))
        seconds = float(index["seconds_per_slice"])
    except (OSError, ValueError, EOFError, KeyError, TypeError) as error:
        raise DataError(f"{folder}: unreadable superpixels; delete it and run again") from error
    return RegionBank(name, cast(Array, regions), source, fingerprint, seconds)

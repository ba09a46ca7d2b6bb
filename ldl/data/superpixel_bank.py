"""Superpixels of all slices of a bank: made once, in parallel, and kept memory-mapped."""

import os
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from tqdm.auto import tqdm

from ldl.data.bank import content_fingerprint, made, open_bank
from ldl.data.bank_writer import BankWriter
from ldl.data.superpixels import superpixels
from ldl.errors import DataError, LdlError
from ldl.runs.lrc import SuperpixelConfig

Array = np.ndarray
VERSION = 1  # raise when the regions change: maps of another version are made again
CHUNK = 16  # slices a worker takes at a time
Made = tuple[Array, Array]  # (n, H, W) int16 maps, (n,) seconds


class Slices(Protocol):
    """What superpixels are made of; an `ldl.data.bank.Bank` is one.

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
    images = bank.images
    if images.ndim != 4 or images.dtype != np.uint8 or not len(images):
        raise DataError(
            f"{bank.name}: images are {images.dtype} {images.shape}, expected uint8 (N, C, H, W)"
        )

    def write(folder: Path) -> None:
        rows = {"regions": ("int16", images.shape[2:]), "seconds": ("float32", ())}
        with BankWriter(
            folder, bank.name, rows, count=len(images), fingerprint=_fingerprint, keep=True
        ) as writer:
            writer.facts = {"source": bank.fingerprint, "config": config.model_dump(mode="json")}
            left = np.arange(writer.done, len(images))
            chunks = iter(np.array_split(left, -(-len(left) // CHUNK)) if len(left) else [])
            count = workers or _cores()
            found = (
                _parallel(images, config, chunks, count)
                if count > 1
                else (_make(rows, images[rows], config) for rows in chunks)
            )
            with tqdm(
                total=len(images),
                initial=writer.done,
                desc=f"superpixels of {bank.name}",
                unit="slice",
                disable=not progress,
            ) as bar:
                for maps, took in found:
                    for regions, seconds in zip(maps, took, strict=True):
                        row = {"regions": regions, "seconds": np.array(seconds)}
                        writer.add(str(writer.done), [row])
                    bar.update(len(maps))

    return open_superpixels(made(f"superpixels-{bank.name}", stamp(bank, config), write))


def stamp(bank: Slices, config: SuperpixelConfig) -> list[object]:
    """What the maps depend on: slices, parameters and the library."""
    return [VERSION, version("scikit-image"), bank.fingerprint, config.model_dump(mode="json")]


def open_superpixels(folder: Path) -> RegionBank:
    """Open written region maps, memory-mapped.

    Raises:
        DataError: the folder holds no readable maps.
    """
    index, arrays = open_bank(folder)
    if set(arrays) != {"regions", "seconds"}:
        raise DataError(f"{folder}: holds no superpixels; delete the folder")
    return RegionBank(
        index["name"],
        arrays["regions"],
        index["source"],
        index["fingerprint"],
        round(float(arrays["seconds"].mean()), 6),
    )


def _fingerprint(arrays: dict[str, Array], entries: list[dict[str, Any]]) -> str:
    return content_fingerprint(arrays["regions"])


def _cores() -> int:
    """Cores this process may use; a cluster's job may have fewer than the machine."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _parallel(
    images: Array, config: SuperpixelConfig, chunks: Iterator[Array], workers: int
) -> Iterator[Made]:
    """The chunks in their order; no more are under way than keep the workers busy."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        running: deque[Future[Made]] = deque()
        try:
            while True:
                for rows in islice(chunks, 2 * workers - len(running)):
                    running.append(pool.submit(_make, rows, images[rows], config))
                if not running:
                    return
                yield running.popleft().result()
        except BrokenProcessPool as error:
            raise DataError(
                "superpixels: a worker process died (out of memory?); run again with fewer "
                "workers, the slices done are kept"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _make(rows: Array, slices: Array, config: SuperpixelConfig) -> Made:
    """Region maps of some slices, with the processor time of each."""
    maps = np.empty((len(rows), *slices.shape[2:]), np.int16)
    took = np.empty(len(rows), np.float32)
    for place, (row, one) in enumerate(zip(rows, slices, strict=True)):
        start = time.process_time()
        try:
            maps[place] = superpixels(one, config)
        except LdlError as error:
            raise type(error)(f"slice {row}: {error}") from None
        took[place] = max(time.process_time() - start, 1e-6)
    return maps, took

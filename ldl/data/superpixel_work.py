"""The work on superpixels: slice after slice in parallel, each kept as soon as it is done."""

import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ldl.data.superpixels import superpixels
from ldl.errors import DataError, LdlError
from ldl.runs.lrc import SuperpixelConfig

Array = np.ndarray
CHUNK = 16  # slices a worker takes at a time
Made = tuple[Array, Array, Array]  # row numbers, (n, H, W) int16 maps, (n,) seconds


def started(work: Path, shape: tuple[int, ...]) -> tuple[np.memmap, np.memmap]:
    """Maps so far, and the seconds each took: 0 for those still to do.

    Args:
        work: folder of the unfinished work; made anew where nothing usable is left.
        shape: (N, C, H, W) of the images.
    """
    wanted = (shape[0], *shape[2:])
    try:
        regions = np.load(work / "regions.npy", mmap_mode="r+", allow_pickle=False)
        seconds = np.load(work / "seconds.npy", mmap_mode="r+", allow_pickle=False)
        if regions.shape == wanted and seconds.shape == wanted[:1]:
            return regions, seconds
    except (OSError, ValueError, EOFError):
        pass
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    make = np.lib.format.open_memmap
    regions = make(work / "regions.npy", mode="w+", dtype=np.int16, shape=wanted)
    return regions, make(work / "seconds.npy", mode="w+", dtype=np.float32, shape=wanted[:1])


def fill(
    images: Array,
    config: SuperpixelConfig,
    regions: np.memmap,
    seconds: np.memmap,
    name: str,
    workers: int | None,
    progress: bool,
) -> None:
    """Make what is still to do; ``regions`` and ``seconds`` are written slice by slice.

    Raises:
        DataError: a worker process died; what is done stays.
        ConfigError: a slice has too many regions.
    """
    left = np.flatnonzero(seconds == 0)
    chunks = iter(np.array_split(left, -(-len(left) // CHUNK)) if len(left) else [])
    count = workers or _cores()
    made = _parallel(images, config, chunks, count) if count > 1 else _alone(images, config, chunks)
    with tqdm(
        total=len(seconds),
        initial=len(seconds) - len(left),
        desc=f"superpixels of {name}",
        unit="slice",
        disable=not progress,
    ) as bar:
        for rows, maps, took in made:
            regions[rows] = maps
            regions.flush()  # a slice counts as done only once its map is
            seconds[rows] = took
            bar.update(len(rows))
        seconds.flush()


def _cores() -> int:
    """Cores this process may use; a cluster's job may have fewer than the machine."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _alone(images: Array, config: SuperpixelConfig, chunks: Iterator[Array]) -> Iterator[Made]:
    for rows in chunks:
        yield _make(rows, images[rows], config)


def _parallel(
    images: Array, config: SuperpixelConfig, chunks: Iterator[Array], workers: int
) -> Iterator[Made]:
    """As `_alone`, in any order; no more chunks are under way than keep the workers busy."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:

        def submit(count: int) -> set[Future[Made]]:
            return {
                pool.submit(_make, rows, images[rows], config) for rows in islice(chunks, count)
            }

        running = submit(2 * workers)
        try:
            while running:
                ready, running = wait(running, return_when=FIRST_COMPLETED)
                running |= submit(len(ready))
                yield from (one.result() for one in ready)
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
    return rows, maps, took

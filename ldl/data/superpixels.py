"""Superpixels of windowed CT slices (LRC section 2.1): made, kept for a whole bank, and judged."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.metadata import version
from itertools import repeat
from pathlib import Path

import numpy as np
from scipy import ndimage
from skimage.segmentation import felzenszwalb
from tqdm.auto import tqdm

from ldl.data.bank import Bank, BankWriter, content_fingerprint, made, open_bank
from ldl.data.ct.bank import CtBank
from ldl.errors import ConfigError, DataError, LdlError
from ldl.forks import forks
from ldl.runs.lrc import SuperpixelConfig

Array = np.ndarray
VERSION = 1  # raise when the regions change: maps of another version are made again
CHUNK, BATCH = 16, 64  # slices a worker takes at a time, and before the next batch begins
MOST = np.iinfo(np.int16).max  # region maps are int16
IMPORTED = [__name__]  # by every worker
# Table and wires beside the body: parts of the picture smaller than this share of the largest.
ISLAND = 0.05


def superpixels(slice_: Array, config: SuperpixelConfig) -> Array:
    """Regions of one slice (C, H, W) uint8, windowed; channels are neighbouring slices or one.

    (H, W) int16: 0..K-1 in row-major order of first appearance, -1 outside the body.
    """
    smallest = config.smallest(*slice_.shape[1:])
    # Felzenszwalb wants grey levels as 0..1 and divides its scale by 255 itself.
    found = felzenszwalb(
        slice_, scale=config.scale, sigma=config.sigma, min_size=smallest, channel_axis=0
    )
    found[outside(slice_, config.air)] = -1
    ids, first, place = np.unique(found, return_index=True, return_inverse=True)
    inside = ids >= 0
    if inside.sum() > MOST:
        raise ConfigError(
            f"superpixels: {inside.sum():,} regions in a slice, {MOST:,} fit; raise scale or "
            f"min_size"
        )
    number = np.full(len(ids), -1, np.int16)
    order = np.argsort(first[inside])
    number[np.flatnonzero(inside)[order]] = np.arange(len(order))
    return number[place.reshape(found.shape)]


def outside(slice_: Array, air: int) -> Array:
    """(H, W) bool: what is around the body, by the rule of `SuperpixelConfig`."""
    dark, _ = ndimage.label((slice_ <= air).all(axis=0))
    reached = np.unique(np.concatenate([dark[0], dark[-1], dark[:, 0], dark[:, -1]]))
    around = np.isin(dark, reached[reached > 0])
    parts, _ = ndimage.label(~around)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return np.asarray(around | (sizes < ISLAND * sizes.max())[parts])


@dataclass(frozen=True)
class RegionBank:
    """Region maps (N, H, W) int16 of a bank's slices, memory-mapped; 0..K-1, -1 outside the body.

    ``source`` is the bank's fingerprint, ``seconds_per_slice`` the processor time of one core.
    """

    name: str
    regions: Array
    source: str
    fingerprint: str
    seconds_per_slice: float


def prepare_superpixels(
    bank: Bank | CtBank,
    config: SuperpixelConfig | None = None,
    *,
    workers: int | None = None,
    progress: bool = False,
) -> RegionBank:
    """Region maps of every slice; made once, then opened. A stopped run goes on where it was.

    ``workers`` processes make them; None: one for each core, 1: this process alone.
    """
    config, images = config or SuperpixelConfig(), bank.images
    if images.ndim != 4 or images.dtype != np.uint8 or not len(images):
        raise DataError(
            f"{bank.name}: images are {images.dtype} {images.shape}, expected uint8 (N, C, H, W)"
        )

    def write(folder: Path) -> None:
        rows = {"regions": ("int16", images.shape[2:]), "seconds": ("float32", ())}
        with BankWriter(
            folder, bank.name, rows, count=len(images), keep=True,
            fingerprint=lambda arrays, entries: content_fingerprint(arrays["regions"]),
        ) as writer:  # fmt: skip
            writer.facts = {"source": bank.fingerprint, "config": config.model_dump(mode="json")}
            made_of = _all(images, range(writer.done, len(images)), config, workers or _cores())
            label = f"superpixels of {bank.name}"
            for regions, seconds in tqdm(made_of, label, len(images), initial=writer.done,
                                         unit="slice", disable=not progress):  # fmt: skip
                row = {"regions": regions, "seconds": np.array(seconds, np.float32)}
                writer.add(str(writer.done), [row])

    return open_superpixels(made(f"superpixels-{bank.name}", stamp(bank, config), write))


def stamp(bank: Bank | CtBank, config: SuperpixelConfig) -> list[object]:
    """What the maps depend on: slices, parameters and the library."""
    return [VERSION, version("scikit-image"), bank.fingerprint, config.model_dump(mode="json")]


def open_superpixels(folder: Path) -> RegionBank:
    """Open written region maps, memory-mapped."""
    index, arrays = open_bank(folder)
    if set(arrays) != {"regions", "seconds"}:
        raise DataError(f"{folder}: holds no superpixels; delete the folder")
    seconds = round(float(arrays["seconds"].mean()), 6)
    prints = index["source"], index["fingerprint"]
    return RegionBank(index["name"], arrays["regions"], *prints, seconds)


def _cores() -> int:
    """Cores this process may use; a cluster's job may have fewer than the machine."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _all(
    images: Array, rows: range, config: SuperpixelConfig, workers: int
) -> Iterator[tuple[Array, float]]:
    """Each slice's map and the seconds it took, in order; several processes share a batch."""
    if workers == 1:
        yield from (_one(row, images[row], config) for row in rows)
        return
    with ProcessPoolExecutor(workers, forks(IMPORTED)) as pool:
        try:
            for start in rows[:: BATCH * workers]:
                some = range(start, min(start + BATCH * workers, rows.stop))
                yield from pool.map(_one, some, images[some], repeat(config), chunksize=CHUNK)
        except BrokenProcessPool as error:
            raise DataError(
                "superpixels: a worker process died (out of memory?); go on with fewer workers"
            ) from error


def _one(row: int, slice_: Array, config: SuperpixelConfig) -> tuple[Array, float]:
    start = time.process_time()
    try:
        found = superpixels(slice_, config)
    except LdlError as error:
        raise type(error)(f"slice {row}: {error}") from None
    return found, max(time.process_time() - start, 1e-6)


@dataclass(frozen=True)
class Quality:
    """How far superpixels respect organs: their mean number a slice, and for each organ (K,)

    ``merged``, the share of its pixels in regions that hold more of another organ, and ``dice``,
    the DSC when every region takes the label most of its pixels have: no segmentation made of whole
    regions can be much better.
    """

    regions: float
    merged: Array
    dice: Array


def quality(regions: Array, labels: Array, organs: int) -> Quality:
    """Superpixels (N, H, W), negative for none, against labels, 0 for background, 1..K the organs.

    Equal ids in two slices are two regions. Pixels in no region count as background; an organ that
    does not occur is nan.
    """
    if regions.shape != labels.shape or regions.ndim != 3 or len(regions) == 0:
        raise DataError(
            f"regions {regions.shape} and labels {labels.shape} must both be (N, H, W) with N > 0"
        )
    if labels.min() < 0 or labels.max() > organs:
        raise DataError(f"labels {labels.min()} to {labels.max()} where 0 to {organs} are known")
    tables = []
    for one, truth in zip(regions, labels, strict=True):
        row = np.maximum(one.astype(np.int64), -1) + 1  # row 0 is what lies in no region
        flat = (row * (organs + 1) + truth).ravel()
        length = (int(row.max()) + 1) * (organs + 1)
        tables.append(np.bincount(flat, minlength=length).reshape(-1, organs + 1))
    outside = np.sum([table[0] for table in tables], axis=0)
    shared = np.concatenate([table[1:] for table in tables])
    shared = shared[shared.sum(axis=1) > 0]
    pixels = shared.sum(axis=0) + outside
    won, right, led = np.zeros((3, organs + 1))
    np.add.at(won, shared.argmax(axis=1), shared.sum(axis=1))
    np.add.at(right, shared.argmax(axis=1), shared.max(axis=1, initial=0))
    np.add.at(led, 1 + shared[:, 1:].argmax(axis=1), shared[:, 1:].max(axis=1, initial=0))
    with np.errstate(invalid="ignore"):
        there = np.where(pixels > 0, pixels, np.nan)
        merged, dice = (shared.sum(axis=0) - led) / there, 2 * right / (won + there)
    return Quality(len(shared) / len(tables), merged[1:], dice[1:])

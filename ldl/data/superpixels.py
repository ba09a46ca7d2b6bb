"""Superpixels of windowed CT slices (LRC section 2.1): made, kept for a whole bank, and judged."""

import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from scipy import ndimage
from skimage.segmentation import felzenszwalb
from tqdm.auto import tqdm

from ldl.data.bank import BankWriter, content_fingerprint, made, open_bank
from ldl.errors import ConfigError, DataError, LdlError
from ldl.runs.lrc import SuperpixelConfig

Array = np.ndarray
VERSION = 1  # raise when the regions change: maps of another version are made again
CHUNK = 16  # slices a worker takes at a time
MOST = np.iinfo(np.int16).max  # region maps are int16
# Table and wires beside the body: parts of the picture smaller than this share of the largest.
ISLAND = 0.05
Maps = tuple[Array, Array]  # (n, H, W) int16 maps, (n,) seconds


def superpixels(slice_: Array, config: SuperpixelConfig) -> Array:
    """Regions of one slice (C, H, W) uint8, windowed; channels are neighbouring slices or one.

    Returns:
        (H, W) int16: 0..K-1 in row-major order of first appearance, -1 outside the body.
    """
    height, width = slice_.shape[1:]
    # Felzenszwalb wants grey levels as 0..1 and divides its scale by 255 itself.
    found = felzenszwalb(
        slice_,
        scale=config.scale,
        sigma=config.sigma,
        min_size=config.smallest(height, width),
        channel_axis=0,
    )
    found[outside(slice_, config.air)] = -1
    return _renumbered(found)


def outside(slice_: Array, air: int) -> Array:
    """(H, W) bool: what is around the body, by the rule of `SuperpixelConfig`."""
    dark, _ = ndimage.label((slice_ <= air).all(axis=0))
    reached = np.unique(np.concatenate([dark[0], dark[-1], dark[:, 0], dark[:, -1]]))
    around = np.isin(dark, reached[reached > 0])
    parts, _ = ndimage.label(~around)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return np.asarray(around | (sizes < ISLAND * sizes.max())[parts])


def _renumbered(found: Array) -> Array:
    ids, first, place = np.unique(found, return_index=True, return_inverse=True)
    inside = ids >= 0
    if inside.sum() > MOST:
        raise ConfigError(
            f"superpixels: {inside.sum():,} regions in one slice, at most {MOST:,} fit; "
            "raise scale or min_size"
        )
    number = np.full(len(ids), -1, np.int16)
    order = np.argsort(first[inside])
    number[np.flatnonzero(inside)[order]] = np.arange(len(order))
    return number[place.reshape(found.shape)]


class Slices(Protocol):
    """What superpixels are made of, such as a bank: ``images`` (N, C, H, W) uint8, windowed."""

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
    """Region maps of every slice; made once, then opened. A stopped run goes on where it was.

    ``workers`` processes make them; None: one for each core, 1: this process alone.
    """
    config = config or SuperpixelConfig()
    images = bank.images
    if images.ndim != 4 or images.dtype != np.uint8 or not len(images):
        raise DataError(
            f"{bank.name}: images are {images.dtype} {images.shape}, expected uint8 (N, C, H, W)"
        )

    def fingerprint(arrays: dict[str, Array], entries: list[dict[str, Any]]) -> str:
        return content_fingerprint(arrays["regions"])

    def write(folder: Path) -> None:
        rows = {"regions": ("int16", images.shape[2:]), "seconds": ("float32", ())}
        with BankWriter(
            folder, bank.name, rows, count=len(images), fingerprint=fingerprint, keep=True
        ) as writer:
            writer.facts = {"source": bank.fingerprint, "config": config.model_dump(mode="json")}
            left = np.arange(writer.done, len(images))
            chunks = iter(np.array_split(left, -(-len(left) // CHUNK)) if len(left) else [])
            with tqdm(
                total=len(images),
                initial=writer.done,
                desc=f"superpixels of {bank.name}",
                unit="slice",
                disable=not progress,
            ) as bar:
                for maps, took in _all(images, config, chunks, workers or _cores()):
                    for regions, seconds in zip(maps, took, strict=True):
                        row = {"regions": regions, "seconds": np.array(seconds)}
                        writer.add(str(writer.done), [row])
                    bar.update(len(maps))

    return open_superpixels(made(f"superpixels-{bank.name}", stamp(bank, config), write))


def stamp(bank: Slices, config: SuperpixelConfig) -> list[object]:
    """What the maps depend on: slices, parameters and the library."""
    return [VERSION, version("scikit-image"), bank.fingerprint, config.model_dump(mode="json")]


def open_superpixels(folder: Path) -> RegionBank:
    """Open written region maps, memory-mapped."""
    index, arrays = open_bank(folder)
    if set(arrays) != {"regions", "seconds"}:
        raise DataError(f"{folder}: holds no superpixels; delete the folder")
    seconds = round(float(arrays["seconds"].mean()), 6)
    return RegionBank(
        index["name"], arrays["regions"], index["source"], index["fingerprint"], seconds
    )


def _cores() -> int:
    """Cores this process may use; a cluster's job may have fewer than the machine."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _all(
    images: Array, config: SuperpixelConfig, chunks: Iterator[Array], workers: int
) -> Iterator[Maps]:
    """The chunks in their order; no more are under way than keep the workers busy."""
    if workers == 1:
        yield from (_some(rows, images[rows], config) for rows in chunks)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        running: deque[Future[Maps]] = deque()
        try:
            while True:
                for rows in islice(chunks, 2 * workers - len(running)):
                    running.append(pool.submit(_some, rows, images[rows], config))
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


def _some(rows: Array, slices: Array, config: SuperpixelConfig) -> Maps:
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


@dataclass(frozen=True)
class Overlap:
    """Pixels that each region shares with each label, over all slices of a set.

    Attributes:
        shared: (R, L) int64, one row a region of a slice; column 0 is the background label.
        outside: (L,) int64, pixels of each label that lie in no region (negative id).
        slices: how many slices were counted.
    """

    shared: Array
    outside: Array
    slices: int

    @property
    def pixels(self) -> Array:
        """(L,) pixels of each label."""
        return np.asarray(self.shared.sum(axis=0) + self.outside)

    @property
    def regions_per_slice(self) -> float:
        """Mean number of regions."""
        return len(self.shared) / self.slices

    def share(self, pixels: Array) -> Array:
        """(L,) of pixels as a share of each label's; nan where the label does not occur."""
        return np.where(self.pixels > 0, pixels / np.maximum(self.pixels, 1), np.nan)


def overlap(regions: Array, labels: Array, count: int) -> Overlap:
    """Count shared pixels slice by slice; equal ids in two slices are two regions.

    Args:
        regions: (N, H, W) integer; negative ids belong to no region.
        labels: (N, H, W) integer in 0..count-1, of which 0 is the background.
    """
    if regions.shape != labels.shape or regions.ndim != 3 or len(regions) == 0:
        raise DataError(
            f"regions {regions.shape} and labels {labels.shape} must both be (N, H, W) with N > 0"
        )
    if labels.min() < 0 or labels.max() >= count:
        raise DataError(f"labels {labels.min()} to {labels.max()} where 0 to {count - 1} are known")
    tables = [_table(one, truth, count) for one, truth in zip(regions, labels, strict=True)]
    shared = np.concatenate([table[1:] for table in tables])
    outside = np.sum([table[0] for table in tables], axis=0)
    return Overlap(shared[shared.sum(axis=1) > 0], outside, len(tables))


def _table(regions: Array, labels: Array, count: int) -> Array:
    """(1 + regions, L) of one slice; row 0 is what lies in no region."""
    row = np.maximum(regions.astype(np.int64), -1) + 1
    flat = (row * count + labels).ravel()
    return np.bincount(flat, minlength=(int(row.max()) + 1) * count).reshape(-1, count)


def achievable_dice(found: Overlap) -> Array:
    """(L,) float64: DSC of each label when every region takes the label most of its pixels have.

    No segmentation made of whole regions can be much better; 1 means that no region crosses the
    label's border. nan where the label does not occur. Pixels in no region count as background.
    """
    winner = found.shared.argmax(axis=1)
    won, right = np.zeros((2, len(found.pixels)))
    np.add.at(won, winner, found.shared.sum(axis=1))
    np.add.at(right, winner, found.shared.max(axis=1, initial=0))
    won[0] += found.outside.sum()
    right[0] += found.outside[0]
    return np.where(found.pixels > 0, 2 * right / np.maximum(won + found.pixels, 1), np.nan)


def merged_share(found: Overlap) -> Array:
    """(L,) float64: share of each organ's pixels in regions that hold more of another organ.

    The background (label 0) is no organ and does not count. Joining regions never lowers the
    number of such pixels. nan where the label does not occur, and for label 0.
    """
    organs = found.shared.copy()
    organs[:, 0] = -1
    leads = np.arange(organs.shape[1]) == organs.argmax(axis=1)[:, None]
    share = found.share(np.where(leads, 0, organs).sum(axis=0))
    share[0] = np.nan
    return share


def undersegmentation(found: Overlap) -> Array:
    """(L,) float64: Neubert and Protzel's error of each label, as a share of its pixels.

    Each region that touches the label counts with its smaller part, inside or outside: 0 when no
    region crosses the label's border. nan where the label does not occur.
    """
    inside = found.shared
    rest = inside.sum(axis=1, keepdims=True) - inside
    leak = np.minimum(inside, rest).sum(axis=0) + found.outside * (np.arange(inside.shape[1]) > 0)
    return found.share(leak)


@dataclass(frozen=True)
class Quality:
    """How far the superpixels of some slices respect organs; shares are means over the organs.

    Attributes:
        regions: mean number a slice.
        merged: share of an organ's pixels in regions that hold more of another organ.
        dice: DSC that a segmentation made of whole regions reaches.
        leak: undersegmentation error.
        worst: the organ with the most merged pixels, and its share.
    """

    regions: float
    merged: float
    dice: float
    leak: float
    worst: tuple[str, float]


def quality(regions: Array, labels: Array, organs: Sequence[str]) -> Quality:
    """Superpixels (N, H, W) against labels, 0 for background and k for the k-th organ."""
    found = overlap(regions, labels, len(organs) + 1)
    shares = [measure(found)[1:] for measure in (merged_share, achievable_dice, undersegmentation)]
    worst = int(np.nanargmax(shares[0]))
    merged, dice, leak = (float(np.nanmean(one)) for one in shares)
    where = organs[worst], float(shares[0][worst])
    return Quality(found.regions_per_slice, merged, dice, leak, where)

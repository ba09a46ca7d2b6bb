"""Superpixels of windowed CT slices (LRC section 2.1), and how far they respect organs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.segmentation import felzenszwalb

from ldl.errors import ConfigError, DataError
from ldl.runs.lrc import SuperpixelConfig

Array = np.ndarray
MOST = np.iinfo(np.int16).max  # region maps are int16
# Table and wires beside the body: parts of the picture smaller than this share of the largest.
ISLAND = 0.05


def superpixels(slice_: Array, config: SuperpixelConfig) -> Array:
    """Regions of one slice.

    Args:
        slice_: (C, H, W) uint8, windowed; channels are neighbouring slices or one.
        config: the parameters.

    Returns:
        (H, W) int16: 0..K-1 in row-major order of first appearance, -1 outside the body.

    Raises:
        ConfigError: more than 32,767 regions.
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
    """Ids 0.. in order of first appearance; negative ones become -1."""
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


def overlap(regions: Array, labels: Array, count: int) -> Overlap:
    """Count shared pixels slice by slice; equal ids in two slices are two regions.

    Args:
        regions: (N, H, W) integer; negative ids belong to no region.
        labels: (N, H, W) integer in 0..count-1.
        count: L, labels with the background.

    Raises:
        DataError: the shapes differ, or a label is not in 0..count-1.
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
    merged = merged_share(found)[1:]
    worst = int(np.nanargmax(merged))
    return Quality(
        found.regions_per_slice,
        float(np.nanmean(merged)),
        float(np.nanmean(achievable_dice(found)[1:])),
        float(np.nanmean(undersegmentation(found)[1:])),
        (organs[worst], float(merged[worst])),
    )


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
    won = np.zeros(len(found.pixels))
    right = np.zeros(len(found.pixels))
    np.add.at(won, winner, found.shared.sum(axis=1))
    np.add.at(right, winner, found.shared.max(axis=1, initial=0))
    won[0] += found.outside.sum()
    right[0] += found.outside[0]
    total = won + found.pixels
    return np.where(found.pixels > 0, 2 * right / np.maximum(total, 1), np.nan)


def merged_share(found: Overlap) -> Array:
    """(L,) float64: share of each organ's pixels in regions that hold more of another organ.

    The background (label 0) is no organ and does not count. Joining regions never lowers the
    number of such pixels. nan where the label does not occur, and for label 0.
    """
    organs = found.shared[:, 1:]
    leader = organs.argmax(axis=1)
    lost = np.where(np.arange(organs.shape[1]) == leader[:, None], 0, organs).sum(axis=0)
    pixels = found.pixels[1:]
    share = np.where(pixels > 0, lost / np.maximum(pixels, 1), np.nan)
    return np.concatenate([[np.nan], share])


def undersegmentation(found: Overlap) -> Array:
    """(L,) float64: Neubert and Protzel's error of each label, as a share of its pixels.

    Each region that touches the label counts with its smaller part, inside or outside: 0 when no
    region crosses the label's border. nan where the label does not occur.
    """
    inside = found.shared
    rest = inside.sum(axis=1, keepdims=True) - inside
    leak = np.minimum(inside, rest).sum(axis=0) + found.outside * (np.arange(inside.shape[1]) > 0)
    return np.where(found.pixels > 0, leak / np.maximum(found.pixels, 1), np.nan)

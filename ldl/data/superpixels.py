"""Superpixels of windowed CT slices: Felzenszwalb's algorithm (LRC section 2.1)."""

import numpy as np
from scipy import ndimage
from skimage.segmentation import felzenszwalb

from ldl.errors import ConfigError
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
